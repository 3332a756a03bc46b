// If, Loop and Scan: only what holds whatever the bodies do. The bodies are inferred before.
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

const Graph* body(const Context& c, std::string_view attribute) {
  const Attribute* a = c.node.find(attribute);
  if (a == nullptr) return nullptr;
  const auto* g = std::get_if<Attribute::GraphRef>(&a->v);
  return g != nullptr ? g->get() : nullptr;
}

Status infer_if(Context& c) {
  const Graph *yes = body(c, "then_branch"), *no = body(c, "else_branch");
  if (yes == nullptr || no == nullptr) return {};
  for (size_t i = 0; i < c.node.outputs.size(); ++i) {
    if (i >= yes->outputs().size() || i >= no->outputs().size()) break;
    const Value *a = yes->outputs()[i], *b = no->outputs()[i];
    if (a->dtype != b->dtype || !a->type_proto.empty() || !b->type_proto.empty()) continue;
    c.out(i, a->dtype);
    if (!a->shape || !b->shape || a->shape->size() != b->shape->size()) continue;
    Shape both = *a->shape;
    for (size_t d = 0; d < both.size(); ++d) {
      if (both[d] != (*b->shape)[d]) both[d] = unknown_size();
    }
    c.out(i, a->dtype, both);
  }
  return {};
}
OP("If", {.infer = infer_if});

// Outputs: carried values, then one stacked tensor for each of the remaining body outputs.
Status infer_loop(Context& c) {
  const Graph* g = body(c, "body");
  if (g == nullptr || c.node.inputs.size() < 2) return {};
  const size_t carried = c.node.inputs.size() - 2;
  for (size_t i = 0; i < c.node.outputs.size() && i + 1 < g->outputs().size(); ++i) {
    const Value* v = g->outputs()[i + 1];
    if (!v->type_proto.empty()) continue;
    c.out(i, v->dtype);
    if (i < carried || !v->shape) continue;
    Shape stacked{unknown_size()};
    for (const Expr& d : *v->shape) stacked.push_back(d.is_const() ? d : unknown_size());
    c.out(i, v->dtype, stacked);
  }
  return {};
}
OP("Loop", {.infer = infer_loop});

Status infer_scan(Context& c) {
  const Graph* g = body(c, "body");
  if (g == nullptr || c.opset < 9) return {};
  for (size_t i = 0; i < c.node.outputs.size() && i < g->outputs().size(); ++i) {
    c.out(i, g->outputs()[i]->dtype);
  }
  return {};
}
OP("Scan", {.infer = infer_scan});

}  // namespace
}  // namespace onnxport::onnx::ops
