// If, Loop and Scan: only what holds whatever the bodies do. The bodies are inferred before.
#include "onnx/infer_rule.h"

namespace onnxport::onnx::inference {
namespace {

const Graph* body(const Context& c, std::string_view attribute) {
  const Attribute* a = c.node.find(attribute);
  if (a == nullptr) return nullptr;
  const auto* g = std::get_if<Attribute::GraphRef>(&a->v);
  return g != nullptr ? g->get() : nullptr;
}

Status if_(Context& c) {
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

// Outputs: carried values, then one stacked tensor for each of the remaining body outputs.
Status loop(Context& c) {
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

Status scan(Context& c) {
  const Graph* g = body(c, "body");
  if (g == nullptr || c.opset < 9) return {};
  for (size_t i = 0; i < c.node.outputs.size() && i < g->outputs().size(); ++i) {
    c.out(i, g->outputs()[i]->dtype);
  }
  return {};
}

}  // namespace

void add_control_rules(Table& t) {
  t["If"] = if_;
  t["Loop"] = loop;
  t["Scan"] = scan;
}

}  // namespace onnxport::onnx::inference
