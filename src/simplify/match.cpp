#include "simplify/match.h"

#include <algorithm>
#include <cmath>

#include "onnx/fold.h"

namespace onnxport::simplify {

Node* producer(const Value* v, const Node& user) {
  if (v == nullptr || v->producer == nullptr || v->graph != user.graph) return nullptr;
  return v->producer;
}

Node* producer(const Value* v, std::string_view op_type, const Node& user) {
  Node* node = producer(v, user);
  return node != nullptr && node->is(op_type) ? node : nullptr;
}

bool used_once(const Value* v) { return v->uses.size() == 1 && v->graph_outputs == 0; }

bool can_replace(const Value* old_value, const Value* new_value) {
  if (old_value->graph_outputs == 0) return true;
  return new_value->producer != nullptr && new_value->graph == old_value->graph &&
         new_value->graph_outputs == 0;
}

Outcome replace_if_possible(Rewriter& r, Node& node, Value* value) {
  if (!can_replace(node.output(), value)) return no_match("a graph output would need an Identity");
  r.replace(node, value);
  return done();
}

const Tensor* constant_of(const Value* v) { return v != nullptr ? v->constant() : nullptr; }

std::optional<double> scalar_of(const Value* v) {
  const Tensor* t = constant_of(v);
  if (t == nullptr || t->numel() != 1 || byte_size(t->dtype) == 0) return std::nullopt;
  if (!is_floating(t->dtype) && !is_integer(t->dtype)) return std::nullopt;
  return t->as_doubles()[0];
}

bool is_scalar(const Value* v, double value, double tolerance) {
  std::optional<double> x = scalar_of(v);
  return x && std::abs(*x - value) <= tolerance;
}

bool all_equal(const Tensor& t, double value) {
  if (t.numel() > (1 << 16) || t.numel() == 0 || byte_size(t.dtype) == 0) return false;
  if (!is_floating(t.dtype) && !is_integer(t.dtype)) return false;
  const std::vector<double> values = t.as_doubles();
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == value; });
}

std::optional<std::vector<Expr>> content_of(const Value* v) {
  if (v == nullptr) return std::nullopt;
  if (const Tensor* t = v->constant()) {
    if (!is_integer(t->dtype) || byte_size(t->dtype) == 0 || t->dims.size() > 1) {
      return std::nullopt;
    }
    std::vector<Expr> out;
    for (int64_t x : t->as_ints()) out.emplace_back(x);
    return out;
  }
  if (v->is_input) return std::nullopt;
  return v->ints;
}

std::optional<std::vector<int64_t>> numbers_of(const Value* v) {
  auto content = content_of(v);
  if (!content) return std::nullopt;
  std::vector<int64_t> out;
  for (const Expr& e : *content) {
    if (!e.is_const()) return std::nullopt;
    out.push_back(e.value());
  }
  return out;
}

std::optional<std::vector<int64_t>> list_of(const Node& node, std::string_view name, size_t i) {
  if (const auto* a = node.find(name)) {
    if (const auto* list = std::get_if<onnx::Attribute::Ints>(&a->v)) return *list;
    return std::nullopt;
  }
  if (node.input(i) != nullptr) return numbers_of(node.input(i));
  return std::vector<int64_t>{};
}

bool same_shape(const Value* a, const Value* b) {
  return a != nullptr && b != nullptr && a->shape && b->shape && *a->shape == *b->shape;
}

std::optional<int64_t> dim_of(const Value* v, size_t axis) {
  if (v == nullptr || !v->shape || axis >= v->shape->size()) return std::nullopt;
  return (*v->shape)[axis].as_const();
}

std::optional<std::vector<int64_t>> perm_of(const Node& transpose) {
  std::vector<int64_t> perm = transpose.get<onnx::Attribute::Ints>("perm", {});
  const std::optional<Shape>& shape = transpose.input(0)->shape;
  if (perm.empty()) {
    if (!shape) return std::nullopt;
    for (size_t i = shape->size(); i-- > 0;) perm.push_back(static_cast<int64_t>(i));
  }
  if (!onnx::is_permutation(perm, perm.size())) return std::nullopt;
  if (shape && shape->size() != perm.size()) return std::nullopt;
  return perm;
}

std::optional<size_t> axis_in(int64_t axis, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  if (axis < -r || axis >= r) return std::nullopt;
  return static_cast<size_t>(axis < 0 ? axis + r : axis);
}

bool is_float(const Value* v) {
  return v != nullptr && (v->dtype == DType::kFloat || v->dtype == DType::kDouble);
}

std::optional<std::vector<int64_t>> reshape_target(const Shape& from, const Shape& to) {
  std::vector<int64_t> out;
  std::optional<size_t> open;
  for (size_t i = 0; i < to.size(); ++i) {
    if (to[i].is_const()) {
      if (to[i].value() <= 0) return std::nullopt;
      out.push_back(to[i].value());
    } else if (i < from.size() && from[i] == to[i]) {
      out.push_back(0);
    } else if (!open) {
      open = i;
      out.push_back(-1);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

Value* reshaped(Rewriter& r, Value* x, const Shape& to) {
  if (!x->shape) return nullptr;
  auto target = reshape_target(*x->shape, to);
  if (!target) return nullptr;
  return r.op("Reshape", {x, r.constant(Tensor::ints(*target), "shape")});
}

bool reshapes(const Node* node) {
  return node != nullptr && (node->is("Reshape") || node->is("Squeeze") || node->is("Unsqueeze") ||
                             node->is("Flatten"));
}

std::string name_of(const Node& node) {
  if (!node.name.empty()) return node.name;
  for (const Value* out : node.outputs) {
    if (out != nullptr) return out->name;
  }
  return node.op_type;
}

void name_producer(Value* made, const std::string& name) {
  if (made->producer != nullptr) made->producer->name = name;
}

void stand_for(Value* made, const Node& old_node) {
  name_producer(made, old_node.name);
  if (made->producer != nullptr) made->producer->origin = old_node.origin;
}

Tensor tensor_of(DType dtype, const std::vector<double>& values) {
  const std::vector<int64_t> dims{static_cast<int64_t>(values.size())};
  if (dtype == DType::kDouble) return Tensor::of<double>(dtype, dims, values);
  CHECK(dtype == DType::kFloat);
  return Tensor::of<float>(dtype, dims, std::vector<float>(values.begin(), values.end()));
}

Tensor map_constant(const Tensor& x, double (*f)(double)) {
  std::vector<double> values = x.as_doubles();
  for (double& v : values) v = f(v);
  return tensor_of(x.dtype, values).reshaped(x.dims);
}

std::optional<std::vector<double>> along_axis(const Tensor& t, size_t rank, size_t axis,
                                              int64_t count) {
  if (t.dims.size() > rank || (t.dtype != DType::kFloat && t.dtype != DType::kDouble)) {
    return std::nullopt;
  }
  if (t.numel() != 1) {
    for (size_t i = 0; i < t.dims.size(); ++i) {
      const size_t at = rank - t.dims.size() + i;
      if (t.dims[i] != (at == axis ? count : 1)) return std::nullopt;
    }
    if (t.numel() != count) return std::nullopt;
    return t.as_doubles();
  }
  return std::vector<double>(static_cast<size_t>(count), t.as_doubles()[0]);
}

}  // namespace onnxport::simplify
