// Reshape, Squeeze, Unsqueeze, Flatten, Expand: the same elements in other sizes.
#include <algorithm>

#include "base/broadcast.h"
#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

// Reshape(x, computed sizes)  =>  Reshape(x, constant with 0 and -1)
//     when at most one size is neither a number nor x's own at the same place
RULE(reshape_by_constant, "Reshape") {
  Value* x = node.input(0);
  if (node.input(1) == nullptr || node.input(1)->producer == nullptr) {
    return no_match("the sizes are not computed");
  }
  if (!x->shape || !node.output()->shape) return no_match("the shapes are unknown");
  auto target = reshape_target(*x->shape, *node.output()->shape);
  if (!target) return no_match("two sizes or more are open");
  Value* sizes = r.constant(Tensor::ints(*target), "shape");
  node.remove("allowzero");
  r.set_input(node, 1, sizes);
  return done();
}

// Reshape(Reshape(x))  =>  Reshape(x)        Squeeze, Unsqueeze and Flatten too
RULE(merge_reshapes, "Reshape", "Squeeze", "Unsqueeze", "Flatten") {
  Node* inner = producer(node.input(0), node);
  if (!reshapes(inner)) return no_match("no reshape before");
  Value* x = inner->input(0);
  if (!x->shape || !node.output()->shape) return no_match("the shapes are unknown");
  if (*x->shape == *node.output()->shape) return replace_if_possible(r, node, x);
  if (!used_once(inner->output()) && !node.is("Reshape")) {
    return no_match("the reshape before stays");
  }
  // Two Unsqueezes that are plain stay plain; what matters is that one node is left.
  Value* merged = reshaped(r, x, *node.output()->shape);
  if (merged == nullptr) return no_match("two sizes or more are open");
  r.replace(node, merged);
  return done();
}

// Expand(x, computed sizes)  =>  Expand(x, constant with 1)
//     when every size is a number or x's own
RULE(expand_by_constant, "Expand") {
  Value* x = node.input(0);
  if (node.input(1)->producer == nullptr) return no_match("the sizes are not computed");
  if (!x->shape || !node.output()->shape) return no_match("the shapes are unknown");
  const Shape &from = *x->shape, &to = *node.output()->shape;
  std::vector<int64_t> sizes;
  for (size_t i = 0; i < to.size(); ++i) {
    const size_t added = to.size() - from.size();
    if (i >= added && from[i - added] == to[i]) {
      sizes.push_back(1);
    } else if (to[i].is_const()) {
      sizes.push_back(to[i].value());
    } else {
      return no_match("a size is open");
    }
  }
  r.set_input(node, 1, r.constant(Tensor::ints(sizes), "shape"));
  return done();
}

// op(Expand(a), b)  =>  op(a, b)        when broadcasting gives the same sizes by itself
RULE(drop_expand_before_broadcast, "Add", "Sub", "Mul", "Div", "Where", "Equal", "Less", "Greater",
     "And", "Or", "Pow") {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    Node* expand = producer(node.input(i), "Expand", node);
    if (expand == nullptr || !expand->input(0)->shape || !node.output()->shape) continue;
    Shape sizes{};
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const Value* operand = k == i ? expand->input(0) : node.input(k);
      if (operand == nullptr || !operand->shape) return no_match("a shape is unknown");
      sizes = *broadcast_with(*operand->shape, sizes, [](const Expr& x, const Expr& y) {
        return std::optional(x.is_const(1) ? y : x);
      });
    }
    if (sizes != *node.output()->shape) continue;
    r.set_input(node, i, expand->input(0));
    return done();
  }
  return no_match("no Expand that broadcasting makes needless");
}

// Resize(x, sizes: computed)  =>  Resize(x, scales: k)
//     when every size is a whole multiple of x's own: the scale is then the same float
RULE(resize_by_scales, "Resize") {
  if (r.opset() < 11 || node.inputs.size() < 4 || node.input(3) == nullptr) {
    return no_match("no sizes");
  }
  if (node.input(3)->producer == nullptr || node.find("axes") != nullptr) {
    return no_match("the sizes are not computed");
  }
  if (node.get<std::string>("keep_aspect_ratio_policy", std::string("stretch")) != "stretch") {
    return no_match("the aspect ratio is kept");
  }
  const Value* x = node.input(0);
  if (!x->shape || !node.output()->shape) return no_match("the shapes are unknown");
  std::vector<float> scales;
  for (size_t i = 0; i < x->shape->size(); ++i) {
    auto ratio = exact_div((*node.output()->shape)[i], (*x->shape)[i]);
    if (!ratio || !ratio->is_const() || ratio->value() < 1) return no_match("not whole multiples");
    scales.push_back(static_cast<float>(ratio->value()));
  }
  const auto rank = static_cast<int64_t>(scales.size());
  Value* factors = r.constant(Tensor::of<float>(DType::kFloat, {rank}, scales), "scales");
  r.set_input(node, 2, factors);
  r.drop_inputs_from(node, 3);
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
