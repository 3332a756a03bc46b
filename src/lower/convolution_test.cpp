#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr n = Expr::symbol("n");

struct Convolution {
  Sketch s;
  Sketch::Id x = s.input("x", {n, 4, 8, 8});
  Sketch::Id w = s.weight("w", {6, 4, 3, 3});
  Sketch::Id b = s.weight("b", {6});
};

TEST(Convolution, KeepsTheBiasInside) {
  Convolution c;
  auto y = c.s.call("aten::conv2d", {{"input", c.x}, {"weight", c.w}, {"bias", c.b}}, {n, 6, 6, 6});
  EXPECT_EQ(c.s.returns(y).nodes(), "Conv");
  EXPECT_EQ(c.s.shape(), "[n, 6, 6, 6]");
}

TEST(Convolution, SamePutsTheOddElementBehind) {
  Convolution c;
  auto w = c.s.weight("even", {6, 4, 4, 3});
  auto y =
      c.s.call("aten::conv2d.padding",
               {{"input", c.x}, {"weight", w}, {"padding", std::string("same")}}, {n, 6, 8, 8});
  EXPECT_NE(c.s.returns(y).dump().find("pads=[1, 1, 2, 1]"), std::string::npos) << c.s.dump();
}

TEST(Convolution, OneImageGetsABatchAxisAndLosesIt) {
  Sketch s;
  auto x = s.input("x", {4, 8, 8});
  auto y =
      s.call("aten::conv2d", {{"input", x}, {"weight", s.weight("w", {6, 4, 3, 3})}}, {6, 6, 6});
  EXPECT_EQ(s.returns(y).nodes(), "Unsqueeze Conv Squeeze");
}

TEST(Convolution, TransposedTakesItsOutputPadding) {
  Sketch s;
  auto x = s.input("x", {n, 4, 8, 8});
  auto y = s.call("aten::conv_transpose2d.input",
                  {{"input", x},
                   {"weight", s.weight("w", {4, 6, 3, 3})},
                   {"stride", list({2, 2})},
                   {"padding", list({1, 1})},
                   {"output_padding", list({1, 1})}},
                  {n, 6, 16, 16});
  EXPECT_EQ(s.returns(y).nodes(), "ConvTranspose");
  EXPECT_NE(s.dump().find("output_padding=[1, 1]"), std::string::npos) << s.dump();
}

}  // namespace
}  // namespace onnxport::lower
