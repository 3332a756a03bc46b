// The normal form. An Expr that is not a constant is a sum of terms, a term a coefficient times a
// sorted list of atoms (powers are repeated), an atom a symbol or one of floordiv, mod, max, min
// over two Exprs. Terms are sorted by degree, highest first, then by their atoms' texts: a graded
// lexicographic order, so that polynomial long division works (exact_div). Atoms are compared by
// the text they print as, which is unique for a structure because that structure is canonical
// itself.
//
// Budgets: a sum has at most kMaxTerms terms, a nest at most kMaxDepth levels. What would go over,
// or overflows, or divides by zero, becomes a fresh symbol that nothing else equals and that eval()
// has no value for.
#include "base/expr.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <numeric>

namespace onnxport {
namespace {

constexpr size_t kMaxTerms = 512;
constexpr size_t kMaxFactors = 64;
constexpr size_t kMaxText = 1 << 14;
constexpr int kMaxDepth = 64;

struct Atom;
using AtomPtr = std::shared_ptr<const Atom>;

struct Monomial {
  int64_t coefficient;
  std::vector<AtomPtr> factors;  // sorted by `compare`
};
using Sum = std::vector<Monomial>;

struct Atom {
  Expr::Op op;
  std::string text;  // the name of a symbol, else what str() prints
  Expr a, b;         // of the operations
  int depth = 0;
};

int compare(const AtomPtr& x, const AtomPtr& y) {
  if (x == y) return 0;
  if (int order = x->text.compare(y->text); order != 0) return order < 0 ? -1 : 1;
  return static_cast<int>(x->op) - static_cast<int>(y->op);
}

// Highest degree first, so that the constant comes last.
int compare(const std::vector<AtomPtr>& x, const std::vector<AtomPtr>& y) {
  if (x.size() != y.size()) return x.size() > y.size() ? -1 : 1;
  for (size_t i = 0; i < x.size(); ++i) {
    if (int order = compare(x[i], y[i]); order != 0) return order;
  }
  return 0;
}

// x / y as multisets; nullopt when y does not divide x.
std::optional<std::vector<AtomPtr>> divide(const std::vector<AtomPtr>& x,
                                           const std::vector<AtomPtr>& y) {
  std::vector<AtomPtr> rest;
  size_t j = 0;
  for (const AtomPtr& atom : x) {
    if (j < y.size() && compare(atom, y[j]) == 0) {
      ++j;
    } else {
      rest.push_back(atom);
    }
  }
  if (j != y.size()) return std::nullopt;
  return rest;
}

std::vector<AtomPtr> common(const std::vector<AtomPtr>& x, const std::vector<AtomPtr>& y) {
  std::vector<AtomPtr> both;
  size_t i = 0, j = 0;
  while (i < x.size() && j < y.size()) {
    const int order = compare(x[i], y[j]);
    if (order == 0) both.push_back(x[i]);
    if (order <= 0) ++i;
    if (order >= 0) ++j;
  }
  return both;
}

bool is_identifier(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c >= 0x80;
  });
}

// The text of a symbol inside a larger expression; names that are no identifiers are quoted.
std::string quoted(const std::string& name) {
  return is_identifier(name) ? name : "\"" + name + "\"";
}

// Python's: the quotient rounds down, the remainder has the sign of b. b is not 0; nullopt on
// overflow.
std::optional<int64_t> floor_quotient(int64_t a, int64_t b) {
  if (a == INT64_MIN && b == -1) return std::nullopt;
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0);
}
int64_t floor_remainder(int64_t a, int64_t b) {
  if (b == -1 || b == 1) return 0;
  const int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

}  // namespace

struct ExprRep {
  Sum terms;  // canonical, and not a lone constant
  int depth = 0;

  static const ExprRep* of(const Expr& e) { return e.rep_.get(); }
  static Sum sum(const Expr& e) {
    if (e.rep_ != nullptr) return e.rep_->terms;
    return e.value_ == 0 ? Sum{} : Sum{{e.value_, {}}};
  }
  static int depth_of(const Expr& e) { return e.rep_ == nullptr ? 0 : e.rep_->depth; }

  static Expr opaque() {
    static std::atomic<uint64_t> count{0};
    return Expr::symbol("overflow__" + std::to_string(++count));
  }

