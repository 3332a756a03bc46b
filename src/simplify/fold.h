// Constant folding of whole subgraphs: the cheap operators in process (onnx/fold.h), all the others
// of a round in one ONNX Runtime session, if a runtime is given.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::simplify {

// Runs a model without inputs and returns its outputs. verify/runtime.h makes one; a null one means
// that only the in-process folds are used.
using Evaluate = std::function<Result<std::vector<Tensor>>(const onnx::Model& model)>;

}  // namespace onnxport::simplify
