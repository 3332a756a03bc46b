// The results of a model without inputs: what constant folding uses for operators that onnx/fold.h
// does not compute (see simplify/fold.h, Evaluate).
#pragma once

#include <vector>

#include "base/result.h"
#include "base/tensor.h"
#include "onnx/graph.h"

namespace onnxport::verify {

// Run by ONNX Runtime with its optimizations off, in a process of its own: constants of a strange
// file may crash it (the smallest integer divided by -1 does). The error says what happened;
// tensors of strings are refused.
Result<std::vector<Tensor>> evaluate(const onnx::Model& model);

}  // namespace onnxport::verify
