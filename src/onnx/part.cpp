#include "onnx/part.h"

#include <algorithm>
#include <utility>

namespace onnxport::onnx {

bool leaves(const Value& value, const std::function<bool(const Node&)>& inside) {
  return value.graph_outputs > 0 || std::any_of(value.uses.begin(), value.uses.end(),
                                                [&](const Use& use) { return !inside(*use.node); });
}

Part::Part(const Model& whole) {
  model_.ir_version = whole.ir_version;
  model_.opset_imports = whole.opset_imports;
}

bool Part::add(const Node& node, const Content& content) {
  std::vector<Value*> inputs;
  for (const Value* in : node.inputs) {
    if (in != nullptr && copies_.count(in) == 0) {
      const Tensor* tensor = content(*in);
      if (tensor == nullptr) return false;
      copies_[in] = model_.graph->add_initializer(in->name, *tensor);
    }
    inputs.push_back(in != nullptr ? copies_[in] : nullptr);
  }
  Node* copy = model_.graph->add_node(node.op_type, std::move(inputs), node.attributes,
                                      node.outputs.size(), nullptr, node.domain);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == nullptr) continue;
    copy->outputs[i]->dtype = node.outputs[i]->dtype;
    copy->outputs[i]->shape = node.outputs[i]->shape;
    copies_[node.outputs[i]] = copy->outputs[i];
  }
  nodes_.push_back(&node);
  inside_.insert(&node);
  return true;
}

std::vector<const Value*> Part::close() {
  std::vector<const Value*> given;
  const auto inside = [this](const Node& node) { return contains(node); };
  for (const Node* node : nodes_) {
    for (const Value* out : node->outputs) {
      if (out == nullptr || !leaves(*out, inside)) continue;
      given.push_back(out);
      model_.graph->add_output(copies_[out]);
    }
  }
  return given;
}

const Value* Part::copy_of(const Value* value) const {
  const auto found = copies_.find(value);
  return found == copies_.end() ? nullptr : found->second;
}

}  // namespace onnxport::onnx
