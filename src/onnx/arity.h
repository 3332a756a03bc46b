// What every rule may rely on: a node of an ONNX operator has the inputs and outputs it must have.
#pragma once

#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::onnx {

// An error that names the first node, in any graph, with too few or too many inputs or outputs, or
// with a required one left out. Operators that ONNX does not define are passed over.
Status check_arity(const Model& model);

}  // namespace onnxport::onnx
