// How sizes are written: a table of reshapes, expands and slices, and the nodes that they cost.
#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr b = Expr::symbol("b");
const Expr h = Expr::symbol("h");
const Expr w = Expr::symbol("w");

aten::Arg sizes(const Shape& shape) { return aten::Arg(aten::ArgList(shape.begin(), shape.end())); }

struct Case {
  const char* what;
  Shape from, to;
  std::string nodes;
  std::string code;  // in the dump; "" when it is not a constant
};

TEST(Reshape, ReadsASizeOnlyWhenZeroAndMinusOneCannotSayIt) {
  const std::vector<Case> cases = {
      {"the same sizes: the Identity of an output that is an input",
       {b, 3},
       {b, 3},
       "Identity",
       ""},
      {"known sizes", {4, 6}, {2, 12}, "Reshape", "[2, 12]"},
      {"the batch stays in its place",
       {b, 196, 384},
       {b, 196, 6, 64},
       "Reshape",
       "[0, 196, 6, 64]"},
      {"the batch is merged", {b, 196, 384}, {b * 196, 384}, "Reshape", "[-1, 384]"},
      {"the batch is split off again", {b * 196, 384}, {b, 196, 384}, "Reshape", "[-1, 196, 384]"},
      {"flatten of a dynamic image", {b, 8, h, w}, {b, 8, h * w}, "Reshape", "[0, 8, -1]"},
      {"two new symbolic sizes need one of them",
       {b * h, 8},
       {b, h, 8},
       "Shape Concat Reshape",
       ""},
  };
  for (const Case& c : cases) {
    Sketch s;
    s.input("sizes", {b, h, w});
    auto x = s.input("x", c.from);
    s.returns(s.call("aten::view", {{"self", x}, {"size", sizes(c.to)}}, c.to));
    EXPECT_EQ(s.nodes(), c.nodes) << c.what;
    EXPECT_EQ(s.shape(), to_string(c.to)) << c.what;
    if (!c.code.empty()) {
      EXPECT_NE(s.dump().find(c.code), std::string::npos) << c.what << s.dump();
    }
  }
}

TEST(Reshape, TakesMinusOneFromTheRecordedShape) {
  Sketch s;
  auto x = s.input("x", {b, 12});
  s.returns(s.call("aten::view", {{"self", x}, {"size", list({-1, 3, 4})}}, {b, 3, 4}));
  EXPECT_EQ(s.nodes(), "Reshape");
  EXPECT_NE(s.dump().find("[0, 3, 4]"), std::string::npos) << s.dump();
}

TEST(Reshape, OfAWeightIsTheWeightInAnotherShape) {
  Sketch s;
  auto x = s.input("x", {b, 4, h, w});
  auto gamma = s.call(
      "aten::view", {{"self", s.weight("gamma", {4})}, {"size", list({1, 4, 1, 1})}}, {1, 4, 1, 1});
  s.returns(s.call("aten::mul.Tensor", {{"self", x}, {"other", gamma}}, {b, 4, h, w}));
  EXPECT_EQ(s.nodes(), "Mul");
  EXPECT_NE(s.dump().find("initializer gamma: float32[1, 4, 1, 1]"), std::string::npos) << s.dump();
}

TEST(Expand, ReadsOnlyTheSizesThatChange) {
  Sketch s;
  auto x = s.input("x", {b, 3});
  auto token = s.weight("cls_token", {1, 1, 8});
  s.returns(s.call("aten::expand", {{"self", token}, {"size", sizes({b, -1, -1})}}, {b, 1, 8}));
  s.returns(x);
  EXPECT_EQ(s.nodes(), "Shape Concat Expand Identity");
  EXPECT_EQ(s.nodes(13), "Shape Slice Concat Expand Identity");
}

TEST(Slice, CountsFromTheEndWhereTheSizeIsSymbolic) {
  Sketch s;
  auto x = s.input("x", {b, h});
  s.returns(s.call("aten::slice.Tensor",
                   {{"self", x}, {"dim", Expr(1)}, {"start", Expr(1)}, {"end", h - Expr(2)}},
                   {b, h - Expr(3)}));
  EXPECT_EQ(s.nodes(), "Slice");
  EXPECT_EQ(s.shape(), to_string({b, h - Expr(3)}));
}

TEST(Slice, OfEverythingIsNothing) {
  Sketch s;
  auto x = s.input("x", {b, h});
  auto y = s.call("aten::slice.Tensor", {{"self", x}, {"dim", Expr(0)}, {"end", Expr(INT64_MAX)}},
                  {b, h});
  s.returns(s.call("aten::neg", {{"self", y}}, {b, h}));
  EXPECT_EQ(s.nodes(), "Neg");
}

TEST(Sizes, AreComputedFromSymbolsWhenNoTensorHasThem) {
  Sketch s;
  s.input("x", {b, h});
  const Expr half = floordiv(h, Expr(2));
  s.returns(s.call("aten::zeros", {{"size", sizes({half})}}, {half}));
  EXPECT_EQ(s.nodes(), "Shape Div Expand");
}

TEST(Sizes, ThatTwoCallsNeedAreReadOnce) {
  Sketch s;
  s.input("x", {b, h});
  s.returns(s.call("aten::zeros", {{"size", sizes({b, 2})}}, {b, 2}));
  s.returns(s.call("aten::ones", {{"size", sizes({b, 2})}}, {b, 2}));
  EXPECT_EQ(s.nodes(), "Shape Concat Expand Expand");
}

}  // namespace
}  // namespace onnxport::lower
