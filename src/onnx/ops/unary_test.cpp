#include <gtest/gtest.h>

#include <cmath>

#include "onnx/ops/fold_case_test.h"
#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kCases[] = {
    {"relu", "float[N, 4] x) => (y)", "y = Relu(x)", "float32[N, 4]"},
    {"of_unknown_rank", "float[N, 4] x, int64[R] s) => (y)", "r = Reshape(x, s) y = Exp(r)",
     "float32"},
    {"bitwise_not", "int8[N] x) => (y)", "y = BitwiseNot(x)", "int8[N]", "", 18},
    {"clip", "float[N] x, float low) => (y)", "y = Clip(x, low)", "float32[N]"},
    {"cast", "float[N] x) => (y)", "y = Cast<to = 7>(x)", "int64[N]"},
    {"cast_of_a_size", "float[N, 3] x) => (y)", "s = Shape(x) y = Cast<to = 6>(s)", "int32[2]",
     "N, 3"},
    {"cast_of_a_size_to_float_loses_it", "float[N, 3] x) => (y)",
     "s = Shape(x) f = Cast<to = 1>(s) y = Cast<to = 7>(f)", "int64[2]"},
    {"cast_like", "float[N] x, double t) => (y)", "y = CastLike(x, t)", "float64[N]"},
};
INFER_TABLE(InferUnary, kCases);

// Over {-2.5, -0.5, 0, 0.5, 1.5} as float32, in float32.
struct Function {
  const char* op;
  std::vector<double> y;
};

TEST(FoldUnary, IsTheFunction) {
  const Function functions[] = {
      {"Neg", {2.5, 0.5, 0, -0.5, -1.5}},
      {"Abs", {2.5, 0.5, 0, 0.5, 1.5}},
      {"Sign", {-1, -1, 0, 1, 1}},
      {"Floor", {-3, -1, 0, 0, 1}},
      {"Ceil", {-2, 0, 0, 1, 2}},
      {"Round", {-2, 0, 0, 0, 2}},  // half to even
      {"Identity", {-2.5, -0.5, 0, 0.5, 1.5}},
  };
  for (const Function& f : functions) {
    FoldCase c;
    c.in(floats({5}, {-2.5F, -0.5F, 0, 0.5F, 1.5F})).run(f.op);
    EXPECT_EQ(c.doubles(), f.y) << f.op;
  }
}

TEST(FoldUnary, IsRoundedOnce) {
  const Function functions[] = {
      {"Sqrt", {0.5}},
      {"Exp", {std::exp(0.25F)}},
      {"Log", {std::log(0.25F)}},
      {"Sin", {std::sin(0.25F)}},
      {"Cos", {std::cos(0.25F)}},
      {"Tanh", {std::tanh(0.25F)}},
      {"Reciprocal", {4}},
  };
  for (const Function& f : functions) {
    FoldCase c;
    c.in(floats({1}, {0.25F})).run(f.op);
    EXPECT_EQ(c.doubles(), f.y) << f.op;
  }
}

TEST(FoldUnary, NegationOfTheSmallestIntegerWraps) {
  FoldCase c;
  c.in(Tensor::ints({INT64_MIN, 3})).run("Neg");
  EXPECT_EQ(c.ints(), Numbers({INT64_MIN, -3}));
}

TEST(FoldUnary, FloatFunctionsOfIntegersAreLeft) {
  FoldCase c;
  EXPECT_FALSE(c.in(Tensor::ints({4})).run("Sqrt").folded);
}

TEST(FoldUnary, HalfPrecisionIsRoundedBack) {
  FoldCase c;
  c.in(Tensor::scalar(DType::kFloat16, 2)).run("Sqrt");
  ASSERT_TRUE(c.folded);
  EXPECT_EQ(c.outputs[0].dtype, DType::kFloat16);
  EXPECT_EQ(c.doubles()[0], 1.4140625);
}

TEST(FoldCast, CutsOffTowardsZeroAndLeavesSmallFloatsToTheRuntime) {
  FoldCase c;
  c.in(floats({3}, {-1.5F, 0.5F, 2.5F})).run("Cast", {{"to", 7}});
  EXPECT_EQ(c.ints(), Numbers({-1, 0, 2}));
  FoldCase b;
  b.in(floats({2}, {0, 0.5F})).run("Cast", {{"to", static_cast<int64_t>(DType::kBool)}});
  EXPECT_EQ(b.ints(), Numbers({0, 1}));
  FoldCase f8;
  EXPECT_FALSE(f8.in(floats({1}, {1})).run("Cast", {{"to", 17}}).folded);
}

}  // namespace
}  // namespace onnxport::onnx::ops
