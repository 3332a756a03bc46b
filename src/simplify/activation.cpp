// Activations that an exporter spelt out, put together again where the opset has the operator; and
// what is cut off twice.
#include <algorithm>
#include <cmath>
#include <limits>

#include "simplify/match.h"
#include "simplify/product.h"

namespace onnxport::simplify {
namespace {

// v = x + c, c one number: x, or null.
Value* plus(const Value* v, double c, const Node& user) {
  Node* add = producer(v, "Add", user);
  if (add == nullptr) return nullptr;
  for (size_t i = 0; i < 2; ++i) {
    const auto number = scalar_of(add->input(i));
    if (number && is_about(*number, c) && same_shape(add->input(1 - i), add->output())) {
      return add->input(1 - i);
    }
  }
  return nullptr;
}

// v = x * c as x, or null.
Value* times(Value* v, double c, const Node& user) {
  const Product product = product_of(v, user);
  return product.leaves.size() == 1 && is_about(product.number, c) ? product.leaves[0] : nullptr;
}

// v = x * x * x
bool is_cube(Value* v, const Value* x, const Node& user) {
  if (Node* pow = producer(v, "Pow", user))
    return pow->input(0) == x && is_scalar(pow->input(1), 3);
  const Product product = product_of(v, user);
  if (product.number != 1) return false;
  int degree = 0;
  for (const Value* leaf : product.leaves) {
    const Node* square = producer(leaf, "Pow", user);
    if (leaf == x) {
      ++degree;
    } else if (square != nullptr && square->input(0) == x && is_scalar(square->input(1), 2)) {
      degree += 2;
    } else {
      return false;
    }
  }
  return degree == 3;
}

// v = 1 + erf(x / sqrt(2)): "none"; v = 1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)): "tanh"
const char* gelu_gate(const Value* v, const Value* x, const Node& user) {
  const Value* inner = plus(v, 1, user);
  if (Node* erf = producer(inner, "Erf", user)) {
    return times(erf->input(0), M_SQRT1_2, user) == x ? "none" : nullptr;
  }
  Node* tanh = producer(inner, "Tanh", user);
  if (tanh == nullptr) return nullptr;
  Node* sum = producer(times(tanh->input(0), std::sqrt(2 / M_PI), user), "Add", user);
  if (sum == nullptr) return nullptr;
  for (size_t i = 0; i < 2; ++i) {
    if (sum->input(i) != x) continue;
    Product cubic = product_of(sum->input(1 - i), user);
    if (cubic.leaves.size() == 1 && is_about(cubic.number, 0.044715) &&
        is_cube(cubic.leaves[0], x, user)) {
      return "tanh";
    }
    int degree = 0;
    for (const Value* leaf : cubic.leaves) degree += leaf == x ? 1 : 4;
    if (degree == 3 && is_about(cubic.number, 0.044715)) return "tanh";
  }
  return nullptr;
}

// 0.5 * x * (1 + erf(x / sqrt(2)))  =>  Gelu(x)        the form with tanh too; opset 20
RULE_ROUNDING(recover_gelu, "Mul", "Div") {
  if (r.opset() < 20) return no_match("no Gelu in this opset");
  const Product product = product_of(node.output(), node);
  if (product.leaves.size() != 2 || !is_about(product.number, 0.5)) return no_match("no Gelu");
  for (size_t i = 0; i < 2; ++i) {
    Value* x = product.leaves[i];
    const char* form = gelu_gate(product.leaves[1 - i], x, node);
    if (form == nullptr || !is_float(x)) continue;
    Attributes attributes;
    if (std::string_view(form) == "tanh") attributes.emplace_back("approximate", "tanh");
    r.replace(node, r.op("Gelu", {x}, std::move(attributes)));
    return done();
  }
  return no_match("no Gelu");
}

struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

// A Clip by numbers, in every opset's form.
std::optional<Bounds> bounds_of(const Node& clip, int64_t opset) {
  Bounds b;
  if (opset < 11) {
    b.low = clip.get<float>("min", std::numeric_limits<float>::lowest());
    b.high = clip.get<float>("max", std::numeric_limits<float>::max());
    return b;
  }
  for (size_t i = 1; i < 3; ++i) {
    if (clip.input(i) == nullptr) continue;
    auto number = scalar_of(clip.input(i));
    if (!number) return std::nullopt;
    (i == 1 ? b.low : b.high) = *number;
  }
  return b;
}

// v = Clip(x + 3, 0, 6): x, or null.
Value* relu6_of_plus_3(const Value* v, const Node& user, int64_t opset) {
  Node* clip = producer(v, "Clip", user);
  if (clip == nullptr) return nullptr;
  const auto bounds = bounds_of(*clip, opset);
  if (!bounds || bounds->low != 0 || bounds->high != 6) return nullptr;
  return plus(clip->input(0), 3, user);
}

// Clip(x + 3, 0, 6) / 6  =>  HardSigmoid(x, 1/6, 1/2)
// x * Clip(x + 3, 0, 6) / 6  =>  HardSwish(x)        opset 14
RULE_ROUNDING(recover_hard_swish, "Mul", "Div") {
  if (node.output()->dtype != DType::kFloat) return no_match("runtimes have it for float32");
  const Product product = product_of(node.output(), node);
  const bool is_sixth = is_about(product.number, 1.0 / 6);
  if (product.leaves.size() == 1 && is_sixth) {
    Value* x = relu6_of_plus_3(product.leaves[0], node, r.opset());
    if (x == nullptr || !used_once(product.leaves[0])) return no_match("no HardSigmoid");
    r.replace(node, r.op("HardSigmoid", {x}, {{"alpha", 1.0F / 6}, {"beta", 0.5F}}));
    return done();
  }
  if (product.leaves.size() != 2 || r.opset() < 14) return no_match("no HardSwish");
  for (size_t i = 0; i < 2; ++i) {
    Value* x = product.leaves[i];
    if (!is_float(x)) continue;
    const Node* gate = producer(product.leaves[1 - i], "HardSigmoid", node);
    const bool by_gate = gate != nullptr && product.number == 1 && gate->input(0) == x &&
                         is_about(gate->get<float>("alpha", 0.2F), 1.0 / 6) &&
                         gate->get<float>("beta", 0.5F) == 0.5F;
    const bool by_clip = is_sixth && relu6_of_plus_3(product.leaves[1 - i], node, r.opset()) == x;
    if (!by_gate && !by_clip) continue;
    r.replace(node, r.op("HardSwish", {x}));
    return done();
  }
  return no_match("no HardSwish");
}

// x * tanh(softplus(x))  =>  Mish(x)        opset 18
RULE_ROUNDING(recover_mish, "Mul") {
  if (r.opset() < 18) return no_match("no Mish in this opset");
  for (size_t i = 0; i < 2; ++i) {
    Value* x = node.input(i);
    const Node* tanh = producer(node.input(1 - i), "Tanh", node);
    const Node* softplus = tanh != nullptr ? producer(tanh->input(0), "Softplus", node) : nullptr;
    if (softplus == nullptr || softplus->input(0) != x || !is_float(x)) continue;
    r.replace(node, r.op("Mish", {x}));
    return done();
  }
  return no_match("no Mish");
}

// x * sigmoid(a * x)  =>  Swish(x, a)        opset 24
RULE_ROUNDING(recover_swish, "Mul") {
  if (r.opset() < 24) return no_match("no Swish in this opset");
  for (size_t i = 0; i < 2; ++i) {
    Value* x = node.input(i);
    const Node* sigmoid = producer(node.input(1 - i), "Sigmoid", node);
    if (sigmoid == nullptr || !is_float(x)) continue;
    const Product inside = product_of(sigmoid->input(0), node);
    if (inside.leaves.size() != 1 || inside.leaves[0] != x) continue;
    Attributes attributes;
    if (inside.number != 1) attributes.emplace_back("alpha", inside.number);
    r.replace(node, r.op("Swish", {x}, std::move(attributes)));
    return done();
  }
  return no_match("no Swish");
}

Value* clip(Rewriter& r, Value* x, const Bounds& b) {
  std::vector<Value*> inputs{x, nullptr, nullptr};
  if (b.low > -std::numeric_limits<double>::infinity()) {
    inputs[1] = r.constant(Tensor::scalar(x->dtype, b.low), "min");
  }
  if (b.high < std::numeric_limits<double>::infinity()) {
    inputs[2] = r.constant(Tensor::scalar(x->dtype, b.high), "max");
  }
  while (inputs.size() > 1 && inputs.back() == nullptr) inputs.pop_back();
  return r.op("Clip", inputs);
}

// The interval that one node of Relu, Clip, Max or Min cuts x to, all by numbers.
struct Interval {
  Value* x;
  Bounds bounds;
};
std::optional<Interval> interval_of(const Node* node, int64_t opset) {
  if (node == nullptr || !is_float(node->output())) return std::nullopt;
  if (node->is("Relu")) return Interval{node->input(0), {0, Bounds{}.high}};
  if (node->is("Clip")) {
    const auto bounds = bounds_of(*node, opset);
    return bounds ? std::optional<Interval>({node->input(0), *bounds}) : std::nullopt;
  }
  if ((!node->is("Max") && !node->is("Min")) || node->inputs.size() != 2) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const auto number = scalar_of(node->input(i));
    Value* x = node->input(1 - i);
    if (!number || constant_of(x) != nullptr || !same_shape(x, node->output())) continue;
    Interval cut{x, {}};
    (node->is("Max") ? cut.bounds.low : cut.bounds.high) = *number;
    return cut;
  }
  return std::nullopt;
}

// Relu, Clip, Max or Min of a number, after one of them  =>  Clip        the intervals meet
RULE(merge_cuts, "Relu", "Clip", "Max", "Min") {
  if (r.opset() < 12) return no_match("Clip's bounds are attributes");
  const auto outer = interval_of(&node, r.opset());
  if (!outer || !used_once(outer->x)) return no_match("nothing cut before");
  const auto inner = interval_of(producer(outer->x, node), r.opset());
  if (!inner) return no_match("nothing cut before");
  const Bounds &a = inner->bounds, &b = outer->bounds;
  if (!(a.low <= a.high) || !(b.low <= b.high) || b.low > a.high || a.low > b.high) {
    return no_match("the intervals do not meet");
  }
  const Bounds both{std::max(a.low, b.low), std::min(a.high, b.high)};
  if (both.low == 0 && both.high == Bounds{}.high) {
    r.replace(node, r.op("Relu", {inner->x}));
  } else {
    r.replace(node, clip(r, inner->x, both));
  }
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
