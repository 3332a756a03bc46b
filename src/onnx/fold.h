// Computes a node whose inputs are all constant, for the cheap and exact operators (shape
// arithmetic, elementwise, data movement). The rest is left to ONNX Runtime (see simplify/fold.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "onnx/graph.h"

namespace onnxport::onnx {

// The outputs' tensors, or nullopt when the operator, dtype or attributes are not handled here, an
// input is not constant, or a result would have more than `max_elements` elements. Float results
// are computed in float32 as the operator's definition says (one rounding per operation).
std::optional<std::vector<Tensor>> fold(const Node& node, int64_t opset,
                                        int64_t max_elements = 1 << 16);

}  // namespace onnxport::onnx
