// The results of a model without inputs: what constant folding uses for operators that onnx/fold.h
// does not compute (see simplify/fold.h, Evaluate).
#pragma once

#include <stop_token>
#include <unordered_map>

#include "base/result.h"
#include "base/tensor.h"
#include "onnx/graph.h"
#include "sandbox/wall.h"

namespace onnxport::verify {

using Computed = std::unordered_map<const onnx::Value*, Tensor>;

struct EvaluateOptions {
  sandbox::Policy sandbox;
  std::stop_token cancel;
};

// Run by ONNX Runtime with its optimizations off, in a process of its own behind the sandbox's
// wall: constants of a strange file may crash it (the smallest integer divided by -1 does). The
// nodes are in order.
//
// All of it is one run. If that fails, the nodes are halved until those that fail are alone: then
// their outputs, and what needs them, are missing, and what they are computed from is there though
// it is no output of the model. The error says what happened if nothing can be computed. Tensors of
// strings are such failures.
Result<Computed> evaluate(const onnx::Model& model, const EvaluateOptions& options = {});

}  // namespace onnxport::verify
