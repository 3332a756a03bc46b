// Expr::parse: the texts that sympy prints for sizes, by str (`2*s0 + 1`) and by srepr
// (`Add(Mul(Integer(2), Symbol('s0', integer=True)), Integer(1))`), and what Expr::str() prints.
//
//   sum     := product (('+' | '-') product)*
//   product := unary (('*' | '/' | '//' | '%') unary)*
//   unary   := ('-' | '+') unary | power
//   power   := primary ('**' unary)?
//   primary := number | name | "name" | name '(' sum (',' sum)* ')' | '(' sum ')'
//
// Inside, a value is a fraction of two Exprs, because sympy writes floor(s0/2 + 1/2): the division
// must come out even, or under a floor, ceiling or truncation, before the text ends.
#include <cctype>
#include <map>

#include "base/expr.h"

namespace onnxport {
namespace {

constexpr int kMaxNesting = 64;
constexpr size_t kMaxLength = 1 << 16;

struct Fraction {
  Expr numerator = 0;
  Expr denominator = 1;
};

Fraction operator+(const Fraction& a, const Fraction& b) {
  if (a.denominator == b.denominator) return {a.numerator + b.numerator, a.denominator};
  return {a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator};
}
Fraction operator*(const Fraction& a, const Fraction& b) {
  return {a.numerator * b.numerator, a.denominator * b.denominator};
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Expr> run() {
    if (text_.size() > kMaxLength) return fail("it is too long");
    TRY_ASSIGN(Fraction value, sum());
    skip_space();
    if (at_ != text_.size()) return fail("an operator or the end was expected");
    return whole(value);
  }

 private:
  // Counts the levels of recursion for as long as it lives.
  struct Level {
    explicit Level(int& depth) : depth_(++depth) {}
    ~Level() { --depth_; }
    int& depth_;
  };

  Error fail(const std::string& why) const {
    std::string shown(text_.substr(0, 200));
    return Error{"cannot read the size expression `" + shown + "` at character " +
                     std::to_string(at_ + 1) + ": " + why,
                 ""};
  }

  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  bool take(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  Result<Expr> whole(const Fraction& value) const {
    if (value.denominator.is_const(0)) return fail("it divides by zero");
    if (auto q = exact_div(value.numerator, value.denominator)) return *q;
    return fail("it is a fraction; a whole number was expected");
  }

  Result<Fraction> sum() {
    Level level(depth_);
    if (depth_ > kMaxNesting) return fail("it nests too deep");
    TRY_ASSIGN(Fraction value, product());
    for (;;) {
      if (take("+")) {
        TRY_ASSIGN(Fraction right, product());
        value = value + right;
      } else if (take("-")) {
        TRY_ASSIGN(Fraction right, product());
        value = value + Fraction{-right.numerator, right.denominator};
      } else {
        return value;
      }
    }
  }

  Result<Fraction> product() {
    TRY_ASSIGN(Fraction value, unary());
    for (;;) {
      if (take("//")) {
        TRY_ASSIGN(Fraction right, unary());
        value = {
            floordiv(value.numerator * right.denominator, value.denominator * right.numerator)};
      } else if (take("/")) {
        TRY_ASSIGN(Fraction right, unary());
        value = {value.numerator * right.denominator, value.denominator * right.numerator};
      } else if (take("*")) {
        TRY_ASSIGN(Fraction right, unary());
        value = value * right;
      } else if (take("%")) {
        TRY_ASSIGN(Fraction right, unary());
        TRY_ASSIGN(Expr a, whole(value));
        TRY_ASSIGN(Expr b, whole(right));
        value = {mod(a, b)};
      } else {
        return value;
      }
    }
  }

  Result<Fraction> unary() {
    Level level(depth_);
    if (depth_ > kMaxNesting) return fail("it nests too deep");
    if (take("+")) return unary();
    if (take("-")) {
      TRY_ASSIGN(Fraction value, unary());
      return Fraction{-value.numerator, value.denominator};
    }
    TRY_ASSIGN(Fraction base, primary());
    if (!take("**")) return base;
    TRY_ASSIGN(Fraction exponent, unary());
    return power(base, exponent);
  }

  Result<Fraction> power(const Fraction& base, const Fraction& exponent) const {
    TRY_ASSIGN(Expr n, whole(exponent));
    if (!n.is_const() || n.value() < -16 || n.value() > 16) {
      return fail("only constant powers from -16 to 16 are understood");
    }
    const Fraction factor = n.value() < 0 ? Fraction{base.denominator, base.numerator} : base;
    Fraction out{1};
    for (int64_t i = std::abs(n.value()); i > 0; --i) out = out * factor;
    return out;
  }

  Result<Fraction> primary() {
    skip_space();
    if (take("(")) {
      TRY_ASSIGN(Fraction value, sum());
      if (!take(")")) return fail("a closing parenthesis was expected");
      return value;
    }
    if (at_ == text_.size()) return fail("it ends too early");
    const unsigned char c = static_cast<unsigned char>(text_[at_]);
    if (std::isdigit(c) || c == '.') return number();
    if (c == '"' || c == '\'') {
      TRY_ASSIGN(std::string name, quoted_name());
      return Fraction{Expr::symbol(name)};
    }
    const std::string_view word = name();
    if (word.empty()) return fail("a number, name or parenthesis was expected");
    if (!take("(")) return Fraction{Expr::symbol(word)};
    if (word == "Symbol" || word == "Dummy") return symbol_call();
    return call(word);
  }

  Result<Fraction> number() {
    Fraction value;
    bool after_point = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '.' && !after_point) {
        after_point = true;
        continue;
      }
      if (!std::isdigit(static_cast<unsigned char>(c))) break;
      value.numerator = value.numerator * Expr(10) + Expr(c - '0');
      if (after_point) value.denominator *= 10;
      if (!value.numerator.is_const() || !value.denominator.is_const()) {
        return fail("the number does not fit in 64 bits");
      }
    }
    if (at_ < text_.size() &&
        (std::isalpha(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) {
      return fail("a number runs into a name");
    }
    return value;
  }

  std::string_view name() {
    const size_t start = at_;
    auto in_name = [](unsigned char c) {
      return std::isalnum(c) || c == '_' || c == '.' || c >= 0x80;
    };
    while (at_ < text_.size() && in_name(static_cast<unsigned char>(text_[at_]))) ++at_;
    return text_.substr(start, at_ - start);
  }

  Result<std::string> quoted_name() {
    const char quote = text_[at_++];
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) return fail("a closing quote was expected");
    std::string name(text_.substr(at_, end - at_));
    at_ = end + 1;
    return name;
  }

  // Symbol('s0', integer=True, positive=True): the assumptions do not matter here.
  Result<Fraction> symbol_call() {
    skip_space();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) {
      return fail("a quoted name was expected");
    }
    TRY_ASSIGN(std::string symbol, quoted_name());
    while (take(",")) {
      skip_space();
      if (name().empty() || !take("="))
        return fail("an assumption such as integer=True was expected");
      skip_space();
      if (name().empty()) return fail("True or False was expected");
    }
    if (!take(")")) return fail("a closing parenthesis was expected");
    return Fraction{Expr::symbol(symbol)};
  }

