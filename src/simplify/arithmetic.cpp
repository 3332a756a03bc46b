// Add, Sub, Mul, Div, Pow with constants.
#include <algorithm>

#include "simplify/match.h"

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
  const bool commutes = has_trait(node, Trait::kCommutative);
  if (!commutes && operands->constant_at == 0) return no_match("the constant comes first");
  const double neutral = node.is("Add") || node.is("Sub") ? 0 : 1;
  if (!all_equal(*constant_of(operands->constant), neutral)) return no_match("not neutral");
  if (!same_shape(operands->x, node.output())) return no_match("x is broadcast");
  return replace_if_possible(r, node, operands->x);
}

// (x + a) + b  =>  x + (a + b),  (x * a) * b  =>  x * (a * b)        a, b constant
RULE_ROUNDING(merge_constant_operands, "Add", "Mul") {
  auto outer = with_constant(node);
  if (!outer) return no_match("no constant operand");
  Node* before = producer(outer->x, node.op_type, node);
  if (before == nullptr || !used_once(outer->x)) return no_match("no such node before");
  auto inner = with_constant(*before);
  if (!inner) return no_match("the node before has no constant operand");
  const Tensor &a = *constant_of(inner->constant), &b = *constant_of(outer->constant);
  if (a.numel() > (1 << 18) || b.numel() > (1 << 18)) return no_match("large constants");
  Value* both = r.op(node.op_type, {inner->constant, outer->constant});
  const Tensor* folded = constant_of(both);
  if (folded == nullptr) return no_match("the constants do not fold");
  if (folded->numel() > std::max(a.numel(), b.numel())) return no_match("the constant would grow");
  r.replace(node, r.op(node.op_type, {inner->x, both}));
  return done();
}

// x / a * b  =>  x * (b / a),  x * a / b  =>  x * (a / b),  x / a / b  =>  x / (a * b)
// x - a + b  =>  x + (b - a),  x + a - b  =>  x + (a - b),  x - a - b  =>  x - (a + b)
RULE_ROUNDING(merge_unlike_constant_operands, "Add", "Sub", "Mul", "Div") {
  const bool is_sum = node.is("Add") || node.is("Sub");
  auto outer = with_constant(node);
  if (!outer || (outer->constant_at == 0 && (node.is("Sub") || node.is("Div")))) {
    return no_match("no constant comes last");
  }
  Node* before = producer(outer->x, node);
  if (before == nullptr || !used_once(outer->x)) return no_match("no such node before");
  const bool inverse_before = before->is("Sub") || before->is("Div");
  const bool inverse = node.is("Sub") || node.is("Div");
  if (!inverse_before && !inverse) return no_match("alike, or another operator before");
  if (is_sum ? !before->is("Add") && !before->is("Sub")
             : !before->is("Mul") && !before->is("Div")) {
    return no_match("no such node before");
  }
  auto inner = with_constant(*before);
  if (!inner || (inner->constant_at == 0 && inverse_before)) return no_match("no constant last");
  if (!is_sum && !is_float(outer->x)) return no_match("integers are cut off");
  const Tensor &a = *constant_of(inner->constant), &b = *constant_of(outer->constant);
  if (a.numel() > (1 << 18) || b.numel() > (1 << 18)) return no_match("large constants");
  const char* unlike = is_sum ? "Sub" : "Div";
  Value* both = nullptr;
  if (inverse_before && inverse) {
    both = r.op(is_sum ? "Add" : "Mul", {inner->constant, outer->constant});
  } else if (inverse_before) {
    both = r.op(unlike, {outer->constant, inner->constant});
  } else {
    both = r.op(unlike, {inner->constant, outer->constant});
  }
  const Tensor* folded = constant_of(both);
  if (folded == nullptr || folded->numel() > std::max(a.numel(), b.numel())) {
    return no_match("the constants do not fold");
  }
  const char* op = is_sum ? "Add" : "Mul";
  if (inverse_before && inverse) op = unlike;
  r.replace(node, r.op(op, {inner->x, both}));
  return done();
}

// Add(x, Neg(y))  =>  Sub(x, y)
RULE(add_of_negated, "Add") {
  for (size_t i = 0; i < 2; ++i) {
    Node* neg = producer(node.input(i), "Neg", node);
    if (neg == nullptr || !used_once(neg->output())) continue;
    r.replace(node, r.op("Sub", {node.input(1 - i), neg->input(0)}));
    return done();
  }
  return no_match("nothing negated");
}

// Div(1, Sqrt(x))  =>  Reciprocal(Sqrt(x)) is left: the same number of nodes.

// Mul(x, Reciprocal(y))  =>  Div(x, y)
RULE_ROUNDING(multiply_by_reciprocal, "Mul") {
  for (size_t i = 0; i < 2; ++i) {
    Node* inverse = producer(node.input(i), "Reciprocal", node);
    if (inverse == nullptr || !used_once(inverse->output())) continue;
    r.replace(node, r.op("Div", {node.input(1 - i), inverse->input(0)}));
    return done();
  }
  return no_match("no Reciprocal");
}

}  // namespace
}  // namespace onnxport::simplify
