#include "lower/promotion.h"
#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr n = Expr::symbol("n");

TEST(Promotion, OfTwoTypesIsPyTorchs) {
  using D = DType;
  struct {
    D a, b, out;
  } cases[] = {
      {D::kBool, D::kUint8, D::kUint8},
      {D::kUint8, D::kInt8, D::kInt16},
      {D::kUint8, D::kInt32, D::kInt32},
      {D::kInt32, D::kInt64, D::kInt64},
      {D::kInt64, D::kFloat16, D::kFloat16},
      {D::kFloat16, D::kBFloat16, D::kFloat},
      {D::kFloat, D::kDouble, D::kDouble},
      {D::kFloat, D::kComplex64, D::kComplex64},
      {D::kDouble, D::kComplex64, D::kComplex128},
  };
  for (auto [a, b, out] : cases) {
    EXPECT_EQ(promote_types(a, b), out) << name(a) << " with " << name(b);
    EXPECT_EQ(promote_types(b, a), out) << name(b) << " with " << name(a);
  }
}

// Tensor dtype, its rank, a number, result: what torch.result_type says.
TEST(Promotion, OfTensorsWithNumbersFollowsCategories) {
  using D = DType;
  struct {
    D tensor;
    Shape shape;
    aten::Arg number;
    D out;
  } cases[] = {
      {D::kInt32, {n}, Expr(2), D::kInt32}, {D::kInt32, {n}, 2.0, D::kFloat},
      {D::kFloat16, {n}, 2.0, D::kFloat16}, {D::kDouble, {n}, 2.0, D::kDouble},
      {D::kBool, {n}, Expr(2), D::kInt64},  {D::kUint8, {n}, Expr(2), D::kUint8},
      {D::kFloat16, {}, 2.0, D::kFloat16},  {D::kInt32, {}, 2.0, D::kFloat},
  };
  for (auto& c : cases) {
    Sketch s;
    auto x = s.input("x", c.shape, c.tensor);
    s.returns(s.call("aten::mul.Tensor", {{"self", x}, {"other", c.number}}, c.shape, c.out));
    const std::string nodes = s.nodes();
    EXPECT_EQ(nodes.find("refused"), std::string::npos) << nodes;
  }
}

TEST(Promotion, LetsATensorWithoutDimensionsWeighLess) {
  Sketch s;
  auto x = s.input("x", {n}, DType::kFloat16);
  auto y = s.input("y", {}, DType::kDouble);
  s.returns(s.call("aten::add.Tensor", {{"self", x}, {"other", y}}, {n}, DType::kFloat16));
  EXPECT_EQ(s.nodes(), "Cast Add");
}

TEST(Add, MultipliesByAlphaOnlyWhenItIsNotOne) {
  for (auto [alpha, nodes] : {std::pair(1.0, "Add"), std::pair(2.0, "Mul Add")}) {
    Sketch s;
    auto x = s.input("x", {n});
    auto y = s.input("y", {n});
    s.returns(s.call("aten::add.Tensor", {{"self", x}, {"other", y}, {"alpha", alpha}}, {n}));
    EXPECT_EQ(s.nodes(), nodes);
  }
}

TEST(Div, OfIntegersIsInFloat32) {
  Sketch s;
  auto x = s.input("x", {n}, DType::kInt64);
  s.returns(s.call("aten::div.Tensor", {{"self", x}, {"other", Expr(2)}}, {n}, DType::kFloat));
  EXPECT_EQ(s.nodes(), "Cast Div");
}

TEST(Div, RoundsDownIntegersByTheirRemainder) {
  Sketch s;
  auto x = s.input("x", {n}, DType::kInt64);
  s.returns(s.call("aten::div.Tensor_mode",
                   {{"self", x}, {"other", Expr(2)}, {"rounding_mode", std::string("floor")}}, {n},
                   DType::kInt64));
  EXPECT_EQ(s.nodes(), "Mod Sub Div");
}

TEST(Pow, UsesTheOperatorThatPyTorchUses) {
  struct {
    double exponent;
    const char* nodes;
  } cases[] = {
      {2, "Mul"}, {0.5, "Sqrt"}, {-0.5, "Sqrt Reciprocal"}, {-1, "Reciprocal"}, {1.5, "Pow"}};
  for (auto [exponent, nodes] : cases) {
    Sketch s;
    auto x = s.input("x", {n});
    s.returns(s.call("aten::pow.Tensor_Scalar", {{"self", x}, {"exponent", exponent}}, {n}));
    EXPECT_EQ(s.nodes(), nodes) << exponent;
  }
}

TEST(Compare, IntegersWithAFractionInFloat32) {
  Sketch s;
  auto x = s.input("x", {n}, DType::kInt64);
  s.returns(s.call("aten::lt.Scalar", {{"self", x}, {"other", 0.5}}, {n}, DType::kBool));
  EXPECT_EQ(s.nodes(), "Cast Less");
}

TEST(Bitwise, IsLogicOnBoolAndNeedsOpset18OnIntegers) {
  Sketch logic;
  auto x = logic.input("x", {n}, DType::kBool);
  logic.returns(
      logic.call("aten::bitwise_and.Tensor", {{"self", x}, {"other", x}}, {n}, DType::kBool));
  EXPECT_EQ(logic.nodes(), "And");
  Sketch bits;
  x = bits.input("x", {n}, DType::kInt32);
  bits.returns(
      bits.call("aten::bitwise_and.Tensor", {{"self", x}, {"other", x}}, {n}, DType::kInt32));
  EXPECT_NE(bits.nodes(17).find("bitwise logic of integers needs opset 18"), std::string::npos)
      << bits.nodes(17);
  EXPECT_EQ(bits.nodes(18), "BitwiseAnd");
}

}  // namespace
}  // namespace onnxport::lower
