#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr n = Expr::symbol("n");

std::string unary(const std::string& op, int64_t opset, Sketch::Args more = {}) {
  Sketch s;
  auto x = s.input("x", {n, 8});
  Sketch::Args args = {{"self", x}};
  args.insert(args.end(), more.begin(), more.end());
  return s.returns(s.call(op, args, {n, 8})).nodes(opset);
}

TEST(Activation, UsesTheOperatorFromTheOpsetThatHasIt) {
  EXPECT_EQ(unary("aten::gelu", 20), "Gelu");
  EXPECT_EQ(unary("aten::gelu", 19), "Div Erf Add Mul Mul");
  EXPECT_EQ(unary("aten::mish", 18), "Mish");
  EXPECT_EQ(unary("aten::mish", 17), "Softplus Tanh Mul");
  EXPECT_EQ(unary("aten::hardswish", 14), "HardSwish");
  EXPECT_EQ(unary("aten::hardswish", 13), "HardSigmoid Mul");
}

TEST(Activation, IsOneNodeWhereOnnxHasTheParameter) {
  EXPECT_EQ(unary("aten::relu6", 17), "Clip");
  EXPECT_EQ(unary("aten::elu", 17, {{"alpha", 0.5}}), "Elu");
  EXPECT_EQ(unary("aten::leaky_relu", 17), "LeakyRelu");
  EXPECT_EQ(unary("aten::softplus", 17), "Softplus");
  EXPECT_EQ(unary("aten::threshold", 17, {{"threshold", 0.5}, {"value", 0.0}}), "ThresholdedRelu");
}

TEST(Activation, WritesOutWhatOnnxHasNoParameterFor) {
  EXPECT_EQ(unary("aten::softplus", 17, {{"beta", 2.0}}), "Mul Softplus Div");
  EXPECT_EQ(unary("aten::celu", 17, {{"alpha", 2.0}}), "Mul Elu Mul");
}

TEST(Activation, RreluInTrainingModeIsRefusedWithTheRemedy) {
  EXPECT_NE(unary("aten::rrelu", 17, {{"training", true}}).find("model.eval()"), std::string::npos);
}

TEST(Activation, LogSigmoidIsStable) {
  EXPECT_EQ(unary("aten::log_sigmoid", 17), "Neg Softplus Neg");
}

}  // namespace
}  // namespace onnxport::lower
