#include <gtest/gtest.h>

#include "onnx/ops/fold_case_test.h"
#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kCases[] = {
    {"shape", "float[N, 3] x) => (y)", "y = Shape(x)", "int64[2]", "N, 3"},
    {"shape_from", "float[N, 3, H] x) => (y)", "y = Shape<start = -2>(x)", "int64[2]", "3, H"},
    {"shape_to", "float[N, 3, H] x) => (y)", "y = Shape<end = 1>(x)", "int64[1]", "N"},
    {"shape_of_nothing", "float[N, 3] x) => (y)", "y = Shape<start = 2, end = 1>(x)", "int64[0]"},
    {"size", "float[N, 3] x) => (y)", "y = Size(x)", "int64[]", "3*N"},
    {"constant", ") => (y)", "y = Constant<value_ints = [3, 4]>()", "int64[2]", "3, 4"},
    {"constant_float", ") => (y)", "y = Constant<value_float = 0.5>()", "float32[]"},
    {"fill", "float[N, 2] x) => (y)", "s = Shape(x) y = ConstantOfShape(s)", "float32[N, 2]"},
    {"fill_with_sizes", ") => (y) <int64[1] n = {3}>",
     "y = ConstantOfShape<value = int64[1] {7}>(n)", "int64[3]", "7, 7, 7"},
    {"range_of_a_size", "float[N] x) => (y) <int64 a = {0}, int64 d = {1}, int64 i = {0}>",
     "s = Shape(x) n = Gather(s, i) y = Range(a, n, d)", "int64[N]"},
    {"range_of_numbers", ") => (y) <int64 a = {5}, int64 e = {0}, int64 d = {-2}>",
     "y = Range(a, e, d)", "int64[3]", "5, 3, 1"},
    {"range_of_floats", ") => (y) <float a = {0}, float e = {1}, float d = {0.3}>",
     "y = Range(a, e, d)", "float32[4]"},
};
INFER_TABLE(InferShape, kCases);

TEST(FoldShape, GivesSizesFromStartToEnd) {
  FoldCase all, some, none, count;
  EXPECT_EQ(all.in(matrix()).run("Shape").ints(), Numbers({2, 3}));
  EXPECT_EQ(some.in(matrix()).run("Shape", {{"start", -1}}).ints(), Numbers({3}));
  none.in(matrix()).run("Shape", {{"start", 2}, {"end", 1}});
  EXPECT_EQ(none.outputs.at(0).dims, Numbers({0}));
  EXPECT_EQ(count.in(matrix()).run("Size").ints(), Numbers({6}));
}

TEST(FoldShape, MakesConstants) {
  FoldCase ints, floats, fill;
  ints.run("Constant", {{"value_ints", Attribute::Ints{1, 2}}});
  EXPECT_EQ(ints.ints(), Numbers({1, 2}));
  EXPECT_EQ(floats.run("Constant", {{"value_float", 0.5}}).doubles(), std::vector<double>({0.5}));
  fill.in(Tensor::ints({2})).run("ConstantOfShape", {{"value", Tensor::ints({9})}});
  EXPECT_EQ(fill.ints(), Numbers({9, 9}));
}

TEST(FoldShape, CountsInSteps) {
  FoldCase down, fractions, never;
  down.in(scalar_int(5)).in(scalar_int(0)).in(scalar_int(-2));
  EXPECT_EQ(down.run("Range").ints(), Numbers({5, 3, 1}));
  fractions.in(floats({}, {0})).in(floats({}, {1})).in(floats({}, {0.5F}));
  EXPECT_EQ(fractions.run("Range").doubles(), std::vector<double>({0, 0.5}));
  never.in(scalar_int(5)).in(scalar_int(0)).in(scalar_int(0));
  EXPECT_FALSE(never.run("Range").folded);
}

}  // namespace
}  // namespace onnxport::onnx::ops
