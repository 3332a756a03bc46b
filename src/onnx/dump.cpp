// The text form of a model. One line a value or node:
//
//   graph main_graph
//     input x: float32[batch, 3, 8, 8]
//     initializer weight: float32[4, 3, 1, 1]
//     initializer axes: int64[2] = [2, 3]
//     y: float32[batch, 4, 8, 8] = Conv(x, weight) {kernel_shape=[1, 1]}
//     output y: float32[batch, 4, 8, 8]
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "onnx/graph.h"

namespace onnxport::onnx {
namespace {

constexpr int64_t kMaxShown = 16;  // elements of a tensor

std::string type_text(const Value& value) {
  if (!value.type_proto.empty()) return "(not a tensor)";
  if (!value.shape) return name(value.dtype) + std::string("[...]");
  std::string dims;
  for (const Expr& dim : *value.shape) {
    if (!dims.empty()) dims += ", ";
    dims += is_unknown_dim(dim) ? "?" : dim.str();
  }
  return name(value.dtype) + ("[" + dims + "]");
}

std::string tensor_text(const Tensor& t) {
  std::string text = fmt::format("{}[{}]", name(t.dtype), fmt::join(t.dims, ", "));
  if (t.numel() > kMaxShown) return text;
  if (t.dtype == DType::kString) return text + fmt::format(" = {}", t.strings);
  if (is_integer(t.dtype) && byte_size(t.dtype) > 0) {
    return text + fmt::format(" = [{}]", fmt::join(t.as_ints(), ", "));
  }
  switch (t.dtype) {
    case DType::kBool:
      return text + fmt::format(" = [{}]", fmt::join(t.as_ints(), ", "));
    case DType::kFloat:
      return text + fmt::format(" = [{}]", fmt::join(t.values<float>(), ", "));
    case DType::kDouble:
    case DType::kFloat16:
    case DType::kBFloat16:
      return text + fmt::format(" = [{}]", fmt::join(t.as_doubles(), ", "));
    default:
      return text;
  }
}

void dump_graph(const Graph& graph, int indent, std::string& out);

struct AttributeText {
  int indent;

  std::string operator()(int64_t x) const { return fmt::format("{}", x); }
  std::string operator()(float x) const { return fmt::format("{}f", x); }
  std::string operator()(const std::string& x) const { return fmt::format("{:?}", x); }
  std::string operator()(const Tensor& x) const { return tensor_text(x); }
  std::string operator()(const Attribute::Ints& x) const { return fmt::format("{}", x); }
  std::string operator()(const Attribute::Floats& x) const { return fmt::format("{}f", x); }
  std::string operator()(const Attribute::Strings& x) const { return fmt::format("{}", x); }
  std::string operator()(const std::vector<Tensor>& x) const {
    std::string text;
    for (const Tensor& t : x) text += (text.empty() ? "" : ", ") + tensor_text(t);
    return "[" + text + "]";
  }
  std::string operator()(const Attribute::GraphRef& x) const {
    std::string text = "\n";
    dump_graph(*x, indent + 2, text);
    return text + std::string(indent + 1, ' ');
  }
  std::string operator()(const std::vector<Attribute::GraphRef>& x) const {
    std::string text;
    for (const Attribute::GraphRef& graph : x) text += (*this)(graph);
    return text;
  }
  std::string operator()(const Opaque& x) const {
    return fmt::format("({} bytes)", x.bytes.size());
  }
};

std::string node_text(const Node& node, int indent) {
  std::string outputs, inputs, attributes;
  for (const Value* value : node.outputs) {
    outputs += outputs.empty() ? "" : ", ";
    outputs += value == nullptr ? "_" : value->name + ": " + type_text(*value);
  }
  for (const Value* value : node.inputs) {
    if (!inputs.empty()) inputs += ", ";
    inputs += value == nullptr ? "_" : value->name;
  }
  for (const auto& [key, attribute] : node.attributes) {
    attributes += (attributes.empty() ? "" : ", ") + key + "=";
    attributes += std::visit(AttributeText{indent}, attribute.v);
  }
  const std::string domain = node.domain.empty() ? "" : node.domain + "::";
  const std::string braces = attributes.empty() ? "" : " {" + attributes + "}";
  return outputs + " = " + domain + node.op_type + "(" + inputs + ")" + braces;
}

void dump_graph(const Graph& graph, int indent, std::string& out) {
  const std::string margin(indent, ' ');
  out += margin + "graph " + graph.name + "\n";
  for (const Value* value : graph.inputs) {
    out += margin + "  input " + value->name + ": " + type_text(*value) + "\n";
  }
  for (const Value* value : graph.initializers()) {
    out += margin + "  initializer " + value->name + ": " + tensor_text(*value->initializer) + "\n";
  }
  for (const Node* node = graph.first(); node != nullptr; node = node->next) {
    out += margin + "  " + node_text(*node, indent + 2) + "\n";
  }
  for (const Value* value : graph.outputs()) {
    out += margin + "  output " + value->name + ": " + type_text(*value) + "\n";
  }
}

}  // namespace

std::string dump(const Model& model) {
  std::string out = fmt::format("ir_version {}\n", model.ir_version);
  for (const auto& [domain, version] : model.opset_imports) {
    out += fmt::format("opset {} {}\n", domain.empty() ? "ai.onnx" : domain, version);
  }
  for (const auto& [key, value] : model.metadata)
    out += fmt::format("metadata {} = {:?}\n", key, value);
  if (!model.functions.empty()) out += fmt::format("functions {}\n", model.functions.size());
  dump_graph(*model.graph, 0, out);
  return out;
}

}  // namespace onnxport::onnx
