// Add, Sub, Mul, Div, Pow with constants.
#include <algorithm>
#include <limits>

#include "simplify/words.h"

namespace onnxport::simplify {
namespace {

// The constant operand of a two-operand node and the other one.
struct Operands {
  Value* x = nullptr;
  Value* constant = nullptr;
  size_t constant_at = 0;
};
std::optional<Operands> with_constant(const Node& node) {
  if (node.inputs.size() != 2) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    if (constant_of(node.input(i)) != nullptr && constant_of(node.input(1 - i)) == nullptr) {
      return Operands{node.input(1 - i), node.input(i), i};
    }
  }
  return std::nullopt;
}

// x + 0, x - 0, x * 1, x / 1, x ** 1  =>  x        when the constant does not broadcast x
RULE(drop_neutral_operand, "Add", "Sub", "Mul", "Div", "Pow") {
  auto operands = with_constant(node);
  if (!operands) return no_match("no constant operand");
  const bool commutes = node.is("Add") || node.is("Mul");
  if (!commutes && operands->constant_at == 0) return no_match("the constant comes first");
  const double neutral = node.is("Add") || node.is("Sub") ? 0 : 1;
  if (!all_equal(*constant_of(operands->constant), neutral)) return no_match("not neutral");
  if (!same_shape(operands->x, node.output())) return no_match("x is broadcast");
  return replace_if_possible(m, node, operands->x);
}

// (x + a) + b  =>  x + (a + b),  (x * a) * b  =>  x * (a * b)        a, b constant
RULE_ROUNDING(merge_constant_operands, "Add", "Mul") {
  auto outer = with_constant(node);
  if (!outer) return no_match("no constant operand");
  Node* before = maker(outer->x, node.op_type, node);
  if (before == nullptr || !used_once(outer->x)) return no_match("no such node before");
  auto inner = with_constant(*before);
  if (!inner) return no_match("the node before has no constant operand");
  const Tensor &a = *constant_of(inner->constant), &b = *constant_of(outer->constant);
  if (a.numel() > (1 << 18) || b.numel() > (1 << 18)) return no_match("large constants");
  Value* both = m.op(node.op_type, {inner->constant, outer->constant});
  const Tensor* folded = constant_of(both);
  if (folded == nullptr) return no_match("the constants do not fold");
  if (folded->numel() > std::max(a.numel(), b.numel())) return no_match("the constant would grow");
  m.replace(node, m.op(node.op_type, {inner->x, both}));
  return done();
}

// Add(x, Neg(y))  =>  Sub(x, y)
RULE(add_of_negated, "Add") {
  for (size_t i = 0; i < 2; ++i) {
    Node* neg = maker(node.input(i), "Neg", node);
    if (neg == nullptr || !used_once(neg->output())) continue;
    m.replace(node, m.op("Sub", {node.input(1 - i), neg->input(0)}));
    return done();
  }
  return no_match("nothing negated");
}

// Div(1, Sqrt(x))  =>  Reciprocal(Sqrt(x)) is left: the same number of nodes.

// Mul(x, Reciprocal(y))  =>  Div(x, y)
RULE_ROUNDING(multiply_by_reciprocal, "Mul") {
  for (size_t i = 0; i < 2; ++i) {
    Node* inverse = maker(node.input(i), "Reciprocal", node);
    if (inverse == nullptr || !used_once(inverse->output())) continue;
    m.replace(node, m.op("Div", {node.input(1 - i), inverse->input(0)}));
    return done();
  }
  return no_match("no Reciprocal");
}

// Clip(Clip(x, a, b), c, d)  =>  Clip(x, max(a, c), min(b, d))        constants, c <= b and a <= d
RULE(merge_clips, "Clip") {
  Node* inner = maker(node.input(0), "Clip", node);
  if (m.opset() < 11 || inner == nullptr || !used_once(inner->output())) {
    return no_match("no Clip before");
  }
  auto bound = [](const Node& n, size_t i, double fallback) {
    return n.input(i) == nullptr ? std::optional<double>(fallback) : scalar_of(n.input(i));
  };
  const double inf = std::numeric_limits<double>::infinity();
  auto a = bound(*inner, 1, -inf), b = bound(*inner, 2, inf);
  auto c = bound(node, 1, -inf), d = bound(node, 2, inf);
  if (!a || !b || !c || !d) return no_match("the bounds are not constant");
  if (*a > *b || *c > *d || *c > *b || *a > *d) return no_match("the ranges do not meet");
  std::vector<Value*> inputs{inner->input(0), *a >= *c ? inner->input(1) : node.input(1),
                             *b <= *d ? inner->input(2) : node.input(2)};
  while (inputs.back() == nullptr) inputs.pop_back();
  m.replace(node, m.op("Clip", inputs));
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
