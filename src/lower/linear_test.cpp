#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr n = Expr::symbol("n");

TEST(Linear, IsGemmOnMatricesAndMatMulElsewhere) {
  Sketch flat;
  auto x = flat.input("x", {n, 8});
  auto y = flat.call(
      "aten::linear",
      {{"input", x}, {"weight", flat.weight("w", {3, 8})}, {"bias", flat.weight("b", {3})}},
      {n, 3});
  EXPECT_EQ(flat.returns(y).nodes(), "Gemm");

  Sketch deep;
  x = deep.input("x", {n, 5, 8});
  y = deep.call(
      "aten::linear",
      {{"input", x}, {"weight", deep.weight("w", {3, 8})}, {"bias", deep.weight("b", {3})}},
      {n, 5, 3});
  EXPECT_EQ(deep.returns(y).nodes(), "MatMul Add");
  EXPECT_EQ(deep.shape(), "[n, 5, 3]");
  EXPECT_NE(deep.dump().find("initializer w: float32[8, 3]"), std::string::npos) << deep.dump();
}

TEST(Linear, AddmmIsGemmAndForgetsWhatBetaZeroMultiplies) {
  Sketch s;
  auto c = s.input("c", {3});
  auto a = s.input("a", {n, 8});
  auto b = s.input("b", {8, 3});
  s.returns(s.call("aten::addmm", {{"self", c}, {"mat1", a}, {"mat2", b}, {"alpha", 0.5}}, {n, 3}));
  s.returns(s.call("aten::addmm", {{"self", c}, {"mat1", a}, {"mat2", b}, {"beta", 0.0}}, {n, 3}));
  EXPECT_EQ(s.nodes(), "Gemm MatMul");
}

TEST(Attention, IsFiveNodes) {
  Sketch s;
  auto q = s.input("q", {n, 3, 5, 16});
  auto y = s.call("aten::scaled_dot_product_attention", {{"query", q}, {"key", q}, {"value", q}},
                  {n, 3, 5, 16});
  EXPECT_EQ(s.returns(y).nodes(), "Mul Transpose MatMul Softmax MatMul");
}

TEST(Attention, MergesTheTransposeThatMadeTheKeys) {
  Sketch s;
  auto q = s.input("q", {n, 3, 5, 16});
  auto raw = s.input("k", {n, 5, 3, 16});
  auto k = s.call("aten::transpose.int", {{"self", raw}, {"dim0", Expr(1)}, {"dim1", Expr(2)}},
                  {n, 3, 5, 16});
  auto y = s.call("aten::scaled_dot_product_attention", {{"query", q}, {"key", k}, {"value", q}},
                  {n, 3, 5, 16});
  EXPECT_EQ(s.returns(y).nodes(), "Mul Transpose MatMul Softmax MatMul");
  EXPECT_NE(s.dump().find("perm=[0, 2, 3, 1]"), std::string::npos) << s.dump();
}

TEST(Attention, GuardsAgainstRowsThatSeeNothingOnlyWhereTheyCanBe) {
  Sketch any;
  auto q = any.input("q", {n, 3, 5, 16});
  auto mask = any.input("mask", {n, 1, 5, 5});
  any.returns(any.call("aten::scaled_dot_product_attention",
                       {{"query", q}, {"key", q}, {"value", q}, {"attn_mask", mask}},
                       {n, 3, 5, 16}));
  EXPECT_EQ(any.nodes(), "Mul Transpose MatMul Add Softmax IsNaN Where MatMul");

  Sketch fixed;
  q = fixed.input("q", {n, 3, 5, 16});
  fixed.returns(
      fixed.call("aten::scaled_dot_product_attention",
                 {{"query", q}, {"key", q}, {"value", q}, {"attn_mask", fixed.weight("m", {5, 5})}},
                 {n, 3, 5, 16}));
  EXPECT_EQ(fixed.nodes(), "Mul Transpose MatMul Add Softmax MatMul");
}

TEST(Attention, DropoutIsRefusedWithTheRemedy) {
  Sketch s;
  auto q = s.input("q", {n, 3, 5, 16});
  auto y = s.call("aten::scaled_dot_product_attention",
                  {{"query", q}, {"key", q}, {"value", q}, {"dropout_p", 0.1}}, {n, 3, 5, 16});
  EXPECT_NE(s.returns(y).nodes().find("model.eval()"), std::string::npos);
}

}  // namespace
}  // namespace onnxport::lower
