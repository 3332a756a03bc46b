#include "base/expr_solve.h"

namespace onnxport {

std::optional<Linear> linear_form(const Expr& e) {
  Linear form;
  for (const Expr::Term& term : e.terms()) {
    if (term.factors.empty()) {
      form.rest = term.coefficient;
      continue;
    }
    if (!form.symbol.empty() || term.factors.size() != 1 ||
        term.factors[0].op != Expr::Op::kSymbol) {
      return std::nullopt;
    }
    form.symbol = term.factors[0].symbol;
    form.factor = term.coefficient;
  }
  if (form.symbol.empty()) return std::nullopt;
  return form;
}

std::optional<int64_t> solve(const Expr& e, const std::string& symbol, int64_t wanted,
                             std::map<std::string, int64_t> known) {
  const auto at = [&](int64_t x) {
    known[symbol] = x;
    return e.eval(known);
  };
  const auto zero = at(0), one = at(1);
  int64_t step = 0, distance = 0;
  if (!zero || !one || __builtin_sub_overflow(*one, *zero, &step) || step == 0 ||
      __builtin_sub_overflow(wanted, *zero, &distance)) {
    return std::nullopt;
  }
  if (distance == INT64_MIN) return std::nullopt;  // has no quotient by -1
  const int64_t x = distance / step;
  if (x < 0 || at(x) != wanted) return std::nullopt;
  return x;
}

}  // namespace onnxport
