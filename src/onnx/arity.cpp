#include "onnx/arity.h"

#include <onnx/defs/schema.h>

#include <algorithm>

#include "onnx/walk.h"

namespace onnxport::onnx {
namespace {

using ::onnx::OpSchema;
using ::onnx::OpSchemaRegistry;

// An operator that is newer than the file's opset is judged by its newest form.
const OpSchema* schema_of(const Node& node, int64_t opset) {
  const int version = static_cast<int>(std::clamp<int64_t>(opset, 1, 1 << 20));
  const OpSchema* schema = OpSchemaRegistry::Schema(node.op_type, version, "");
  return schema != nullptr ? schema : OpSchemaRegistry::Schema(node.op_type, "");
}

Error wrong_count(const char* what, size_t count, int least, int most) {
  std::string text = "it has " + std::to_string(count) + " " + what + "; its operator takes ";
  text += std::to_string(least);
  if (most != least) text += most == INT_MAX ? " or more" : " to " + std::to_string(most);
  return Error{text, ""};
}

Status check_node(const Node& node, int64_t opset) {
  const OpSchema* schema = schema_of(node, opset);
  if (schema == nullptr) return {};
  const auto inputs = static_cast<int>(std::min<size_t>(node.inputs.size(), INT_MAX));
  const auto outputs = static_cast<int>(std::min<size_t>(node.outputs.size(), INT_MAX));
  if (inputs < schema->min_input() || inputs > schema->max_input()) {
    return wrong_count("inputs", node.inputs.size(), schema->min_input(), schema->max_input());
  }
  if (outputs < schema->min_output() || outputs > schema->max_output()) {
    return wrong_count("outputs", node.outputs.size(), schema->min_output(), schema->max_output());
  }
  const std::vector<OpSchema::FormalParameter>& formals = schema->inputs();
  for (size_t i = 0; i < node.inputs.size() && i < formals.size(); ++i) {
    if (node.inputs[i] == nullptr && formals[i].GetOption() == OpSchema::Single) {
      return Error{"its input " + formals[i].GetName() + " is left out, and it is not optional",
                   ""};
    }
  }
  return {};
}

}  // namespace

Status check_arity(const Model& model) {
  const int64_t opset = model.opset();
  for (const Graph* graph : all_graphs(model)) {
    for (const Node* node = graph->first(); node != nullptr; node = node->next) {
      if (!node->domain.empty()) continue;
      if (auto status = check_node(*node, opset); !status.ok()) {
        std::string name = node->name;
        if (name.empty() && node->output() != nullptr) name = "of " + node->output()->name;
        return std::move(status).error().at("node " + name + " (" + node->op_type + ")");
      }
    }
  }
  return {};
}

}  // namespace onnxport::onnx
