#include <gtest/gtest.h>

#include "onnx/ops/fold_case_test.h"
#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kCases[] = {
    {"reshape", "float[N, 12] x) => (y) <int64[3] s = {0, 3, -1}>", "y = Reshape(x, s)",
     "float32[N, 3, 4]"},
    {"reshape_open", "float[N, 12] x) => (y) <int64[2] s = {-1, 6}>", "y = Reshape(x, s)",
     "float32[2*N, 6]"},
    {"reshape_of_rank", "float[N, 12] x, int64[3] s) => (y)", "y = Reshape(x, s)",
     "float32[?, ?, ?]"},
    {"reshape_that_does_not_fit", "float[2, 6] x) => (y) <int64[2] s = {5, -1}>",
     "y = Reshape(x, s)", "refused: no whole number"},
    {"reshape_with_two_open_sizes", "float[2, 6] x) => (y) <int64[2] s = {-1, -1}>",
     "y = Reshape(x, s)", "refused: more than one -1"},
    {"reshape_to_zero", "float[N, 0] x) => (y) <int64[2] s = {0, 7}>",
     "y = Reshape<allowzero = 1>(x, s)", "float32[0, 7]"},
    {"reshape_by_a_shape",
     "float[N, 6] x, float[M, N, 2, 3] l) => (y) <int64[1] a = {1}, int64[1] e = {9}, int64[1] z = {0}>",
     "s = Shape(l) t = Slice(s, a, e, z) y = Reshape(x, t)", "float32[N, 2, 3]"},
    {"flatten", "float[N, 3, 4] x) => (y)", "y = Flatten<axis = 2>(x)", "float32[3*N, 4]"},
    {"flatten_from_the_end", "float[N, 3, 4] x) => (y)", "y = Flatten<axis = -3>(x)",
     "float32[1, 12*N]"},
    {"squeeze", "float[N, 1, 4, 1] x) => (y) <int64[1] a = {-1}>", "y = Squeeze(x, a)",
     "float32[N, 1, 4]"},
    {"squeeze_11", "float[1, N] x) => (y)", "y = Squeeze<axes = [0]>(x)", "float32[N]", "", 11},
    {"squeeze_of_unknown_rank", "float[1, N] x) => (y)", "y = Squeeze(x)", "float32"},
    {"squeeze_of_another_size", "float[3] x) => (y) <int64[1] a = {0}>", "y = Squeeze(x, a)",
     "refused: is not 1"},
    {"unsqueeze", "float[N] x) => (y) <int64[2] a = {0, -1}>", "y = Unsqueeze(x, a)",
     "float32[1, N, 1]"},
    {"unsqueeze_of_unknown_axes", "float[N] x, int64[2] a) => (y)", "y = Unsqueeze(x, a)",
     "float32"},
    {"identity_of_a_shape", "float[N, 3] x) => (y)", "s = Shape(x) y = Identity(s)", "int64[2]",
     "N, 3"},
};
INFER_TABLE(InferReshape, kCases);

TEST(FoldReshape, CopiesZeroAndInfersMinusOne) {
  FoldCase c;
  c.in(matrix()).in(Tensor::ints({0, -1, 1})).run("Reshape");
  EXPECT_EQ(c.outputs[0].dims, Numbers({2, 3, 1}));
  FoldCase bad;
  EXPECT_FALSE(bad.in(matrix()).in(Tensor::ints({4, -1})).run("Reshape").folded);
}

TEST(FoldReshape, OthersKeepTheElements) {
  FoldCase flat, thin, thick;
  EXPECT_EQ(flat.in(matrix()).run("Flatten", {{"axis", 0}}).outputs.at(0).dims, Numbers({1, 6}));
  thin.in(Tensor::of<int64_t>(DType::kInt64, {1, 2, 1}, {7, 8})).in(Tensor::ints({-1}));
  EXPECT_EQ(thin.run("Squeeze").outputs.at(0).dims, Numbers({1, 2}));
  EXPECT_EQ(thin.ints(), Numbers({7, 8}));
  thick.in(matrix()).in(Tensor::ints({0, -1}));
  EXPECT_EQ(thick.run("Unsqueeze").outputs.at(0).dims, Numbers({1, 2, 3, 1}));
}

TEST(FoldReshape, AxesAreAnAttributeBeforeOpset13) {
  FoldCase c;
  c.in(matrix()).run("Unsqueeze", {{"axes", Attribute::Ints{1}}}, 1, 11);
  EXPECT_EQ(c.outputs.at(0).dims, Numbers({2, 1, 3}));
}

}  // namespace
}  // namespace onnxport::onnx::ops