  // Sorts and merges; the terms' factors are sorted already.
  static Expr collect(Sum terms) {
    std::sort(terms.begin(), terms.end(), [](const Monomial& x, const Monomial& y) {
      return compare(x.factors, y.factors) < 0;
    });
    Sum merged;
    for (Monomial& term : terms) {
      if (!merged.empty() && compare(merged.back().factors, term.factors) == 0) {
        int64_t& c = merged.back().coefficient;
        if (__builtin_add_overflow(c, term.coefficient, &c)) return opaque();
      } else {
        if (!merged.empty() && merged.back().coefficient == 0) merged.pop_back();
        merged.push_back(std::move(term));
      }
    }
    if (!merged.empty() && merged.back().coefficient == 0) merged.pop_back();
    if (merged.empty()) return Expr(0);
    if (merged.size() == 1 && merged[0].factors.empty()) return Expr(merged[0].coefficient);
    if (merged.size() > kMaxTerms) return opaque();
    auto rep = std::make_shared<ExprRep>();
    for (const Monomial& term : merged) {
      if (term.factors.size() > kMaxFactors) return opaque();
      for (const AtomPtr& atom : term.factors) rep->depth = std::max(rep->depth, atom->depth);
    }
    rep->terms = std::move(merged);
    return Expr(std::move(rep));
  }

  static Expr atom(AtomPtr atom) { return collect({{1, {std::move(atom)}}}); }

  static Expr operation(Expr::Op op, Expr a, Expr b);

  // The atom, if e is that atom plus a constant.
  static const Atom* lone_atom(const Expr& e, int64_t* constant) {
    const ExprRep* rep = of(e);
    if (rep == nullptr || rep->terms.size() > 2 || rep->terms[0].factors.size() != 1)
      return nullptr;
    if (rep->terms[0].coefficient != 1) return nullptr;
    *constant = 0;
    if (rep->terms.size() == 2) {
      if (!rep->terms[1].factors.empty()) return nullptr;
      *constant = rep->terms[1].coefficient;
    }
    return rep->terms[0].factors[0].get();
  }
};

// --- text --------------------------------------------------------------------------------------
namespace {

// A factor within a product: floordiv needs parentheses there, the rest prints as a call.
std::string factor_text(const Atom& atom) {
  if (atom.op == Expr::Op::kSymbol) return quoted(atom.text);
  return atom.op == Expr::Op::kFloorDiv ? "(" + atom.text + ")" : atom.text;
}

std::string product_text(const Monomial& term) {
  const auto& f = term.factors;
  if (f.size() == 1 && term.coefficient == 1) {
    return f[0]->op == Expr::Op::kSymbol ? quoted(f[0]->text) : f[0]->text;
  }
  std::string text;
  if (term.coefficient == -1 && !f.empty()) {
    text = "-";
  } else if (term.coefficient != 1 || f.empty()) {
    text = std::to_string(term.coefficient) + (f.empty() ? "" : "*");
  }
  for (size_t i = 0; i < f.size();) {
    size_t power = 1;
    while (i + power < f.size() && compare(f[i], f[i + power]) == 0) ++power;
    if (i > 0) text += "*";
    text += factor_text(*f[i]);
    if (power > 1) text += "**" + std::to_string(power);
    i += power;
  }
  return text;
}

std::string sum_text(const Sum& terms) {
  std::string text;
  for (const Monomial& term : terms) {
    std::string next = product_text(term);
    if (text.empty()) {
      text = std::move(next);
    } else if (next[0] == '-') {
      text += " - " + next.substr(1);
    } else {
      text += " + " + next;
    }
  }
  return text.empty() ? "0" : text;
}

std::string argument_text(const Expr& e) { return sum_text(ExprRep::sum(e)); }

// An operand of //: parentheses unless it is one word.
std::string operand_text(const Expr& e) {
  std::string text = argument_text(e);
  const bool word = e.is_symbol() || (e.is_const() && e.value() >= 0);
  return word ? text : "(" + text + ")";
}

}  // namespace

