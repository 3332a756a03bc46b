#include "onnx/fold.h"

#include "onnx/ops/fold_call.h"

namespace onnxport::onnx {

std::optional<std::vector<Tensor>> fold(const Node& node, int64_t opset, int64_t max_elements) {
  if (!node.domain.empty()) return std::nullopt;
  const ops::OpDef* def = ops::find(node);
  if (def == nullptr || def->fold == nullptr) return std::nullopt;
  for (const Value* input : node.inputs) {
    if (input == nullptr) continue;
    // Strings, complex numbers and elements of less than a byte are left to the runtime.
    if (input->constant() == nullptr || !is_plain_number(input->constant()->dtype)) {
      return std::nullopt;
    }
  }
  return def->fold({node, opset, max_elements});
}

}  // namespace onnxport::onnx
