#include "onnx/ops/op_def.h"

#include <algorithm>
#include <unordered_map>

namespace onnxport::onnx {
namespace ops {
namespace {

using Table = std::unordered_map<std::string_view, OpDef>;

struct Tables {
  Table own;        // ONNX's
  Table microsoft;  // what ONNX Runtime's tools leave in files
};

// Made when the first family file registers, whichever that is.
Tables& tables() {
  static Tables all;
  return all;
}

const OpDef* find_in(const Table& table, std::string_view op_type) {
  const auto found = table.find(op_type);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace

bool define(const char* op_type, OpDef def) {
  const std::string_view domain = def.domain;
  CHECK(domain.empty() || domain == "com.microsoft");
  Table& table = domain.empty() ? tables().own : tables().microsoft;
  CHECK(table.emplace(op_type, def).second);
  return true;
}

bool define(std::initializer_list<const char*> op_types, OpDef def) {
  for (const char* op_type : op_types) define(op_type, def);
  return true;
}

const OpDef* find(std::string_view op_type) { return find_in(tables().own, op_type); }

const OpDef* find(const Node& node) {
  if (node.domain.empty()) return find(node.op_type);
  return node.domain == "com.microsoft" ? find_in(tables().microsoft, node.op_type) : nullptr;
}

std::optional<size_t> input_of(const Node& node, std::string_view name) {
  const OpDef* def = find(node);
  if (def == nullptr) return std::nullopt;
  const auto& names = def->became_inputs.names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<size_t>(found - names.begin()) + 1;
}

std::vector<std::pair<std::string_view, const OpDef*>> all() {
  std::vector<std::pair<std::string_view, const OpDef*>> rows;
  for (const Table* table : {&tables().own, &tables().microsoft}) {
    for (const auto& [op_type, def] : *table) rows.emplace_back(op_type, &def);
  }
  return rows;
}

}  // namespace ops

bool has_trait(std::string_view op_type, Trait trait) {
  const ops::OpDef* def = ops::find(op_type);
  return def != nullptr && def->traits.has(trait);
}

bool has_trait(const Node& node, Trait trait) {
  return node.domain.empty() && has_trait(node.op_type, trait);
}

bool is_random(const Node& node) {
  if (!has_trait(node, Trait::kRandom)) return false;
  if (!node.is("Dropout")) return true;
  if (node.get<int64_t>("is_test", 1) == 0) return true;  // before opset 7
  if (node.input(2) == nullptr) return false;
  const Tensor* training = node.input(2)->constant();
  return training == nullptr || training->numel() != 1 || training->as_ints()[0] != 0;
}

}  // namespace onnxport::onnx
