// Constant folding of whole subgraphs: the cheap operators in process (onnx/fold.h), all the others
// of a round in one ONNX Runtime session, if a runtime is given.
#pragma once

#include <functional>
#include <unordered_map>

#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::simplify {

// Computes a model without inputs: its outputs, or as much of it as can be computed, and what the
// rest is computed from (verify/evaluate.h is one). Null: only the in-process folds are used.
using Computed = std::unordered_map<const onnx::Value*, Tensor>;
using Evaluate = std::function<Result<Computed>(const onnx::Model& model)>;

}  // namespace onnxport::simplify
