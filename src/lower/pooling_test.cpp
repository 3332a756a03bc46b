#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr n = Expr::symbol("n");

std::string adaptive(Shape in, std::vector<int64_t> out, Shape result) {
  Sketch s;
  auto x = s.input("x", std::move(in));
  return s
      .returns(s.call("aten::adaptive_avg_pool2d", {{"self", x}, {"output_size", list(out)}},
                      std::move(result)))
      .nodes();
}

TEST(Pooling, AdaptiveToOneIsGlobalForAnySize) {
  EXPECT_EQ(adaptive({n, 4, 7, 7}, {1, 1}, {n, 4, 1, 1}), "GlobalAveragePool");
  EXPECT_EQ(adaptive({n, 4, Expr::symbol("h"), 7}, {1, 1}, {n, 4, 1, 1}), "GlobalAveragePool");
}

TEST(Pooling, AdaptiveOfDividingSizesIsAveragePool) {
  EXPECT_EQ(adaptive({n, 4, 12, 12}, {3, 4}, {n, 4, 3, 4}), "AveragePool");
}

TEST(Pooling, AdaptiveOfOtherSizesIsAProductWithAConstant) {
  EXPECT_EQ(adaptive({n, 4, 7, 12}, {3, 12}, {n, 4, 3, 12}), "MatMul");
  EXPECT_EQ(adaptive({n, 4, 7, 9}, {3, 4}, {n, 4, 3, 4}), "MatMul MatMul");
}

TEST(Pooling, AdaptiveOfUnknownSizesIsRefused) {
  EXPECT_NE(adaptive({n, 4, Expr::symbol("h"), 7}, {3, 7}, {n, 4, 3, 7}).find("refused"),
            std::string::npos);
}

// PyTorch: no window starts behind the input, 5 -> 3, not 4.
TEST(Pooling, CeilModeBecomesExplicitPadding) {
  Sketch s;
  auto x = s.input("x", {n, 4, 5, 6});
  auto y = s.call(
      "aten::max_pool2d",
      {{"self", x}, {"kernel_size", list({2, 2})}, {"stride", list({2, 2})}, {"ceil_mode", true}},
      {n, 4, 3, 3});
  EXPECT_EQ(s.returns(y).shape(), "[n, 4, 3, 3]");
  EXPECT_NE(s.dump().find("pads=[0, 0, 1, 0]"), std::string::npos) << s.dump();
  EXPECT_EQ(s.dump().find("ceil_mode"), std::string::npos);
}

TEST(Pooling, IndicesAreAskedForOnlyWhenRead) {
  Sketch s;
  auto x = s.input("x", {n, 4, 6, 6});
  auto y = s.calls("aten::max_pool2d_with_indices", {{"self", x}, {"kernel_size", list({2, 2})}},
                   {{{n, 4, 3, 3}, DType::kFloat}, {{n, 4, 3, 3}, DType::kInt64}});
  s.returns(y[0]);
  EXPECT_EQ(s.nodes(), "MaxPool");
  s.returns(y[1]);
  EXPECT_EQ(s.nodes(), "MaxPool Mod");
}

}  // namespace
}  // namespace onnxport::lower
