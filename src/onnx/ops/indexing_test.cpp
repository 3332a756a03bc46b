#include <gtest/gtest.h>

#include "onnx/ops/fold_case_test.h"
#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kCases[] = {
    {"gather", "float[N, 5] x, int64[2, M] i) => (y)", "y = Gather<axis = 1>(x, i)",
     "float32[N, 2, M]"},
    {"gather_of_a_bad_axis", "float[N, 5] x, int64[2] i) => (y)", "y = Gather<axis = 2>(x, i)",
     "refused: axis outside"},
    {"gather_of_a_shape", "float[N, 3] x) => (y) <int64 i = {-2}>", "s = Shape(x) y = Gather(s, i)",
     "int64[]", "N"},
    {"gather_elements", "float[N, 5] x, int64[N, 2] i) => (y)",
     "y = GatherElements<axis = 1>(x, i)", "float32[N, 2]"},
    {"gather_nd", "float[N, 5, 6] x, int64[N, 1] i) => (y)", "y = GatherND<batch_dims = 1>(x, i)",
     "float32[N, 6]"},
    {"scatter_nd", "float[N, 5] x, int64[M, 1] i, float[M, 5] u) => (y)", "y = ScatterND(x, i, u)",
     "float32[N, 5]"},
    {"non_zero", "float[N, 3] x) => (y)", "y = NonZero(x)", "int64[2, ?]"},
    {"non_max_suppression", "float[1, N, 4] b, float[1, C, N] s) => (y)",
     "y = NonMaxSuppression(b, s)", "int64[?, 3]"},
    {"compress", "float[N, 3] x, bool[3] c) => (y)", "y = Compress<axis = 1>(x, c)",
     "float32[N, ?]"},
    {"compress_flat", "float[N, 3] x, bool[3] c) => (y)", "y = Compress(x, c)", "float32[?]"},
    {"unique", "float[N, 3] x) => (y)", "y = Unique<axis = 0>(x)", "float32[?, 3]"},
    {"unique_inverse", "float[N, 3] x) => (u, i, y)", "u, i, y = Unique(x)", "int64[?]"},
    {"top_k", "float[N, 9] x) => (y, i) <int64[1] k = {3}>", "y, i = TopK(x, k)", "float32[N, 3]"},
    {"top_k_indices", "float[N, 9] x) => (v, y) <int64[1] k = {3}>", "v, y = TopK(x, k)",
     "int64[N, 3]"},
    {"negative_sizes_are_unknown", "float[9] x) => (y) <int64[1] k = {-3}>", "y, i = TopK(x, k)",
     "float32[?]"},
    {"one_hot", "int64[N] x, float[2] v) => (y) <int64 d = {7}>", "y = OneHot(x, d, v)",
     "float32[N, 7]"},
};
INFER_TABLE(InferIndexing, kCases);

TEST(FoldIndexing, GathersNegativeIndicesAndRefusesOthers) {
  FoldCase c;
  c.in(matrix()).in(scalar_int(-1)).run("Gather", {{"axis", 1}});
  EXPECT_EQ(c.outputs[0].dims, Numbers({2}));
  EXPECT_EQ(c.ints(), Numbers({3, 6}));
  FoldCase d;
  EXPECT_FALSE(d.in(matrix()).in(Tensor::ints({3})).run("Gather", {{"axis", 1}}).folded);
}

}  // namespace
}  // namespace onnxport::onnx::ops
