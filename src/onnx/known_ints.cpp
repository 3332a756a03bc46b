#include "onnx/known_ints.h"

#include "onnx/ops/op_def.h"

namespace onnxport::onnx {

std::optional<std::vector<Expr>> known_ints(const Value* v) {
  if (v == nullptr) return std::nullopt;
  const Tensor* t = v->constant();
  if (t == nullptr) return v->ints;
  if (!is_integer(t->dtype) && t->dtype != DType::kBool) return std::nullopt;
  if (t->dims.size() > 1 || t->numel() > static_cast<int64_t>(kMaxKnownInts)) return std::nullopt;
  if (byte_size(t->dtype) == 0) return std::nullopt;
  std::vector<Expr> content;
  for (int64_t x : t->as_ints()) content.emplace_back(x);
  return content;
}

std::optional<std::vector<int64_t>> known_numbers(const Value* v) {
  const auto content = known_ints(v);
  if (!content) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const Expr& e : *content) {
    if (!e.is_const()) return std::nullopt;
    numbers.push_back(e.value());
  }
  return numbers;
}

std::optional<Tensor> known_tensor(const Value& v) {
  if (!v.ints || !v.shape || v.shape->size() > 1) return std::nullopt;
  const bool scalar = v.shape->empty();
  if (scalar ? v.ints->size() != 1 : !(*v.shape)[0].is_const()) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const Expr& e : *v.ints) {
    if (!e.is_const()) return std::nullopt;
    numbers.push_back(e.value());
  }
  std::vector<int64_t> dims;
  if (!scalar) dims.push_back(static_cast<int64_t>(numbers.size()));
  switch (v.dtype) {
    case DType::kInt64:
      return Tensor::of<int64_t>(DType::kInt64, dims, numbers);
    case DType::kInt32:
      return Tensor::of<int32_t>(DType::kInt32, dims,
                                 std::vector<int32_t>(numbers.begin(), numbers.end()));
    case DType::kBool:
      return Tensor::of<uint8_t>(DType::kBool, dims,
                                 std::vector<uint8_t>(numbers.begin(), numbers.end()));
    default:
      return std::nullopt;
  }
}

std::optional<std::vector<int64_t>> list_of(const Node& node, std::string_view name,
                                            bool* left_out) {
  if (left_out != nullptr) *left_out = false;
  if (const Attribute* a = node.find(name)) {
    if (const auto* values = std::get_if<Attribute::Ints>(&a->v)) return *values;
    if (const auto* value = std::get_if<int64_t>(&a->v)) return Attribute::Ints{*value};
    return std::nullopt;
  }
  const std::optional<size_t> input = ops::input_of(node, name);
  CHECK(input);
  if (node.input(*input) != nullptr) return known_numbers(node.input(*input));
  if (left_out != nullptr) *left_out = true;
  return std::vector<int64_t>{};
}

bool is_permutation(const std::vector<int64_t>& perm, size_t rank) {
  std::vector<bool> seen(rank, false);
  for (const int64_t axis : perm) {
    if (axis < 0 || static_cast<size_t>(axis) >= rank || seen[static_cast<size_t>(axis)]) {
      return false;
    }
    seen[static_cast<size_t>(axis)] = true;
  }
  return perm.size() == rank;
}

std::optional<std::vector<int64_t>> perm_of(const Node& transpose) {
  std::vector<int64_t> perm = transpose.get<Attribute::Ints>("perm", {});
  const std::optional<Shape>& shape = transpose.input(0)->shape;
  if (perm.empty()) {
    if (!shape) return std::nullopt;
    for (size_t i = shape->size(); i-- > 0;) perm.push_back(static_cast<int64_t>(i));
  }
  if (!is_permutation(perm, perm.size())) return std::nullopt;
  if (shape && shape->size() != perm.size()) return std::nullopt;
  return perm;
}

}  // namespace onnxport::onnx
