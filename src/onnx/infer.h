// Shape inference with symbolic dimensions and symbolic integer contents (data propagation).
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::onnx {

// Sets dtype, shape and (for small integer tensors) `ints` of the node's outputs from its inputs,
// attributes and constant contents. What is not known stays unknown. An Error only when the node
// breaks its operator's rules (ranks or sizes that can never fit).
Status infer(Node& node, int64_t opset);

// The whole graph, in order, subgraphs included. With `problems`, nodes that break their operator's
// rules are listed there and left unknown; without, the first one is the error.
Status infer(Model& model, std::vector<Error>* problems = nullptr);

}  // namespace onnxport::onnx