  Result<Fraction> call(std::string_view function) {
    std::vector<Fraction> args;
    if (!take(")")) {
      do {
        // srepr of a Float: Float('0.5', precision=53)
        skip_space();
        if (function == "Float" && at_ < text_.size() && text_[at_] == '\'') {
          return float_call();
        }
        TRY_ASSIGN(Fraction arg, sum());
        args.push_back(std::move(arg));
      } while (take(","));
      if (!take(")")) return fail("a comma or closing parenthesis was expected");
    }
    auto it = functions().find(function);
    if (it == functions().end()) {
      return fail("`" + std::string(function) +
                  "` is not an operation on sizes that onnxport knows");
    }
    const Function& f = it->second;
    const bool fits = f.arity < 0 ? !args.empty() : args.size() == static_cast<size_t>(f.arity);
    if (!fits) return fail("`" + std::string(function) + "` has the wrong number of arguments");
    return f.apply(*this, args);
  }

  Result<Fraction> float_call() {
    TRY_ASSIGN(std::string digits, quoted_name());
    while (take(",")) {
      skip_space();
      name();
      if (take("=")) TRY(number());
    }
    if (!take(")")) return fail("a closing parenthesis was expected");
    Parser inner(digits);
    TRY_ASSIGN(Fraction value, inner.number());
    if (inner.at_ != digits.size()) return fail("the number is not understood");
    return value;
  }

