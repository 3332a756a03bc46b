#include <gtest/gtest.h>

#include "onnx/ops/fold_case_test.h"
#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kCases[] = {
    {"transpose", "float[N, 3, 4] x) => (y)", "y = Transpose<perm = [2, 0, 1]>(x)",
     "float32[4, N, 3]"},
    {"transpose_default", "float[N, 3] x) => (y)", "y = Transpose(x)", "float32[3, N]"},
    {"transpose_by_no_permutation", "float[N, 3] x) => (y)", "y = Transpose<perm = [1, 1]>(x)",
     "refused: once"},
    {"concat", "float[N, 3] a, float[N, M] b) => (y)", "y = Concat<axis = 1>(a, b)",
     "float32[N, M + 3]"},
    {"concat_of_other_sizes", "float[2, 3] a, float[3, 3] b) => (y)", "y = Concat<axis = 1>(a, b)",
     "refused: differ beside the axis"},
    {"concat_of_sizes",
     "float[N, 6] x) => (y) <int64[1] m = {-1}, int64[1] z = {0}, int64 i = {0}>",
     "s = Shape(x) n = Gather(s, i) u = Unsqueeze(n, z) y = Concat<axis = 0>(u, m)", "int64[2]",
     "N, -1"},
    {"split_into_equal_parts", "float[N, 6] x) => (y, z)", "y, z = Split<axis = 1>(x)",
     "float32[N, 3]"},
    {"split_by_sizes", "float[N, 6] x) => (z, y) <int64[2] s = {1, 5}>",
     "z, y = Split<axis = 1>(x, s)", "float32[N, 5]"},
    {"split_11", "float[N, 6] x) => (z, y)", "z, y = Split<axis = 1, split = [2, 4]>(x)",
     "float32[N, 4]", "", 11},
    {"split_of_a_shape", "float[N, 6, H] x) => (z, y) <int64[2] p = {1, 2}>",
     "s = Shape(x) z, y = Split<axis = 0>(s, p)", "int64[2]", "6, H"},
    {"expand", "float[N, 1] x) => (y) <int64[3] s = {2, 1, 5}>", "y = Expand(x, s)",
     "float32[2, N, 5]"},
    {"tile", "float[N, 3] x) => (y) <int64[2] r = {2, 3}>", "y = Tile(x, r)", "float32[2*N, 9]"},
    {"tile_of_unknown", "float[N, 3] x, int64[2] r) => (y)", "y = Tile(x, r)", "float32[?, ?]"},
    {"depth_to_space", "float[N, 8, H, W] x) => (y)", "y = DepthToSpace<blocksize = 2>(x)",
     "float32[N, 2, 2*H, 2*W]"},
    {"space_to_depth", "float[N, 2, 4, W] x) => (y)", "y = SpaceToDepth<blocksize = 2>(x)",
     "float32[N, 8, 2, W//2]"},
    {"reverse_sequence", "float[T, N] x, int64[N] l) => (y)", "y = ReverseSequence(x, l)",
     "float32[T, N]"},
};
INFER_TABLE(InferMovement, kCases);

TEST(FoldMovement, TransposesConcatsTilesAndExpands) {
  FoldCase t;
  EXPECT_EQ(t.in(matrix()).run("Transpose").ints(), Numbers({1, 4, 2, 5, 3, 6}));
  FoldCase c;
  c.in(matrix()).in(matrix()).run("Concat", {{"axis", 1}});
  EXPECT_EQ(c.ints(), Numbers({1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  FoldCase r;
  r.in(Tensor::ints({1, 2})).in(Tensor::ints({2})).run("Tile");
  EXPECT_EQ(r.ints(), Numbers({1, 2, 1, 2}));
  FoldCase e;
  e.in(Tensor::ints({1, 2})).in(Tensor::ints({2, 1})).run("Expand");
  EXPECT_EQ(e.ints(), Numbers({1, 2, 1, 2}));
}

TEST(FoldMovement, RefusesAPermThatIsNone) {
  FoldCase c;
  EXPECT_FALSE(c.in(matrix()).run("Transpose", {{"perm", Attribute::Ints{0, 0}}}).folded);
}

TEST(FoldMovement, SplitsUnevenlyLikeOpset18) {
  FoldCase c;
  c.in(matrix()).run("Split", {{"axis", 1}, {"num_outputs", 2}}, 2);
  ASSERT_EQ(c.outputs.size(), 2U);
  EXPECT_EQ(c.outputs[0].as_ints(), Numbers({1, 2, 4, 5}));
  EXPECT_EQ(c.outputs[1].as_ints(), Numbers({3, 6}));
}

}  // namespace
}  // namespace onnxport::onnx::ops
