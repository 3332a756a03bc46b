// Expr: a symbolic integer such as `batch_size`, `2*s0 + 1` or `(h + 13)//14`.
//
// Kept in a canonical form (a polynomial over atoms, sorted), so that == is equality of what the
// normal form can prove; two equal quantities may still compare different, never the reverse.
// Atoms are symbols and the non-polynomial operations floordiv, mod, max, min over Exprs.
// Immutable, cheap to copy (constants are inline; the rest shared). Arithmetic that overflows
// int64 (or divides by zero, or grows past the budgets in expr.cpp) yields a fresh symbol
// "overflow__N" that equals nothing else, never a wrong number.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace onnxport {

struct ExprRep;  // expr.cpp

class Expr {
 public:
  Expr() = default;                       // 0
  Expr(int64_t value) : value_(value) {}  // NOLINT(*-explicit-*)
  Expr(int value) : value_(value) {}      // NOLINT(*-explicit-*)
  // Any text is a name: one that is no identifier prints in quotes inside a larger expression.
  static Expr symbol(std::string_view name);

  // Reads the text that sympy prints for sizes: + - * // / ** (small constant powers), unary minus,
  // parentheses, FloorDiv(a,b), Mod/PythonMod(a,b), Max/Min(...), CleanDiv(a,b), floor(a/b),
  // ceiling(a/b), CeilDiv, IntTrueDiv in floor/trunc; and sympy's srepr, which .pt2 files hold:
  // Add(Mul(Integer(2), Symbol('s0', integer=True)), Integer(1)). Depth-limited.
  static Result<Expr> parse(std::string_view text);

  bool is_const() const { return rep_ == nullptr; }
  bool is_const(int64_t v) const { return is_const() && value_ == v; }
  int64_t value() const;  // CHECKs is_const()
  std::optional<int64_t> as_const() const;
  bool is_symbol() const;
  std::string symbol_name() const;  // CHECKs is_symbol()

  friend Expr operator+(const Expr& a, const Expr& b);
  friend Expr operator-(const Expr& a, const Expr& b);
  friend Expr operator*(const Expr& a, const Expr& b);
  Expr operator-() const;
  Expr& operator+=(const Expr& b) { return *this = *this + b; }
  Expr& operator*=(const Expr& b) { return *this = *this * b; }
  friend Expr floordiv(const Expr& a, const Expr& b);  // Python's //; exact division simplifies
  friend Expr mod(const Expr& a, const Expr& b);       // Python's %
  friend Expr max(const Expr& a, const Expr& b);
  friend Expr min(const Expr& a, const Expr& b);
  friend Expr ceildiv(const Expr& a, const Expr& b);  // -(-a // b)

  // a/b when the normal form proves it exact (e.g. 8*s0*h / (s0*h) = 8); nullopt otherwise.
  friend std::optional<Expr> exact_div(const Expr& a, const Expr& b);

  friend bool operator==(const Expr& a, const Expr& b);
  friend bool operator!=(const Expr& a, const Expr& b) { return !(a == b); }

  std::string str() const;                   // valid input of parse(); fit to be an ONNX dim_param
  std::vector<std::string> symbols() const;  // sorted, unique
  // nullopt when a symbol has no value or something overflows or divides by zero.
  std::optional<int64_t> eval(const std::map<std::string, int64_t>& values) const;
  Expr substitute(const std::map<std::string, Expr>& values) const;

  // Structure, for writing an Expr out as ONNX nodes. A sum of terms; a term is a coefficient times
  // factors; a factor is a symbol or an operation.
  enum class Op { kSymbol, kFloorDiv, kMod, kMax, kMin };
  struct Factor;
  struct Term;
  std::vector<Term> terms() const;  // a constant is one term without factors; 0 has none

 private:
  explicit Expr(std::shared_ptr<const ExprRep> rep);
  friend struct ExprRep;
  int64_t value_ = 0;
  std::shared_ptr<const ExprRep> rep_;  // null: the constant value_
};

struct Expr::Factor {
  Op op;
  std::string symbol;      // kSymbol
  std::vector<Expr> args;  // the others: two
};
struct Expr::Term {
  int64_t coefficient;
  std::vector<Factor> factors;  // powers are repeated factors
};

Expr floordiv(const Expr& a, const Expr& b);
Expr mod(const Expr& a, const Expr& b);
Expr max(const Expr& a, const Expr& b);
Expr min(const Expr& a, const Expr& b);
Expr ceildiv(const Expr& a, const Expr& b);
std::optional<Expr> exact_div(const Expr& a, const Expr& b);

using Shape = std::vector<Expr>;
Expr product(const Shape& shape);
std::string to_string(const Shape& shape);  // "[batch_size, 3, 224, 224]"

// Lower and upper bound of a symbol, inclusive. Sizes are at least 0.
struct Range {
  int64_t min = 0;
  int64_t max = INT64_MAX;
};

}  // namespace onnxport