  using Args = std::vector<Fraction>;
  struct Function {
    int arity;  // -1: one or more
    Result<Fraction> (*apply)(const Parser&, const Args&);
  };

  template <Expr (*f)(const Expr&, const Expr&)>
  static Result<Fraction> whole_binary(const Parser& p, const Args& args) {
    TRY_ASSIGN(Expr value, p.whole(args[0]));
    for (size_t i = 1; i < args.size(); ++i) {
      TRY_ASSIGN(Expr next, p.whole(args[i]));
      value = f(value, next);
    }
    return Fraction{value};
  }

  template <Expr (*f)(const Expr&, const Expr&)>
  static Result<Fraction> rounded(const Parser&, const Args& args) {
    return Fraction{f(args[0].numerator, args[0].denominator)};
  }

  template <Expr (*f)(const Expr&, const Expr&)>
  static Result<Fraction> rounded_ratio(const Parser&, const Args& args) {
    return Fraction{
        f(args[0].numerator * args[1].denominator, args[0].denominator * args[1].numerator)};
  }

  static const std::map<std::string_view, Function>& functions();

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

const std::map<std::string_view, Parser::Function>& Parser::functions() {
  constexpr auto same = [](const Parser&, const Args& a) -> Result<Fraction> { return a[0]; };
  constexpr auto ratio = [](const Parser&, const Args& a) -> Result<Fraction> {
    return Fraction{a[0].numerator * a[1].denominator, a[0].denominator * a[1].numerator};
  };
  constexpr auto add = [](const Parser&, const Args& a) -> Result<Fraction> {
    Fraction out;
    for (const Fraction& x : a) out = out + x;
    return out;
  };
  constexpr auto multiply = [](const Parser&, const Args& a) -> Result<Fraction> {
    Fraction out{1};
    for (const Fraction& x : a) out = out * x;
    return out;
  };
  constexpr auto raise = [](const Parser& p, const Args& a) { return p.power(a[0], a[1]); };
  constexpr auto modular_indexing = [](const Parser& p, const Args& a) -> Result<Fraction> {
    TRY_ASSIGN(Expr x, p.whole(a[0]));
    TRY_ASSIGN(Expr divisor, p.whole(a[1]));
    TRY_ASSIGN(Expr modulus, p.whole(a[2]));
    return Fraction{mod(floordiv(x, divisor), modulus)};
  };
  // A size is not negative, so truncation is floor.
  static const std::map<std::string_view, Function> table = {
      {"Add", {-1, add}},
      {"Mul", {-1, multiply}},
      {"Pow", {2, raise}},
      {"PowByNatural", {2, raise}},
      {"Integer", {1, same}},
      {"Rational", {2, ratio}},
      {"Float", {1, same}},
      {"Identity", {1, same}},
      {"ToFloat", {1, same}},
      {"IntTrueDiv", {2, ratio}},
      {"FloatTrueDiv", {2, ratio}},
      {"FloorDiv", {2, rounded_ratio<floordiv>}},
      {"CleanDiv", {2, rounded_ratio<floordiv>}},
      {"CeilDiv", {2, rounded_ratio<ceildiv>}},
      {"floor", {1, rounded<floordiv>}},
      {"FloorToInt", {1, rounded<floordiv>}},
      {"trunc", {1, rounded<floordiv>}},
      {"TruncToInt", {1, rounded<floordiv>}},
      {"TruncToFloat", {1, rounded<floordiv>}},
      {"ceiling", {1, rounded<ceildiv>}},
      {"CeilToInt", {1, rounded<ceildiv>}},
      {"Mod", {2, whole_binary<mod>}},
      {"PythonMod", {2, whole_binary<mod>}},
      {"Max", {-1, whole_binary<max>}},
      {"Min", {-1, whole_binary<min>}},
      {"ModularIndexing", {3, modular_indexing}},
  };
  return table;
}

}  // namespace

Result<Expr> Expr::parse(std::string_view text) { return Parser(text).run(); }

}  // namespace onnxport
