#include <gtest/gtest.h>

#include <cmath>

#include "onnx/ops/fold_case_test.h"
#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kCases[] = {
    {"add", "float[N, 4] x, float[4] b) => (y)", "y = Add(x, b)", "float32[N, 4]"},
    {"add_of_ranks", "float[4] x, float[N, 1] b) => (y)", "y = Add(x, b)", "float32[N, 4]"},
    {"add_of_unknown", "float[N] x, float[M] b) => (y)", "y = Add(x, b)", "float32[?]"},
    {"add_of_a_symbol_and_a_number", "float[N] x, float[4] b) => (y)", "y = Add(x, b)",
     "float32[4]"},
    {"sizes_that_never_fit", "float[3] x, float[4] b) => (y)", "y = Mul(x, b)",
     "refused: do not broadcast"},
    {"pow_has_the_type_of_its_base", "float[N] x, int64 e) => (y)", "y = Pow(x, e)", "float32[N]"},
    {"sum_of_three", "float[N] x, float[3, 1] a, float b) => (y)", "y = Sum(x, a, b)",
     "float32[3, N]"},
    {"mean", "float[N] x, float[3, 1] a) => (y)", "y = Mean(x, a)", "float32[3, N]"},
    {"bit_shift", "uint8[N] x, uint8 k) => (y)", "y = BitShift<direction = \"LEFT\">(x, k)",
     "uint8[N]"},
    {"bitwise_and", "int32[N] x, int32[2, 1] m) => (y)", "y = BitwiseAnd(x, m)", "int32[2, N]", "",
     18},
    {"p_relu", "float[N, 4] x, float[4] s) => (y)", "y = PRelu(x, s)", "float32[N, 4]"},
    {"arithmetic_of_sizes", "float[N, 6] x) => (y) <int64[1] two = {2}>",
     "s = Shape(x) d = Div(s, two) y = Mul(d, two)", "int64[2]", "2*(N//2), 6"},
    {"max_and_min_of_sizes", "float[N, 6] x) => (y) <int64[1] four = {4}, int64[1] nine = {9}>",
     "s = Shape(x) a = Max(s, four) y = Min(a, nine)", "int64[2]", "Min(9, Max(4, N)), 6"},
    {"mod_of_a_size", "float[N, 6] x) => (y) <int64[1] four = {4}>",
     "s = Shape(x) y = Mod(s, four)", "int64[2]", "Mod(N, 4), 2"},
    {"quotients_that_may_be_negative_are_not_known",
     "float[N, 6] x) => (y) <int64[1] five = {5}, int64[1] two = {2}>",
     "s = Shape(x) m = Sub(s, five) y = Div(m, two)", "int64[2]"},
};
INFER_TABLE(InferArithmetic, kCases);

TEST(FoldArithmetic, BroadcastsBothOperands) {
  FoldCase c;
  c.in(Tensor::of<int64_t>(DType::kInt64, {2, 1}, {10, 20})).in(Tensor::ints({1, 2, 3})).run("Add");
  ASSERT_TRUE(c.folded);
  EXPECT_EQ(c.outputs[0].dims, Numbers({2, 3}));
  EXPECT_EQ(c.ints(), Numbers({11, 12, 13, 21, 22, 23}));
}

TEST(FoldArithmetic, WrapsIntegers) {
  FoldCase add, sub, mul;
  EXPECT_EQ(add.in(Tensor::ints({INT64_MAX})).in(Tensor::ints({1})).run("Add").ints(),
            Numbers({INT64_MIN}));
  EXPECT_EQ(sub.in(Tensor::ints({INT64_MIN})).in(Tensor::ints({1})).run("Sub").ints(),
            Numbers({INT64_MAX}));
  EXPECT_EQ(mul.in(Tensor::ints({INT64_MIN})).in(Tensor::ints({-1})).run("Mul").ints(),
            Numbers({INT64_MIN}));
}

TEST(FoldArithmetic, LeavesDivisionByZeroToTheRuntime) {
  FoldCase c;
  EXPECT_FALSE(c.in(Tensor::ints({1})).in(Tensor::ints({0})).run("Div").folded);
  FoldCase d;
  EXPECT_FALSE(d.in(Tensor::ints({INT64_MIN})).in(Tensor::ints({-1})).run("Div").folded);
}

TEST(FoldArithmetic, DividesIntegersTowardsZero) {
  FoldCase c;
  c.in(Tensor::ints({-7, 7})).in(Tensor::ints({2, 2})).run("Div");
  EXPECT_EQ(c.ints(), Numbers({-3, 3}));
}

TEST(FoldArithmetic, ModFollowsTheDivisorUnlessFmod) {
  FoldCase c;
  c.in(Tensor::ints({-7, 7})).in(Tensor::ints({3, -3})).run("Mod");
  EXPECT_EQ(c.ints(), Numbers({2, -2}));
  FoldCase d;
  d.in(Tensor::ints({-7, 7})).in(Tensor::ints({3, -3})).run("Mod", {{"fmod", 1}});
  EXPECT_EQ(d.ints(), Numbers({-1, 1}));
}

TEST(FoldArithmetic, RoundsHalfPrecisionOncePerOperation) {
  FoldCase c;
  const Tensor half = Tensor::scalar(DType::kFloat16, 2049);  // not representable: 2048
  c.in(half).in(Tensor::scalar(DType::kFloat16, 1)).run("Add");
  EXPECT_EQ(c.outputs[0].dtype, DType::kFloat16);
  EXPECT_EQ(c.doubles()[0], 2048);
}

TEST(FoldArithmetic, PowTakesAnExponentOfAnotherType) {
  FoldCase c;
  c.in(floats({2}, {2, 3})).in(Tensor::ints({3})).run("Pow");
  EXPECT_EQ(c.doubles(), std::vector<double>({8, 27}));
}

TEST(FoldArithmetic, MaxAndMinTakeAnyNumberAndKeepNaN) {
  FoldCase c;
  c.in(floats({2}, {NAN, 1})).in(floats({2}, {0, 2})).in(floats({1}, {-1})).run("Max");
  EXPECT_TRUE(std::isnan(c.doubles()[0]));
  EXPECT_EQ(c.doubles()[1], 2);
  FoldCase d;
  d.in(floats({2}, {NAN, 1})).in(floats({2}, {0, 2})).in(floats({1}, {-1})).run("Min");
  EXPECT_TRUE(std::isnan(d.doubles()[0]));
  EXPECT_EQ(d.doubles()[1], -1);
}

}  // namespace
}  // namespace onnxport::onnx::ops
