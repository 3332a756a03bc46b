#include <gtest/gtest.h>

#include "onnx/ops/fold_case_test.h"
#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kCases[] = {
    {"slice",
     "float[N, 9] x) => (y) <int64[1] s = {1}, int64[1] e = {-1}, int64[1] a = {1}, int64[1] t = {3}>",
     "y = Slice(x, s, e, a, t)", "float32[N, 3]"},
    {"slice_of_a_symbol",
     "float[N, 9] x) => (y) <int64[1] s = {1}, int64[1] e = {9223372036854775807}, int64[1] a = {0}>",
     "y = Slice(x, s, e, a)", "float32[N - 1, 9]"},
    {"slice_9", "float[N, 9] x) => (y)", "y = Slice<axes = [1], starts = [2], ends = [100]>(x)",
     "float32[N, 7]", "", 9},
    {"slice_backwards",
     "float[9] x) => (y) <int64[1] s = {-1}, int64[1] e = {-100}, int64[1] a = {0}, int64[1] t = {-2}>",
     "y = Slice(x, s, e, a, t)", "float32[5]"},
    {"slice_backwards_from_before_the_first",
     "float[3] x) => (y) <int64[1] s = {-10}, int64[1] e = {-11}, int64[1] a = {0}, int64[1] t = {-1}>",
     "y = Slice(x, s, e, a, t)", "float32[1]"},
    {"slice_of_unknown_axes",
     "float[N, 9] x, int64[1] a) => (y) <int64[1] s = {0}, int64[1] e = {1}>",
     "y = Slice(x, s, e, a)", "float32[?, ?]"},
    {"slice_of_a_shape",
     "float[N, 6, H] x) => (y) <int64[1] a = {1}, int64[1] e = {9}, int64[1] z = {0}>",
     "s = Shape(x) y = Slice(s, a, e, z)", "int64[2]", "6, H"},
    {"half_of_a_size_rounded_up",
     "float[N, 6] x) => (y) <int64[1] two = {2}, int64[1] one = {1}, int64[1] z = {0}>",
     "s = Shape<end = 1>(x) p = Add(s, one) h = Div(p, two) y = Slice(x, z, h, z)",
     "float32[(N + 1)//2, 6]"},
    {"pad", "float[N, 3] x) => (y) <int64[4] p = {0, 1, 0, 2}>", "y = Pad(x, p)", "float32[N, 6]"},
    {"pad_10", "float[N, 3] x) => (y)", "y = Pad<pads = [0, 1, 1, 0]>(x)", "float32[N + 1, 4]", "",
     10},
    {"pad_of_some_axes", "float[N, 3] x, float v) => (y) <int64[2] p = {1, 1}, int64[1] a = {-1}>",
     "y = Pad(x, p, v, a)", "float32[N, 5]", "", 18},
    {"pad_of_unknown", "float[N, 3] x, int64[4] p) => (y)", "y = Pad(x, p)", "float32[?, ?]"},
    {"trilu", "float[N, 3] x) => (y)", "y = Trilu(x)", "float32[N, 3]"},
};
INFER_TABLE(InferSlice, kCases);

TEST(FoldSlice, SlicesBackwardsAndClamps) {
  FoldCase c;
  c.in(matrix()).in(Tensor::ints({-1})).in(Tensor::ints({INT64_MIN}));
  c.in(Tensor::ints({1})).in(Tensor::ints({-2})).run("Slice");
  EXPECT_EQ(c.ints(), Numbers({3, 1, 6, 4}));
  FoldCase d;
  d.in(matrix()).in(Tensor::ints({1})).in(Tensor::ints({INT64_MAX})).in(Tensor::ints({-1}));
  EXPECT_EQ(d.run("Slice").ints(), Numbers({2, 3, 5, 6}));
}

TEST(FoldSlice, PadsAndCropsWithNegativePads) {
  FoldCase c;
  c.in(matrix()).in(Tensor::ints({1, -1, 0, 1})).run("Pad");
  EXPECT_EQ(c.outputs[0].dims, Numbers({3, 3}));
  EXPECT_EQ(c.ints(), Numbers({0, 0, 0, 2, 3, 0, 5, 6, 0}));
  FoldCase edge;
  edge.in(matrix()).in(Tensor::ints({1, 0, 0, 0}));
  EXPECT_FALSE(edge.run("Pad", {{"mode", "edge"}}).folded);
}

TEST(FoldSlice, KeepsATriangle) {
  FoldCase upper, lower;
  EXPECT_EQ(upper.in(matrix()).run("Trilu").ints(), Numbers({1, 2, 3, 0, 5, 6}));
  lower.in(matrix()).in(scalar_int(-1)).run("Trilu", {{"upper", 0}});
  EXPECT_EQ(lower.ints(), Numbers({0, 0, 0, 4, 0, 0}));
}

}  // namespace
}  // namespace onnxport::onnx::ops
