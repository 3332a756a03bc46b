// If and its bodies.
#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

onnx::Graph* body_of(const Node& node, std::string_view name) {
  const auto* attribute = node.find(name);
  const auto* graph =
      attribute != nullptr ? std::get_if<onnx::Attribute::GraphRef>(&attribute->v) : nullptr;
  return graph != nullptr ? graph->get() : nullptr;
}

// If(true, A, B)  =>  A,  If(false, A, B)  =>  B
RULE(inline_constant_if, "If") {
  const Tensor* condition = constant_of(node.input(0));
  if (condition == nullptr || condition->numel() != 1 || condition->dtype != DType::kBool) {
    return no_match("the condition is not constant");
  }
  const bool chosen = condition->values<uint8_t>()[0] != 0;
  onnx::Graph* body = body_of(node, chosen ? "then_branch" : "else_branch");
  const onnx::Graph* other = body_of(node, chosen ? "else_branch" : "then_branch");
  if (body == nullptr || other == nullptr || !body->inputs.empty() ||
      body->outputs().size() != node.outputs.size()) {
    return no_match("its bodies are not an If's");
  }
  // What is kept as bytes has names in it, which would change.
  if (!body->sparse_initializers.empty() || !body->quantization_annotations.empty()) {
    return no_match("the body has sparse initializers or annotations");
  }
  size_t identities = 0;  // outputs of the graph that the body does not make itself
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Value *out = node.outputs[i], *result = body->outputs()[i];
    if (out == nullptr || out->graph_outputs == 0) continue;
    const bool made =
        result->graph == body && result->producer != nullptr && result->graph_outputs == 1;
    if (!made) ++identities;
  }
  if (identities > 1 + other->total_node_count()) return no_match("more nodes than before");
  r.inline_body(node, *body);
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
