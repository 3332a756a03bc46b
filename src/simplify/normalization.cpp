// Normalizations that an exporter spelt out, put together again where the opset has the operator.
#include <algorithm>

#include "simplify/match.h"
#include "simplify/product.h"

namespace onnxport::simplify {
namespace {

// v = x * x: x, or null.
Value* square_root_of(const Value* v, const Node& user) {
  Node* node = producer(v, user);
  if (node == nullptr) return nullptr;
  if (node->is("Pow") && is_scalar(node->input(1), 2)) return node->input(0);
  if (node->is("Mul") && node->input(0) == node->input(1)) return node->input(0);
  return nullptr;
}

// Reduce over the last axes, which stay with size one: the first of them, or nullopt.
std::optional<size_t> last_axes(const Node& reduce) {
  const Value* x = reduce.input(0);
  auto axes = list_of(reduce, "axes");
  if (!axes || axes->empty() || !x->shape || reduce.get<int64_t>("keepdims", 1) == 0) {
    return std::nullopt;
  }
  const size_t rank = x->shape->size();
  std::vector<bool> reduced(rank, false);
  for (int64_t a : *axes) {
    auto axis = axis_of(a, rank);
    if (!axis) return std::nullopt;
    reduced[*axis] = true;
  }
  const auto first = std::find(reduced.begin(), reduced.end(), true);
  if (!std::all_of(first, reduced.end(), [](bool r) { return r; })) return std::nullopt;
  return static_cast<size_t>(first - reduced.begin());
}

struct Normalized {
  Value* x;
  size_t axis;
  double epsilon;
};

// v = d / sqrt(mean(d * d) + epsilon): d, its axes and epsilon.
std::optional<Normalized> by_root_mean_square(const Value* v, const Node& user) {
  Node* node = producer(v, user);
  if (node == nullptr || (!node->is("Div") && !node->is("Mul"))) return std::nullopt;
  for (size_t i = 0; i < (node->is("Div") ? 1 : 2); ++i) {
    Value* d = node->input(i);
    Node* root = producer(node->input(1 - i), user);
    if (node->is("Mul")) {
      if (root == nullptr || !root->is("Reciprocal")) continue;
      root = producer(root->input(0), user);
    }
    if (root == nullptr || !root->is("Sqrt")) continue;
    Node* sum = producer(root->input(0), "Add", user);
    for (size_t k = 0; sum != nullptr && k < 2; ++k) {
      const auto epsilon = scalar_of(sum->input(k));
      Node* mean = producer(sum->input(1 - k), "ReduceMean", user);
      if (!epsilon || mean == nullptr || square_root_of(mean->input(0), user) != d) continue;
      const auto axis = last_axes(*mean);
      if (axis && is_float(d)) return Normalized{d, *axis, *epsilon};
    }
  }
  return std::nullopt;
}

// v = (x - mean(x)) / sqrt(variance(x) + epsilon)
std::optional<Normalized> standardized(const Value* v, const Node& user) {
  auto found = by_root_mean_square(v, user);
  if (!found) return std::nullopt;
  Node* sub = producer(found->x, "Sub", user);
  Node* mean = sub != nullptr ? producer(sub->input(1), "ReduceMean", user) : nullptr;
  if (mean == nullptr || mean->input(0) != sub->input(0)) return std::nullopt;
  if (last_axes(*mean) != found->axis) return std::nullopt;
  found->x = sub->input(0);
  return found;
}

// The constant with just the sizes of x from `axis` on, perhaps under leading ones; or null.
Value* with_sizes_of(Rewriter& r, Value* c, const Normalized& n) {
  const Tensor* t = constant_of(c);
  if (t == nullptr || t->dtype != n.x->dtype) return nullptr;
  std::vector<int64_t> dims = t->dims;
  const size_t count = n.x->shape->size() - n.axis;
  while (dims.size() > count && dims.front() == 1) dims.erase(dims.begin());
  if (dims.size() != count) return nullptr;
  for (size_t i = 0; i < count; ++i) {
    if (!(*n.x->shape)[n.axis + i].is_const(dims[i])) return nullptr;
  }
  return dims == t->dims ? c : r.constant(t->reshaped(dims), c->name);
}

Attributes attributes_of(const Normalized& n) {
  const auto count = static_cast<int64_t>(n.x->shape->size() - n.axis);
  return {{"axis", -count}, {"epsilon", n.epsilon}};
}

// (x - mean) / sqrt(variance + epsilon) * scale  =>  LayerNormalization(x, scale)
//     over the last axes, opset 17; without a scale: with one of ones, if the sizes are known
RULE_ROUNDING(recover_layer_normalization, "Mul", "Div") {
  if (r.opset() < 17) return no_match("no LayerNormalization in this opset");
  if (node.is("Mul")) {
    for (size_t i = 0; i < 2; ++i) {
      if (constant_of(node.input(1 - i)) == nullptr) continue;
      const auto n = standardized(node.input(i), node);
      if (!n || !used_once(node.input(i))) continue;
      Value* scale = with_sizes_of(r, node.input(1 - i), *n);
      if (scale == nullptr) return no_match("the scale has other sizes");
      r.replace(node, r.op("LayerNormalization", {n->x, scale}, attributes_of(*n)));
      return done();
    }
  }
  const auto n = standardized(node.output(), node);
  if (!n) return no_match("nothing normalized");
  for (const onnx::Use& use : node.output()->uses) {
    if (use.node->is("Mul") && constant_of(use.node->input(1 - use.input)) != nullptr) {
      return no_match("the scale comes after");
    }
  }
  std::vector<int64_t> dims;
  for (size_t i = n->axis; i < n->x->shape->size(); ++i) {
    const auto size = dim_of(n->x, i);
    if (!size) return no_match("the sizes are unknown");
    dims.push_back(*size);
  }
  if (dims.size() != 1) return no_match("the scale would be large");
  Value* ones = r.constant(Tensor::filled(n->x->dtype, dims, 1), "ones");
  r.replace(node, r.op("LayerNormalization", {n->x, ones}, attributes_of(*n)));
  return done();
}

// LayerNormalization(x, scale) + bias  =>  LayerNormalization(x, scale, bias)
RULE_ROUNDING(fuse_bias_into_layer_normalization, "Add") {
  for (size_t i = 0; i < 2; ++i) {
    Node* norm = producer(node.input(i), "LayerNormalization", node);
    if (norm == nullptr || norm->input(2) != nullptr || !used_once(norm->output())) continue;
    const Value* x = norm->input(0);
    if (!x->shape || !same_shape(norm->output(), node.output())) continue;
    const auto axis = axis_of(norm->get<int64_t>("axis", -1), x->shape->size());
    if (!axis) continue;
    Value* bias = with_sizes_of(r, node.input(1 - i), {norm->input(0), *axis, 0});
    if (bias == nullptr) continue;
    r.replace(node,
              r.op("LayerNormalization", {norm->input(0), norm->input(1), bias}, norm->attributes));
    return done();
  }
  return no_match("no LayerNormalization without a bias");
}

// x / sqrt(mean(x * x) + epsilon) * scale  =>  RMSNormalization(x, scale)        opset 23
RULE_ROUNDING(recover_rms_normalization, "Mul") {
  if (r.opset() < 23) return no_match("no RMSNormalization in this opset");
  for (size_t i = 0; i < 2; ++i) {
    if (constant_of(node.input(1 - i)) == nullptr || !used_once(node.input(i))) continue;
    const auto n = by_root_mean_square(node.input(i), node);
    if (!n || standardized(node.input(i), node)) continue;
    Value* scale = with_sizes_of(r, node.input(1 - i), *n);
    if (scale == nullptr) return no_match("the scale has other sizes");
    r.replace(node, r.op("RMSNormalization", {n->x, scale}, attributes_of(*n)));
    return done();
  }
  return no_match("nothing normalized");
}

// One number a channel (axis 1) from a constant that is broadcast over x, as a list.
Value* per_channel(Rewriter& r, Value* c, const Value* x) {
  const Tensor* t = constant_of(c);
  const auto channels = dim_of(x, 1);
  if (t == nullptr || !channels || t->dtype != x->dtype || t->numel() != *channels) return nullptr;
  if (!along_axis(*t, x->shape->size(), 1, *channels)) return nullptr;
  return t->dims.size() == 1 ? c : r.constant(t->reshaped({*channels}), c->name);
}

// (x - mean) / sqrt(variance + epsilon) * scale + bias  =>  InstanceNormalization(x, scale, bias)
//     over all axes behind the channels, one number a channel
RULE_ROUNDING(recover_instance_normalization, "Add") {
  if (node.output()->dtype != DType::kFloat) return no_match("runtimes have it for float32");
  for (size_t i = 0; i < 2; ++i) {
    Node* scaled = producer(node.input(i), "Mul", node);
    if (scaled == nullptr || !used_once(scaled->output())) continue;
    if (constant_of(node.input(1 - i)) == nullptr) continue;
    for (size_t k = 0; k < 2; ++k) {
      if (constant_of(scaled->input(1 - k)) == nullptr) continue;
      const auto n = standardized(scaled->input(k), node);
      if (!n || n->axis != 2 || !used_once(scaled->input(k))) continue;
      Value* scale = per_channel(r, scaled->input(1 - k), n->x);
      Value* bias = per_channel(r, node.input(1 - i), n->x);
      if (scale == nullptr || bias == nullptr) continue;
      r.replace(node,
                r.op("InstanceNormalization", {n->x, scale, bias}, {{"epsilon", n->epsilon}}));
      return done();
    }
  }
  return no_match("nothing normalized");
}

// Reshape(InstanceNormalization(Reshape(x, [N, groups, -1]), 1, 0), as x) * scale + bias
//     =>  GroupNormalization(x, scale, bias)        opset 21, one number a channel
RULE_ROUNDING(recover_group_normalization, "Add") {
  if (r.opset() < 21) return no_match("no GroupNormalization in this opset");
  for (size_t i = 0; i < 4; ++i) {
    const size_t at = i / 2, k = i % 2;
    Node* scaled = producer(node.input(at), "Mul", node);
    if (scaled == nullptr || !used_once(scaled->output())) continue;
    Node* back = producer(scaled->input(k), "Reshape", node);
    if (back == nullptr || !used_once(back->output())) continue;
    Node* norm = producer(back->input(0), "InstanceNormalization", node);
    if (norm == nullptr || !used_once(norm->output())) continue;
    Node* grouped = producer(norm->input(0), "Reshape", node);
    if (grouped == nullptr || !same_shape(grouped->input(0), back->output())) continue;
    const Tensor *one = constant_of(norm->input(1)), *zero = constant_of(norm->input(2));
    if (one == nullptr || zero == nullptr || !all_equal(*one, 1) || !all_equal(*zero, 0)) continue;
    Value* x = grouped->input(0);
    const Value* g = grouped->output();
    const auto groups = dim_of(g, 1);
    const auto channels = dim_of(x, 1);
    if (!g->shape || g->shape->size() != 3 || !groups || !channels) continue;
    if (*groups < 1 || *channels % *groups != 0 || (*g->shape)[0] != (*x->shape)[0]) continue;
    Value* scale = per_channel(r, scaled->input(1 - k), x);
    Value* bias = per_channel(r, node.input(1 - at), x);
    if (scale == nullptr || bias == nullptr) continue;
    r.replace(node,
              r.op("GroupNormalization", {x, scale, bias},
                   {{"epsilon", norm->get<float>("epsilon", 1e-5F)}, {"num_groups", *groups}}));
    return done();
  }
  return no_match("no groups normalized");
}

// exp(x - max(x)) / sum(exp(x - max(x)))  =>  Softmax(x)        one axis, opset 13
RULE_ROUNDING(recover_softmax, "Div") {
  if (r.opset() < 13) return no_match("Softmax flattens in this opset");
  Node* exp = producer(node.input(0), "Exp", node);
  Node* sum = producer(node.input(1), "ReduceSum", node);
  if (exp == nullptr || sum == nullptr || sum->input(0) != exp->output())
    return no_match("no exponentials by their sum");
  Node* sub = producer(exp->input(0), "Sub", node);
  Node* max = sub != nullptr ? producer(sub->input(1), "ReduceMax", node) : nullptr;
  if (max == nullptr || max->input(0) != sub->input(0))
    return no_match("the largest is not subtracted");
  Value* x = sub->input(0);
  auto a = list_of(*sum, "axes"), b = list_of(*max, "axes");
  if (!a || !b || a->size() != 1 || b->size() != 1 || !x->shape || !is_float(x)) {
    return no_match("not one axis");
  }
  const size_t rank = x->shape->size();
  const auto axis = axis_of((*a)[0], rank);
  if (!axis || axis != axis_of((*b)[0], rank)) return no_match("the axes differ");
  if (sum->get<int64_t>("keepdims", 1) == 0 || max->get<int64_t>("keepdims", 1) == 0) {
    return no_match("the axis is dropped");
  }
  r.replace(node, r.op("Softmax", {x}, {{"axis", static_cast<int64_t>(*axis)}}));
  return done();
}

// ReduceSum(x * x)  =>  ReduceSumSquare(x)
RULE_ROUNDING(recover_sum_of_squares, "ReduceSum") {
  Value* x = square_root_of(node.input(0), node);
  if (x == nullptr || !is_float(x) || !used_once(node.input(0))) {
    return no_match("no squares before");
  }
  // Since opset 13 ReduceSum takes its axes as an input, ReduceSumSquare since 18.
  Attributes attributes = node.attributes;
  std::vector<Value*> inputs{x};
  if (node.input(1) != nullptr && r.opset() < 18) {
    auto axes = known_numbers(node.input(1));
    if (!axes || axes->empty()) return no_match("the axes are computed");
    attributes.emplace_back("axes", *axes);
    std::erase_if(attributes, [](const auto& a) { return a.first == "noop_with_empty_axes"; });
  } else if (node.input(1) != nullptr) {
    inputs.push_back(node.input(1));
  } else if (node.get<int64_t>("noop_with_empty_axes", 0) != 0) {
    return no_match("nothing is summed");
  }
  r.replace(node, r.op("ReduceSumSquare", inputs, attributes));
  return done();
}

// Sqrt(ReduceSumSquare(x))  =>  ReduceL2(x)
RULE_ROUNDING(recover_l2_norm, "Sqrt") {
  Node* sum = producer(node.input(0), "ReduceSumSquare", node);
  if (sum == nullptr || !used_once(sum->output())) return no_match("no sum of squares before");
  if (!is_float(sum->output())) return no_match("not a float");
  r.replace(node, r.op("ReduceL2", sum->inputs, sum->attributes));
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
