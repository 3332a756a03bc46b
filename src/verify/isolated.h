// A proof in a process of its own, for models of which nobody can tell whether they end: libtorch's
// interpreter cannot be interrupted, a process can.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "aten/program.h"
#include "base/result.h"
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

// `prove` in a fork of this process. A step that takes longer than `limit` seconds ends it: an
// Error that names the step and the loop at `loop`, or, once there was a verdict, that verdict.
// So does a request to stop: then the Error says that.
Result<Verdict> verify_isolated(const std::function<Result<Verdict>(const Steps&)>& prove,
                                double limit, const std::string& loop,
                                const std::stop_token& cancel = {});

}  // namespace onnxport::verify
