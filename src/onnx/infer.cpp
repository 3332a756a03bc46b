#include "onnx/infer.h"

#include "onnx/ops/infer_context.h"

namespace onnxport::onnx {
namespace {

// What a small integer output contains, once its type is known.
void propagate_ints(const ops::OpDef& def, ops::Context& c) {
  const Value* v = c.node.output();
  if (v == nullptr || def.ints == nullptr) return;
  if (!ops::wide_integer(v->dtype) && v->dtype != DType::kBool) return;
  // A matrix's elements would lose their order's meaning: scalars and lists only.
  if (!v->shape || v->shape->size() > 1) return;
  std::optional<ops::Ints> content = def.ints(c);
  if (!content || content->size() > kMaxKnownInts) return;
  const bool scalar = v->shape->empty();
  if (scalar && content->size() != 1) return;
  if (!scalar && (*v->shape)[0].is_const() &&
      (*v->shape)[0].value() != static_cast<int64_t>(content->size())) {
    return;
  }
  c.out_ints(0, std::move(*content));
}

// What a body's inputs are known to be from the node that runs it.
void enter_bodies(const Node& node) {
  for (Graph* body : subgraphs(node)) {
    if (!node.is("Loop")) continue;
    for (size_t i = 0; i < body->inputs.size(); ++i) {
      Value* formal = body->inputs[i];
      const Value* actual = node.input(i);
      if (formal->dtype == DType::kUndefined) {
        if (i == 0) formal->dtype = DType::kInt64;
        if (i == 1) formal->dtype = DType::kBool;
        if (i >= 2 && actual != nullptr) formal->dtype = actual->dtype;
      }
    }
  }
}

}  // namespace

Status infer(Node& node, int64_t opset) {
  const ops::OpDef* def = ops::find(node);
  if (def == nullptr || def->infer == nullptr) return {};
  for (const Value* input : node.inputs) {
    // Sequences, maps and optionals: their element type is not the value's dtype.
    if (input != nullptr && !input->type_proto.empty()) return {};
  }
  ops::Context context(node, opset);
  if (Status status = def->infer(context); !status.ok()) {
    // What a file states of a node that cannot be right is not believed either.
    for (Value* output : node.outputs) {
      if (output == nullptr) continue;
      output->shape.reset();
      output->ints.reset();
    }
    return status;
  }
  propagate_ints(*def, context);
  return {};
}

// Bodies before the node that runs them, with an explicit stack: nesting comes from a file.
Status infer(Model& model, std::vector<Error>* problems) {
  struct Frame {
    Node* next;
    bool entered;
  };
  const int64_t opset = model.opset();
  std::vector<Frame> stack{{model.graph->first(), false}};
  while (!stack.empty()) {
    Node* node = stack.back().next;
    if (node == nullptr) {
      stack.pop_back();
      continue;
    }
    if (!stack.back().entered) {
      stack.back().entered = true;
      const std::vector<Graph*> bodies = subgraphs(*node);
      if (!bodies.empty()) {
        enter_bodies(*node);
        for (Graph* body : bodies) {
          stack.push_back({body->first(), false});
        }
        continue;
      }
    }
    stack.back() = {node->next, false};
    if (Status status = infer(*node, opset); !status.ok()) {
      if (problems == nullptr) return status;
      problems->push_back(status.error());
    }
  }
  return {};
}

}  // namespace onnxport::onnx
