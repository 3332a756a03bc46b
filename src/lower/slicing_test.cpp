#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr n = Expr::symbol("n");

TEST(Unbind, IsOneGatherForEachPartInUse) {
  Sketch s;
  auto x = s.input("x", {3, n, 4});
  auto parts = s.calls("aten::unbind.int", {{"self", x}},
                       {{{n, 4}, DType::kFloat}, {{n, 4}, DType::kFloat}, {{n, 4}, DType::kFloat}});
  s.returns(parts[0]).returns(parts[2]);
  EXPECT_EQ(s.nodes(), "Gather Gather");
}

TEST(Split, KnowsTheSizesOfTheLastPart) {
  Sketch s;
  auto x = s.input("x", {n, 5});
  auto parts =
      s.calls("aten::split.Tensor", {{"self", x}, {"split_size", Expr(2)}, {"dim", Expr(1)}},
              {{{n, 2}, DType::kFloat}, {{n, 2}, DType::kFloat}, {{n, 1}, DType::kFloat}});
  s.returns(parts[0]).returns(parts[1]).returns(parts[2]);
  EXPECT_EQ(s.nodes(13), "Split");
  EXPECT_EQ(s.nodes(18), "Split");
}

TEST(Roll, NeedsNoSizeOnASymbolicAxis) {
  Sketch s;
  auto x = s.input("x", {1, n, 4});
  s.returns(s.call("aten::roll", {{"self", x}, {"shifts", list({-3, 1})}, {"dims", list({1, 2})}},
                   {1, n, 4}));
  EXPECT_EQ(s.nodes(), "Slice Slice Concat Slice Slice Concat");
  EXPECT_EQ(s.shape(), "[1, n, 4]");
}

TEST(Cat, SkipsEmptyTensorsOfOneDimension) {
  Sketch s;
  auto x = s.input("x", {n, 4});
  auto nothing = s.constant("nothing", Tensor::of<float>(DType::kFloat, {0}, {}));
  auto y = s.call("aten::cat", {{"tensors", tensors({nothing, x})}, {"dim", Expr(1)}}, {n, 4});
  s.returns(s.call("aten::neg", {{"self", y}}, {n, 4}));
  EXPECT_EQ(s.nodes(), "Neg");
}

TEST(SliceScatter, JoinsWhatIsBeforeAndBehind) {
  Sketch s;
  auto x = s.input("x", {n, 8});
  auto src = s.input("src", {n, 3});
  s.returns(s.call(
      "aten::slice_scatter",
      {{"self", x}, {"src", src}, {"dim", Expr(1)}, {"start", Expr(2)}, {"end", Expr(5)}}, {n, 8}));
  EXPECT_EQ(s.nodes(), "Slice Slice Concat");
}

TEST(AsStrided, IsRefusedUnlessItIsAView) {
  Sketch s;
  auto x = s.input("x", {4, 6});
  s.returns(s.call("aten::as_strided",
                   {{"self", x}, {"size", list({3, 8})}, {"stride", list({8, 1})}}, {3, 8}));
  EXPECT_EQ(s.nodes(), "Reshape");
  Sketch t;
  x = t.input("x", {4, 6});
  t.returns(t.call("aten::as_strided",
                   {{"self", x}, {"size", list({3, 8})}, {"stride", list({1, 3})}}, {3, 8}));
  EXPECT_NE(t.nodes().find("as_strided"), std::string::npos);
}

TEST(Arange, IsAConstantWhenItsEndsAreKnown) {
  Sketch s;
  auto x = s.input("x", {n, 4});
  auto r = s.call("aten::arange", {{"end", Expr(4)}, {"dtype", DType::kFloat}}, {4});
  s.returns(s.call("aten::mul.Tensor", {{"self", x}, {"other", r}}, {n, 4}));
  EXPECT_EQ(s.nodes(), "Mul");
  Sketch t;
  t.input("x", {n, 4});
  t.returns(t.call("aten::arange", {{"end", n}}, {n}, DType::kInt64));
  EXPECT_EQ(t.nodes(), "Shape Squeeze Range");
}

TEST(Meshgrid, SwapsTheFirstTwoAxesForXy) {
  Sketch s;
  auto x = s.input("x", {2});
  auto y = s.input("y", {3});
  auto grids = s.calls("aten::meshgrid.indexing",
                       {{"tensors", tensors({x, y})}, {"indexing", std::string("xy")}},
                       {{{3, 2}, DType::kFloat}, {{3, 2}, DType::kFloat}});
  s.returns(grids[0]).returns(grids[1]);
  EXPECT_EQ(s.nodes(), "Reshape Expand Reshape Expand");
}

}  // namespace
}  // namespace onnxport::lower
