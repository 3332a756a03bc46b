#include <gtest/gtest.h>

#include <cmath>

#include "onnx/ops/fold_case_test.h"
#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kCases[] = {
    {"reduce", "float[N, 3, H] x) => (y)", "y = ReduceMean<axes = [-1], keepdims = 0>(x)",
     "float32[N, 3]"},
    {"reduce_18", "float[N, 3, H] x) => (y) <int64[2] a = {1, 2}>", "y = ReduceMean(x, a)",
     "float32[N, 1, 1]", "", 18},
    {"reduce_all", "float[N, 3] x) => (y)", "y = ReduceMax<keepdims = 0>(x)", "float32[]"},
    {"reduce_nothing", "float[N, 3] x) => (y)", "y = ReduceSum<noop_with_empty_axes = 1>(x)",
     "float32[N, 3]"},
    {"reduce_unknown_axes", "float[N, 3] x, int64[1] a) => (y)", "y = ReduceSum(x, a)",
     "float32[?, ?]"},
    {"reduce_a_bad_axis", "float[N, 3] x) => (y)", "y = ReduceL2<axes = [2]>(x)",
     "refused: axis 2"},
    {"product_of_a_shape", "float[N, 3, H] x) => (y)",
     "s = Shape(x) y = ReduceProd<keepdims = 0>(s)", "int64[]", "3*H*N"},
    {"sum_of_a_shape", "float[N, 3] x) => (y) <int64[1] z = {0}>",
     "s = Shape(x) y = ReduceSum(s, z)", "int64[1]", "N + 3"},
    {"arg_max", "float[N, 3] x) => (y)", "y = ArgMax<axis = 1, keepdims = 0>(x)", "int64[N]"},
    {"arg_min", "float[N, 3] x) => (y)", "y = ArgMin<axis = -1>(x)", "int64[N, 1]"},
};
INFER_TABLE(InferReduction, kCases);

struct Reduction {
  const char* op;
  Numbers y;  // of each row of matrix()
};

TEST(FoldReduction, ReducesIntegersExactly) {
  const Reduction reductions[] = {{"ReduceSum", {6, 15}},
                                  {"ReduceMean", {2, 5}},
                                  {"ReduceProd", {6, 120}},
                                  {"ReduceMax", {3, 6}},
                                  {"ReduceMin", {1, 4}}};
  for (const Reduction& reduction : reductions) {
    FoldCase c;
    c.in(matrix()).in(Tensor::ints({-1})).run(reduction.op);
    ASSERT_TRUE(c.folded) << reduction.op;
    EXPECT_EQ(c.outputs[0].dims, Numbers({2, 1}));
    EXPECT_EQ(c.ints(), reduction.y) << reduction.op;
  }
}

TEST(FoldReduction, ReducesFloatsAndDropsAxes) {
  FoldCase m;
  m.in(floats({3}, {1, 2, 6})).run("ReduceMean", {{"keepdims", 0}});
  EXPECT_EQ(m.doubles(), std::vector<double>({3}));
  EXPECT_TRUE(m.outputs[0].dims.empty());
}

TEST(FoldReduction, LeavesOverflowAndNaNToTheRuntime) {
  FoldCase c;
  EXPECT_FALSE(c.in(Tensor::ints({INT64_MAX, 1})).run("ReduceSum").folded);
  FoldCase d;
  EXPECT_FALSE(d.in(floats({2}, {NAN, 1})).run("ReduceMax").folded);
}

}  // namespace
}  // namespace onnxport::onnx::ops