Expr ExprRep::operation(Expr::Op op, Expr a, Expr b) {
  auto atom = std::make_shared<Atom>();
  atom->op = op;
  atom->depth = 1 + std::max(depth_of(a), depth_of(b));
  if (atom->depth > kMaxDepth) return opaque();
  switch (op) {
    case Expr::Op::kFloorDiv:
      atom->text = operand_text(a) + "//" + operand_text(b);
      break;
    case Expr::Op::kMod:
      atom->text = "Mod(" + argument_text(a) + ", " + argument_text(b) + ")";
      break;
    default:
      atom->text = (op == Expr::Op::kMax ? "Max(" : "Min(") + argument_text(a) + ", " +
                   argument_text(b) + ")";
  }
  if (atom->text.size() > kMaxText) return opaque();
  atom->a = std::move(a);
  atom->b = std::move(b);
  return ExprRep::atom(std::move(atom));
}

// --- construction and looking in ---------------------------------------------------------------

Expr::Expr(std::shared_ptr<const ExprRep> rep) : rep_(std::move(rep)) {}

Expr Expr::symbol(std::string_view name) {
  auto atom = std::make_shared<Atom>();
  atom->op = Op::kSymbol;
  atom->text = name;
  return ExprRep::atom(std::move(atom));
}

int64_t Expr::value() const {
  CHECK(is_const());
  return value_;
}

std::optional<int64_t> Expr::as_const() const {
  return is_const() ? std::optional<int64_t>(value_) : std::nullopt;
}

bool Expr::is_symbol() const {
  int64_t constant = 0;
  const Atom* atom = ExprRep::lone_atom(*this, &constant);
  return atom != nullptr && constant == 0 && atom->op == Op::kSymbol;
}

std::string Expr::symbol_name() const {
  CHECK(is_symbol());
  return rep_->terms[0].factors[0]->text;
}

bool operator==(const Expr& a, const Expr& b) {
  if (a.rep_ == b.rep_) return a.value_ == b.value_;
  if (a.rep_ == nullptr || b.rep_ == nullptr) return false;
  const Sum& x = a.rep_->terms;
  const Sum& y = b.rep_->terms;
  return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                    [](const Monomial& s, const Monomial& t) {
                      return s.coefficient == t.coefficient && compare(s.factors, t.factors) == 0;
                    });
}

std::string Expr::str() const {
  if (is_const()) return std::to_string(value_);
  return is_symbol() ? symbol_name() : sum_text(rep_->terms);
}

std::vector<Expr::Term> Expr::terms() const {
  std::vector<Term> out;
  for (const Monomial& monomial : ExprRep::sum(*this)) {
    Term term{monomial.coefficient, {}};
    for (const AtomPtr& atom : monomial.factors) {
      if (atom->op == Op::kSymbol) {
        term.factors.push_back({atom->op, atom->text, {}});
      } else {
        term.factors.push_back({atom->op, "", {atom->a, atom->b}});
      }
    }
    out.push_back(std::move(term));
  }
  return out;
}

// --- arithmetic --------------------------------------------------------------------------------

Expr operator+(const Expr& a, const Expr& b) {
  if (a.is_const() && b.is_const()) {
    int64_t out;
    return __builtin_add_overflow(a.value_, b.value_, &out) ? ExprRep::opaque() : Expr(out);
  }
  if (a.is_const(0)) return b;
  if (b.is_const(0)) return a;
  Sum terms = ExprRep::sum(a);
  Sum more = ExprRep::sum(b);
  terms.insert(terms.end(), more.begin(), more.end());
  return ExprRep::collect(std::move(terms));
}

Expr operator*(const Expr& a, const Expr& b) {
  if (a.is_const() && b.is_const()) {
    int64_t out;
    return __builtin_mul_overflow(a.value_, b.value_, &out) ? ExprRep::opaque() : Expr(out);
  }
  if (a.is_const(1) || b.is_const(0)) return b;
  if (b.is_const(1) || a.is_const(0)) return a;
  const Sum x = ExprRep::sum(a);
  const Sum y = ExprRep::sum(b);
  if (x.size() * y.size() > kMaxTerms * 4) return ExprRep::opaque();
  Sum terms;
  terms.reserve(x.size() * y.size());
  for (const Monomial& s : x) {
    for (const Monomial& t : y) {
      Monomial term{0, s.factors};
      if (__builtin_mul_overflow(s.coefficient, t.coefficient, &term.coefficient)) {
        return ExprRep::opaque();
      }
      term.factors.insert(term.factors.end(), t.factors.begin(), t.factors.end());
      std::inplace_merge(term.factors.begin(), term.factors.begin() + s.factors.size(),
                         term.factors.end(),
                         [](const AtomPtr& p, const AtomPtr& q) { return compare(p, q) < 0; });
      terms.push_back(std::move(term));
    }
  }
  return ExprRep::collect(std::move(terms));
}

