#include "base/expr_solve.h"

#include <gtest/gtest.h>

namespace onnxport {
namespace {

Expr expr(const char* text) { return Expr::parse(text).value(); }

TEST(LinearForm, IsOfOneSymbolToThePowerOfOne) {
  const auto form = linear_form(expr("2*h + 3"));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->symbol, "h");
  EXPECT_EQ(form->factor, 2);
  EXPECT_EQ(form->rest, 3);
  EXPECT_EQ(linear_form(expr("h"))->factor, 1);
  EXPECT_EQ(linear_form(expr("5 - h"))->factor, -1);
  for (const char* other : {"7", "h*w", "h + w", "h*h", "h//2", "h + h//2"}) {
    EXPECT_FALSE(linear_form(expr(other))) << other;
  }
}

TEST(Solve, GivesTheSizeThatMakesTheWantedOne) {
  EXPECT_EQ(solve(expr("2*h + 3"), "h", 11), 4);
  EXPECT_EQ(solve(expr("h*w"), "h", 12, {{"w", 4}}), 3);
  EXPECT_EQ(solve(expr("10 - h"), "h", 4), 6);
  EXPECT_EQ(solve(expr("h"), "h", 0), 0);
}

TEST(Solve, RefusesWhatNoSizeGives) {
  EXPECT_FALSE(solve(expr("2*h"), "h", 5));
  EXPECT_FALSE(solve(expr("h + 3"), "h", 1));  // -2
  EXPECT_FALSE(solve(expr("h*w"), "h", 12));   // w is not known
  EXPECT_FALSE(solve(expr("h*w"), "h", 12, {{"w", 0}}));
  EXPECT_FALSE(solve(expr("(h + 1)//2"), "h", 112));  // two do
  EXPECT_FALSE(solve(expr("7"), "h", 7));             // all do
  EXPECT_FALSE(solve(expr("-h - 1"), "h", INT64_MAX));
}

}  // namespace
}  // namespace onnxport
