#include "torchscript/sizes.h"

#include <gtest/gtest.h>

#include "torchscript/arithmetic.h"

namespace onnxport::torchscript {
namespace {

class SizesTest : public ::testing::Test {
 protected:
  SizesTest() {
    sizes.add_symbol("batch", {2, 3, 5, 7});
    sizes.add_symbol("width", {224, 672, 256, 320});
  }
  std::string fitted(const Ints& values) const {
    auto found = sizes.fit(values);
    return found ? found->str() : "none";
  }

  Names names;
  Sizes sizes{names};
};

TEST_F(SizesTest, finds_the_formula_that_holds_in_every_sample) {
  EXPECT_EQ(fitted({9, 9, 9, 9}), "9");
  EXPECT_EQ(fitted({2, 3, 5, 7}), "batch");
  EXPECT_EQ(fitted({7, 10, 16, 22}), "3*batch + 1");
  EXPECT_EQ(fitted({14, 42, 16, 20}), "width//16");
  EXPECT_EQ(fitted({448, 2016, 1280, 2240}), "batch*width");
}

TEST_F(SizesTest, gives_no_formula_where_one_sample_is_off) {
  EXPECT_EQ(fitted({7, 10, 16, 23}), "none");
  EXPECT_FALSE(sizes.holds(Expr::symbol("batch"), {2, 3, 5, 8}));
}

TEST_F(SizesTest, sizes_of_data_are_neither_alike_nor_constant) {
  const Expr a = sizes.new_data_size();
  const Expr b = sizes.new_data_size();
  EXPECT_FALSE(sizes.values_of(a) == sizes.values_of(b));
  EXPECT_FALSE(all_equal(sizes.values_of(a)));
  EXPECT_TRUE(sizes.depends_on_data(a + Expr::symbol("batch")));
  EXPECT_FALSE(sizes.depends_on_data(Expr::symbol("batch")));
  // min(n, 100) is neither n nor 100.
  const Ints capped = sizes.values_of(min(a, Expr(100)));
  EXPECT_FALSE(all_equal(capped));
  EXPECT_FALSE(capped == sizes.values_of(a));
}

TEST_F(SizesTest, symbols_and_values_count_together) {
  EXPECT_EQ(names.unique("n"), "n");
  EXPECT_EQ(names.unique("n"), "n_1");
  EXPECT_EQ(sizes.new_data_size().str(), "n2");
}

TEST(Formula, is_that_of_python) {
  const Expr s = Expr::symbol("s");
  EXPECT_EQ(formula("aten::floordiv", {s, Expr(2)}), floordiv(s, Expr(2)));
  EXPECT_EQ(formula("prim::max", {s, Expr(3)}), max(s, Expr(3)));
  EXPECT_EQ(formula("aten::floordiv", {s, Expr(0)}), std::nullopt);
  EXPECT_EQ(formula("aten::pow", {s, Expr(2)}), std::nullopt);
}

TEST(TensorOp, knows_the_parameters_of_the_operator) {
  const TensorOp* power = tensor_op_of("aten::pow");
  ASSERT_NE(power, nullptr);
  EXPECT_STREQ(power->overload, "Tensor_Tensor");
  EXPECT_STREQ(power->second, "exponent");
  EXPECT_EQ(tensor_op_of("aten::append"), nullptr);
}

}  // namespace
}  // namespace onnxport::torchscript
