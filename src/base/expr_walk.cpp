// What is computed by walking an Expr's terms: symbols, values, substitution.
#include <set>

#include "base/expr.h"

namespace onnxport {
namespace {

void collect_symbols(const Expr& e, std::set<std::string>& names) {
  for (const Expr::Term& term : e.terms()) {
    for (const Expr::Factor& factor : term.factors) {
      if (factor.op == Expr::Op::kSymbol) names.insert(factor.symbol);
      for (const Expr& arg : factor.args) collect_symbols(arg, names);
    }
  }
}

Expr apply(Expr::Op op, const Expr& a, const Expr& b) {
  switch (op) {
    case Expr::Op::kFloorDiv:
      return floordiv(a, b);
    case Expr::Op::kMod:
      return mod(a, b);
    case Expr::Op::kMax:
      return max(a, b);
    default:
      return min(a, b);
  }
}

using Values = std::map<std::string, int64_t>;

std::optional<int64_t> eval_factor(const Expr::Factor& factor, const Values& values) {
  if (factor.op == Expr::Op::kSymbol) {
    auto it = values.find(factor.symbol);
    return it == values.end() ? std::nullopt : std::optional<int64_t>(it->second);
  }
  const auto a = factor.args[0].eval(values);
  const auto b = factor.args[1].eval(values);
  if (!a || !b) return std::nullopt;
  return apply(factor.op, *a, *b).as_const();  // no constant: a division by zero, or an overflow
}

}  // namespace

std::vector<std::string> Expr::symbols() const {
  std::set<std::string> names;
  collect_symbols(*this, names);
  return {names.begin(), names.end()};
}

std::optional<int64_t> Expr::eval(const std::map<std::string, int64_t>& values) const {
  if (is_const()) return value_;
  int64_t sum = 0;
  for (const Term& term : terms()) {
    int64_t product = term.coefficient;
    for (const Factor& factor : term.factors) {
      const auto x = eval_factor(factor, values);
      if (!x || __builtin_mul_overflow(product, *x, &product)) return std::nullopt;
    }
    if (__builtin_add_overflow(sum, product, &sum)) return std::nullopt;
  }
  return sum;
}

Expr Expr::substitute(const std::map<std::string, Expr>& values) const {
  if (is_const()) return *this;
  Expr sum = 0;
  for (const Term& term : terms()) {
    Expr product = term.coefficient;
    for (const Factor& factor : term.factors) {
      if (factor.op == Op::kSymbol) {
        auto it = values.find(factor.symbol);
        product *= it == values.end() ? Expr::symbol(factor.symbol) : it->second;
      } else {
        product *=
            apply(factor.op, factor.args[0].substitute(values), factor.args[1].substitute(values));
      }
    }
    sum += product;
  }
  return sum;
}

// --- shapes ------------------------------------------------------------------------------------

Expr product(const Shape& shape) {
  Expr out = 1;
  for (const Expr& size : shape) out *= size;
  return out;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + shape[i].str();
  return text + "]";
}

}  // namespace onnxport
