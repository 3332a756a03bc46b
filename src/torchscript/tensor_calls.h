// Calls on tensors: run in every sample for sizes and types (sample_runs.h), recorded as nodes of
// the program, or computed for good where they are made of constants alone.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

// An operator of libtorch without a builtin, one that takes or gives tensors.
void tensor_call(Evaluator& e, Call& call);

// Records `op` on these values, by the names of its parameters, as part of the call at hand, and
// gives its first result. `record_all`: all its results.
using Arguments = std::vector<std::pair<std::string, Ref>>;
Ref record(Evaluator& e, Call& at, const std::string& op, const std::string& overload,
           const Arguments& args);
std::vector<Ref> record_all(Evaluator& e, Call& at, const std::string& op,
                            const std::string& overload, const Arguments& args);

// The node of a call as it is written, without its outputs. `schema`: of the call's own operator.
aten::Node node_of(Evaluator& e, Call& call, const c10::FunctionSchema& schema);
// An output of the node whose sizes are these.
Ref sized_output(Evaluator& e, aten::Node& node, const Shape& dims, at::ScalarType type);

}  // namespace onnxport::torchscript
