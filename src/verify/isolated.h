// A proof in a process of its own: what a file makes libtorch and ONNX Runtime do happens behind
// the sandbox's wall, and a model of which nobody can tell whether it ends can be ended.
#pragma once

#include <functional>
#include <string>

#include "aten/program.h"
#include "base/result.h"
#include "sandbox/child.h"
#include "verify/verify.h"

namespace onnxport::verify {

// The source location ("model.py:7 in forward: while ...") of a loop that ends only when the data
// says so; "" when the program has none.
std::string unbounded_loop(const aten::Program& program);

// What the proof is about to do ("the model's forward() with inputs of [2, 3]"), and a verdict that
// stands even if what comes next does not end.
struct Steps {
  std::function<void(const std::string&)> next;
  std::function<void(const Verdict&)> verdict;
};

// What holds of such a process.
struct Isolation {
  std::string loop;  // a loop that may not end (unbounded_loop()); "": there is none
  double limit = 0;  // seconds that a step may take where there is one
  sandbox::ChildOptions child;
};

// `prove` in a process behind the wall. One that crashes, or exceeds a limit, gives an Error that
// says in which step, or, once there was a verdict, that verdict. So does a request to stop: then
// the Error says that.
Result<Verdict> verify_isolated(const std::function<Result<Verdict>(const Steps&)>& prove,
                                const Isolation& isolation);

}  // namespace onnxport::verify
