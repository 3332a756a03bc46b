#include "simplify/declared_types.h"

#include "onnx/infer.h"
#include "onnx/walk.h"

namespace onnxport::simplify {
namespace {

bool is_between(const onnx::Value& value) {
  return value.producer != nullptr && value.graph_outputs == 0;
}

// About the bytes that a shape takes in a file.
size_t room(const std::optional<Shape>& shape) {
  if (!shape) return 0;
  size_t bytes = 2;
  for (const Expr& size : *shape) {
    bytes += 2;
    if (size.is_const()) {
      for (uint64_t left = static_cast<uint64_t>(size.value()); left >= 0x80; left >>= 7) ++bytes;
      bytes += 2;
    } else if (!onnx::is_unknown_dim(size)) {
      bytes += 2 + size.str().size();
    }
  }
  return bytes;
}

bool contradicts(const Shape& declared, const Shape& found) {
  if (declared.size() != found.size()) return true;
  for (size_t i = 0; i < declared.size(); ++i) {
    if (!declared[i].is_const() || onnx::is_unknown_dim(found[i])) continue;
    if (declared[i] != found[i]) return true;
  }
  return false;
}

// Before opset 22, onnx's own inference counts one more window than there is where the last one
// would start in the padding. A file with sizes that it found (its checker finds them again) has
// them in what comes after the pool too.
bool is_rounded_up(const onnx::Node& node) {
  const bool pools = node.is("MaxPool") || node.is("AveragePool") || node.is("LpPool");
  return pools && node.get<int64_t>("ceil_mode", 0) != 0;
}

}  // namespace

DeclaredTypes::DeclaredTypes(const onnx::Model& model) {
  size_t between = 0;
  for (onnx::Graph* graph : onnx::all_graphs(model)) {
    Types& types = graphs_[graph];
    for (onnx::Value* value : graph->values()) {
      const bool typed = value->dtype != DType::kUndefined || !value->type_proto.empty();
      if (is_between(*value)) {
        ++between;
        if (!typed) complete_ = false;
      }
      if (typed) types[value->name] = {value->dtype, value->shape, value->type_proto};
    }
  }
  if (between == 0) complete_ = false;
}

bool DeclaredTypes::contradicted(onnx::Model& model) {
  bool found = false;
  for (onnx::Graph* graph : onnx::all_graphs(model)) {
    const Types& types = graphs_.at(graph);
    for (onnx::Value* value : graph->values()) {
      if (value->producer == nullptr || !value->shape) continue;
      auto it = types.find(value->name);
      if (it == types.end() || !it->second.shape) continue;
      if (!contradicts(*it->second.shape, *value->shape)) continue;
      found = true;
      checker_differs_ |= model.opset() < 22 && is_rounded_up(*value->producer);
    }
  }
  return found;
}

Status DeclaredTypes::infer(onnx::Model& model, std::vector<Error>* problems) {
  TRY(onnx::infer(model, problems));
  if (!contradicted(model)) return {};
  for (onnx::Graph* graph : onnx::all_graphs(model)) {
    for (onnx::Value* value : graph->values()) {
      if (value->producer == nullptr) continue;
      value->shape.reset();
      value->ints.reset();
    }
  }
  if (problems != nullptr) problems->clear();
  return onnx::infer(model, problems);
}

void DeclaredTypes::restore(onnx::Model& model) const {
  for (onnx::Graph* graph : onnx::all_graphs(model)) {
    const auto types = graphs_.find(graph);
    const bool is_body = graph->outer() != nullptr;
    for (onnx::Value* value : graph->values()) {
      // An initializer's type is its content's; the main graph's inputs have not changed.
      if (value->producer == nullptr && !(is_body && value->is_input)) continue;
      if (checker_differs_ && is_between(*value)) value->shape.reset();
      const Type* declared = nullptr;
      if (types != graphs_.end()) {
        auto it = types->second.find(value->name);
        if (it != types->second.end()) declared = &it->second;
      }
      if (declared == nullptr) {
        // A graph's own output must have a type; a body's need not.
        if (complete_ || (!is_body && value->graph_outputs > 0)) continue;
        value->dtype = DType::kUndefined;
        value->shape.reset();
        value->type_proto.clear();
      } else if (!is_between(*value) || room(value->shape) > room(declared->shape)) {
        if (declared->dtype != DType::kUndefined) value->dtype = declared->dtype;
        value->shape = declared->shape;
      }
    }
  }
}

}  // namespace onnxport::simplify
