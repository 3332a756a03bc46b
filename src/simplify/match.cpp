#include "simplify/match.h"

#include <algorithm>
#include <cmath>

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

bool has_constant_inputs(const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [](const Value* in) { return in == nullptr || in->constant() != nullptr; });
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

bool same_shape(const Value* a, const Value* b) {
  return a != nullptr && b != nullptr && a->shape && b->shape && *a->shape == *b->shape;
}

std::optional<int64_t> dim_of(const Value* v, size_t axis) {
  if (v == nullptr || !v->shape || axis >= v->shape->size()) return std::nullopt;
  return (*v->shape)[axis].as_const();
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

bool reshapes(const Node* node) { return node != nullptr && has_trait(*node, Trait::kReshapes); }

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