Expr Expr::operator-() const { return *this * Expr(-1); }
Expr operator-(const Expr& a, const Expr& b) { return a + -b; }

// --- division ----------------------------------------------------------------------------------
namespace {

// x / y, when y's coefficient and factors divide x's.
std::optional<Monomial> divide(const Monomial& x, const Monomial& y) {
  if (y.coefficient == -1 && x.coefficient == INT64_MIN) return std::nullopt;
  if (x.coefficient % y.coefficient != 0) return std::nullopt;
  auto factors = divide(x.factors, y.factors);
  if (!factors) return std::nullopt;
  return Monomial{x.coefficient / y.coefficient, std::move(*factors)};
}

// The greatest monomial that divides every term of both sums (its coefficient is positive).
Monomial content(const Sum& a, const Sum& b) {
  Monomial g{0, {}};
  bool first = true;
  for (const Sum* sum : {&a, &b}) {
    for (const Monomial& term : *sum) {
      if (term.coefficient == INT64_MIN) return {1, {}};
      g.coefficient = std::gcd(g.coefficient, term.coefficient);
      g.factors = first ? term.factors : common(g.factors, term.factors);
      first = false;
    }
  }
  return g;
}

Expr divided(const Sum& sum, const Monomial& by) {
  Sum out;
  for (const Monomial& term : sum) out.push_back(*divide(term, by));
  return ExprRep::collect(std::move(out));
}

// Takes from `a` the terms that `by` divides; returns their quotient. A constant term leaves its
// remainder: (8*s + 5)//4 = 2*s + 1 + 1//4.
Expr take_divisible(Sum& a, const Monomial& by) {
  Sum quotient, rest;
  for (Monomial& term : a) {
    if (auto q = divide(term, by)) {
      quotient.push_back(std::move(*q));
      continue;
    }
    if (term.factors.empty() && by.factors.empty()) {
      const int64_t c = term.coefficient;
      if (auto q = floor_quotient(c, by.coefficient)) quotient.push_back({*q, {}});
      term.coefficient = floor_remainder(c, by.coefficient);
      if (term.coefficient == 0) continue;
    }
    rest.push_back(std::move(term));
  }
  a = std::move(rest);
  return ExprRep::collect(std::move(quotient));
}

// floordiv for a constant b > 1 and an `a` none of whose terms b divides.
Expr floordiv_constant(const Sum& terms, int64_t b) {
  // (g*x + r)//(g*c) = (x + r//g)//c, where g divides every coefficient but the constant's.
  int64_t g = b;
  for (const Monomial& term : terms) {
    if (term.factors.empty()) continue;
    if (term.coefficient == INT64_MIN) return ExprRep::opaque();
    g = std::gcd(g, term.coefficient);
  }
  Sum reduced = terms;
  for (Monomial& term : reduced) term.coefficient = *floor_quotient(term.coefficient, g);
  Expr a = ExprRep::collect(std::move(reduced));
  b /= g;
  if (b == 1 || a.is_const()) return floordiv(a, b);

  int64_t constant = 0;
  if (const Atom* atom = ExprRep::lone_atom(a, &constant)) {
    // (x//d + k)//b = (x + k*d)//(d*b) for any integer k.
    if (atom->op == Expr::Op::kFloorDiv && atom->b.is_const() && atom->b.value() > 0) {
      int64_t divisor;
      if (!__builtin_mul_overflow(atom->b.value(), b, &divisor)) {
        return floordiv(atom->a + atom->b * Expr(constant), divisor);
      }
    }
    // 0 <= x % d < d
    if (atom->op == Expr::Op::kMod && constant == 0 && atom->b.is_const() && atom->b.value() > 0 &&
        atom->b.value() <= b) {
      return 0;
    }
  }
  return ExprRep::operation(Expr::Op::kFloorDiv, std::move(a), b);
}

}  // namespace

