#include "base/expr.h"

#include <gtest/gtest.h>

#include <random>

namespace onnxport {
namespace {

const Expr s = Expr::symbol("s");
const Expr h = Expr::symbol("h");

std::string parsed(std::string_view text) {
  auto e = Expr::parse(text);
  return e.ok() ? e->str() : "error: " + e.error().str();
}

TEST(Expr, ComputesConstants) {
  EXPECT_EQ((Expr(6) * 7 - 2).value(), 40);
  EXPECT_EQ(floordiv(Expr(-7), 2).value(), -4);
  EXPECT_EQ(mod(Expr(-7), 2).value(), 1);
  EXPECT_EQ(mod(Expr(7), -2).value(), -1);
  EXPECT_EQ(ceildiv(Expr(7), 2).value(), 4);
  EXPECT_EQ(max(Expr(3), 5).value(), 5);
  EXPECT_EQ(min(Expr(3), 5).value(), 3);
}

TEST(Expr, AddsLikeTerms) {
  EXPECT_EQ((s + s + 1).str(), "2*s + 1");
  EXPECT_EQ((s + h - s), h);
  EXPECT_EQ((s - s), Expr(0));
  EXPECT_EQ((s + 1) * (s - 1), s * s - 1);
  EXPECT_EQ((s * s * h).str(), "h*s**2");
}

TEST(Expr, DividesWhatIsExact) {
  EXPECT_EQ(floordiv(8 * s, 8 * s), Expr(1));
  EXPECT_EQ(floordiv(h * s + 3 * s, s), h + 3);
  EXPECT_EQ(*exact_div(8 * s * h, s * h), Expr(8));
  EXPECT_EQ(*exact_div(s * s - 1, s + 1), s - 1);
  EXPECT_FALSE(exact_div(s + 1, 2));
  EXPECT_FALSE(exact_div(s, h));
}

TEST(Expr, ReducesFloorDivisions) {
  EXPECT_EQ(floordiv(8 * s + 5, 4).str(), "2*s + 1");
  EXPECT_EQ(floordiv(6 * s, 4).str(), "(3*s)//2");
  EXPECT_EQ(floordiv(floordiv(s, 2), 3), floordiv(s, 6));
  EXPECT_EQ(floordiv(floordiv(s - 1, 2) + 1 - 1, 2) + 1, floordiv(s + 3, 4));
  EXPECT_EQ(floordiv(s - 1, 16) + 1, floordiv(s + 15, 16));
  EXPECT_EQ(floordiv(s * h, 2 * s), floordiv(h, 2));
}

TEST(Expr, ReducesRemainders) {
  EXPECT_EQ(mod(4 * s, 2), Expr(0));
  EXPECT_EQ(mod(5 * s + 7, 4).str(), "Mod(s + 3, 4)");
  EXPECT_EQ(mod(mod(s, 4), 4), mod(s, 4));
  EXPECT_EQ(mod(s * h, h), Expr(0));
  EXPECT_EQ(floordiv(mod(s, 4), 4), Expr(0));
}

TEST(Expr, DecidesExtremesWhereItCan) {
  EXPECT_EQ(max(s, s), s);
  EXPECT_EQ(max(s + 1, s), s + 1);
  EXPECT_EQ(min(s + 1, s), s);
  EXPECT_EQ(max(max(s, 1), 2), max(s, 2));
  EXPECT_EQ(max(s, h), max(h, s));
  EXPECT_EQ(max(max(s, h), h), max(s, h));
}

TEST(Expr, NeverGivesAWrongNumberOnOverflow) {
  const Expr big = INT64_MAX;
  EXPECT_FALSE((big + 1).is_const());
  EXPECT_NE(big + 1, big + 1);
  EXPECT_FALSE((big * s * 2).eval({{"s", 1}}));
  EXPECT_FALSE(floordiv(Expr(INT64_MIN), -1).is_const());
  EXPECT_FALSE(floordiv(s, 0).eval({{"s", 1}}));
  EXPECT_FALSE((s * s).eval({{"s", INT64_MAX}}));
}

TEST(Expr, StaysWithinItsBudgets) {
  Expr sum = 1;
  for (int i = 0; i < 40; ++i) sum *= Expr::symbol("a" + std::to_string(i)) + 1;
  Expr nest = s;
  for (int i = 0; i < 1000; ++i) nest = max(nest * h, mod(nest, h));
  EXPECT_LT(sum.str().size(), 1u << 20);
  EXPECT_LT(nest.str().size(), 1u << 20);
}

TEST(Expr, ReadsWhatSympyPrints) {
  EXPECT_EQ(parsed("s77"), "s77");
  EXPECT_EQ(parsed("64*s77"), "64*s77");
  EXPECT_EQ(parsed("(s0//2)"), "s0//2");
  EXPECT_EQ(parsed("FloorDiv(s0 + 1, 2)"), "(s0 + 1)//2");
  EXPECT_EQ(parsed("Max(1, s0)"), "Max(1, s0)");
  EXPECT_EQ(parsed("((s0 - 1)//16) + 1"), "(s0 + 15)//16");
  EXPECT_EQ(parsed("s0**2"), "s0**2");
  EXPECT_EQ(parsed("Mod(s0, 2)"), "Mod(s0, 2)");
  EXPECT_EQ(parsed("PythonMod(s0, 2)"), "Mod(s0, 2)");
  EXPECT_EQ(parsed("CeilDiv(s0, 2)"), "(s0 + 1)//2");
  EXPECT_EQ(parsed("floor(s0/2 + 1/2)"), "(s0 + 1)//2");
  EXPECT_EQ(parsed("ceiling(s0/2)"), "(s0 + 1)//2");
  EXPECT_EQ(parsed("TruncToInt(IntTrueDiv(s0, 2))"), "s0//2");
  EXPECT_EQ(parsed("CleanDiv(s0, 2)"), "s0//2");
  EXPECT_EQ(parsed("Identity(s0)"), "s0");
  EXPECT_EQ(parsed("floor(0.5*s0)"), "s0//2");
  EXPECT_EQ(parsed("s0/2*2"), "s0");
  EXPECT_EQ(parsed("-s0 + 5"), "-s0 + 5");
  EXPECT_EQ(parsed("s0*(s1 + 1)"), "s0*s1 + s0");
}

TEST(Expr, ReadsSympysRepr) {
  EXPECT_EQ(parsed("Symbol('s77', positive=True, integer=True)"), "s77");
  EXPECT_EQ(parsed("Add(Mul(Integer(2), Symbol('s0', integer=True)), Integer(-1))"), "2*s0 - 1");
  EXPECT_EQ(parsed("floor(Mul(Rational(1, 2), Symbol('s0')))"), "s0//2");
  EXPECT_EQ(parsed("Pow(Symbol('s0'), Integer(2))"), "s0**2");
  EXPECT_EQ(parsed("floor(Mul(Float('0.5', precision=53), Symbol('s0')))"), "s0//2");
}

TEST(Expr, RefusesWhatItDoesNotUnderstand) {
  for (const char* bad :
       {"", "s0 +", "Piecewise((1, s0 > 2), (2, True))", "Eq(s0, 1)", "s0 > 1", "(s0", "s0)",
        "s0/2", "2 s0", "s0**s1", "s0**99", "1/0", "99999999999999999999", "Max()", "FloorDiv(1)",
        "Symbol(s0)", "'", "a b", "3x"}) {
    EXPECT_FALSE(Expr::parse(bad).ok()) << bad;
  }
  EXPECT_FALSE(Expr::parse(std::string(100000, '(')).ok());
  EXPECT_FALSE(Expr::parse(std::string(10000, '(')).ok());
  EXPECT_FALSE(Expr::parse(std::string(10000, '-') + "1").ok());
}

TEST(Expr, KeepsNamesThatAreNoIdentifiers) {
  const Expr odd = Expr::symbol("batch size");
  EXPECT_EQ(odd.str(), "batch size");
  EXPECT_EQ((2 * odd).str(), "2*\"batch size\"");
  EXPECT_EQ(*Expr::parse((2 * odd).str()), 2 * odd);
}

// Random expressions: the text reads back as the same expression, and the canonical form computes
// what naive evaluation of the same operations does.
TEST(Expr, AgreesWithPlainArithmetic) {
  std::mt19937 random(7);
  auto pick = [&](int n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 3000; ++round) {
    std::map<std::string, int64_t> values = {{"s", 1 + pick(40)}, {"h", 1 + pick(40)}};
    struct Pair {
      Expr e;
      int64_t v;
    };
    std::vector<Pair> pool = {{s, values["s"]}, {h, values["h"]}, {2, 2}, {3, 3}, {-1, -1}, {8, 8}};
    auto floor_div = [](int64_t a, int64_t b) {
      return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
    };
    for (int step = 0; step < 6; ++step) {
      const Pair a = pool[pick(pool.size())];
      const Pair b = pool[pick(pool.size())];
      if (std::abs(a.v) > 1000000 || std::abs(b.v) > 1000000) continue;
      switch (pick(7)) {
        case 0:
          pool.push_back({a.e + b.e, a.v + b.v});
          break;
        case 1:
          pool.push_back({a.e * b.e, a.v * b.v});
          break;
        case 2:
          pool.push_back({a.e - b.e, a.v - b.v});
          break;
        case 3:
          pool.push_back({max(a.e, b.e), std::max(a.v, b.v)});
          break;
        case 4:
          pool.push_back({min(a.e, b.e), std::min(a.v, b.v)});
          break;
        case 5:
          if (b.v != 0) pool.push_back({floordiv(a.e, b.e), floor_div(a.v, b.v)});
          break;
        case 6:
          if (b.v != 0) pool.push_back({mod(a.e, b.e), a.v - b.v * floor_div(a.v, b.v)});
          break;
      }
      const Pair& last = pool.back();
      const auto got = last.e.eval(values);
      ASSERT_TRUE(!got || *got == last.v)
          << last.e.str() << " at s=" << values["s"] << " h=" << values["h"];
      auto again = Expr::parse(last.e.str());
      ASSERT_TRUE(again.ok()) << again.error().str();
      ASSERT_EQ(*again, last.e) << last.e.str() << " vs " << again->str();
      const Expr substituted = last.e.substitute({{"s", values["s"]}, {"h", values["h"]}});
      ASSERT_TRUE(!substituted.is_const() || substituted.value() == last.v) << last.e.str();
    }
  }
}

TEST(Expr, ListsItsSymbolsAndTerms) {
  const Expr e = 2 * s * s + floordiv(h, 3) + 1;
  EXPECT_EQ(e.symbols(), (std::vector<std::string>{"h", "s"}));
  ASSERT_EQ(e.terms().size(), 3u);
  EXPECT_EQ(e.terms()[0].coefficient, 2);
  EXPECT_EQ(e.terms()[0].factors.size(), 2u);
  EXPECT_EQ(e.terms()[1].factors[0].op, Expr::Op::kFloorDiv);
  EXPECT_EQ(e.terms()[2].factors.size(), 0u);
  EXPECT_TRUE(Expr(0).terms().empty());
  EXPECT_EQ(to_string({s, 3, 224}), "[s, 3, 224]");
  EXPECT_EQ(product({s, 3, 2}), 6 * s);
}

}  // namespace
}  // namespace onnxport