std::optional<Expr> exact_div(const Expr& a, const Expr& b) {
  if (b.is_const(0)) return std::nullopt;
  if (b.is_const(1) || a.is_const(0)) return a;
  if (a == b) return Expr(1);
  const Sum divisor = ExprRep::sum(b);
  Sum quotient;
  Expr rest = a;
  // Long division by the leading term: every step removes the rest's leading term for good.
  for (size_t step = 0; step < kMaxTerms && !rest.is_const(0); ++step) {
    auto q = divide(ExprRep::sum(rest)[0], divisor[0]);
    if (!q) return std::nullopt;
    rest = rest - ExprRep::collect({*q}) * b;
    quotient.push_back(std::move(*q));
  }
  if (!rest.is_const(0)) return std::nullopt;
  return ExprRep::collect(std::move(quotient));
}

Expr floordiv(const Expr& a, const Expr& b) {
  if (b.is_const(0)) return ExprRep::opaque();
  if (a.is_const() && b.is_const()) {
    auto q = floor_quotient(a.value_, b.value_);
    return q ? Expr(*q) : ExprRep::opaque();
  }
  if (auto q = exact_div(a, b)) return *q;
  if (b.is_const() && b.value_ < 0) {
    return b.value_ == INT64_MIN ? ExprRep::opaque() : floordiv(-a, Expr(-b.value_));
  }
  Sum numerator = ExprRep::sum(a);
  Sum denominator = ExprRep::sum(b);
  Expr whole = 0;
  if (denominator.size() == 1) {
    whole = take_divisible(numerator, denominator[0]);
    if (numerator.empty()) return whole;
  }
  if (b.is_const()) return whole + floordiv_constant(numerator, b.value_);
  const Monomial shared = content(numerator, denominator);
  const Expr n = divided(numerator, shared);
  const Expr d = divided(denominator, shared);
  if (d.is_const()) return whole + floordiv(n, d);
  return whole + ExprRep::operation(Expr::Op::kFloorDiv, n, d);
}

Expr mod(const Expr& a, const Expr& b) {
  if (b.is_const(0)) return ExprRep::opaque();
  if (a.is_const() && b.is_const()) return floor_remainder(a.value_, b.value_);
  if (exact_div(a, b)) return 0;
  Sum terms = ExprRep::sum(a);
  const Sum divisor = ExprRep::sum(b);
  if (divisor.size() == 1) take_divisible(terms, divisor[0]);
  if (b.is_const()) {
    for (Monomial& term : terms) term.coefficient = floor_remainder(term.coefficient, b.value_);
  }
  Expr rest = ExprRep::collect(std::move(terms));
  if (rest.is_const() && b.is_const()) return mod(rest, b);
  if (rest.is_const(0)) return rest;
  int64_t constant = 0;
  const Atom* atom = ExprRep::lone_atom(rest, &constant);
  if (atom != nullptr && atom->op == Expr::Op::kMod && constant == 0 && atom->b == b) return rest;
  return ExprRep::operation(Expr::Op::kMod, rest, b);
}

Expr ceildiv(const Expr& a, const Expr& b) {
  // For a constant b > 0, (a + b - 1)//b is the same number and the shorter text.
  if (b.is_const() && b.value_ > 0) return floordiv(a + Expr(b.value_ - 1), b);
  return -floordiv(-a, b);
}

namespace {

// max for sign = 1, min for sign = -1.
Expr extreme(Expr::Op op, int sign, const Expr& a, const Expr& b) {
  const Expr difference = a - b;
  if (auto d = difference.as_const()) return (*d >= 0) == (sign > 0) ? a : b;
  // max(max(x, y), x) = max(x, y)
  int64_t constant = 0;
  for (const auto& [outer, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    const Atom* atom = ExprRep::lone_atom(*outer, &constant);
    if (atom == nullptr || atom->op != op || constant != 0) continue;
    if (atom->a == *other || atom->b == *other) return *outer;
    // max(max(x, 1), 2) = max(x, 2)
    if (other->is_const() && atom->a.is_const()) {
      return extreme(op, sign, extreme(op, sign, atom->a, *other), atom->b);
    }
  }
  const bool ordered = a.is_const() || (!b.is_const() && a.str() < b.str());
  return ordered ? ExprRep::operation(op, a, b) : ExprRep::operation(op, b, a);
}

}  // namespace

Expr max(const Expr& a, const Expr& b) { return extreme(Expr::Op::kMax, 1, a, b); }
Expr min(const Expr& a, const Expr& b) { return extreme(Expr::Op::kMin, -1, a, b); }

}  // namespace onnxport
