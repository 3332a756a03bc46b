#include <gtest/gtest.h>

#include "onnx/ops/fold_case_test.h"
#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kCases[] = {
    {"greater", "float[N] x, float[1] b) => (y)", "y = Greater(x, b)", "bool[N]"},
    {"less_or_equal", "float[N, 1] x, float[4] b) => (y)", "y = LessOrEqual(x, b)", "bool[N, 4]"},
    {"xor", "bool[N] a, bool[3, 1] b) => (y)", "y = Xor(a, b)", "bool[3, N]"},
    {"not", "bool[N] a) => (y)", "y = Not(a)", "bool[N]"},
    {"is_nan", "float[N, 2] x) => (y)", "y = IsNaN(x)", "bool[N, 2]"},
    {"where", "bool[N] c, double a, double[3, 1] b) => (y)", "y = Where(c, a, b)", "float64[3, N]"},
    {"equal_of_sizes", "float[N, 3] x) => (y) <int64[2] z = {0, 3}>",
     "s = Shape(x) y = Equal(s, z)", "bool[2]", "0, 1"},
    {"equal_that_depends_on_the_size", "float[N, 3] x) => (y) <int64[2] t = {2, 3}>",
     "s = Shape(x) y = Equal(s, t)", "bool[2]"},
    {"where_of_sizes", "float[N, 3] x) => (y) <bool[2] c = {1, 0}, int64[1] one = {1}>",
     "s = Shape(x) y = Where(c, s, one)", "int64[2]", "N, 1"},
};
INFER_TABLE(InferLogic, kCases);

struct Comparison {
  const char* op;
  Numbers y;  // of {1, 2, 3} with 2
};

TEST(FoldLogic, Compares) {
  const Comparison comparisons[] = {{"Equal", {0, 1, 0}},
                                    {"Less", {1, 0, 0}},
                                    {"Greater", {0, 0, 1}},
                                    {"LessOrEqual", {1, 1, 0}},
                                    {"GreaterOrEqual", {0, 1, 1}}};
  for (const Comparison& comparison : comparisons) {
    FoldCase c;
    c.in(Tensor::ints({1, 2, 3})).in(scalar_int(2)).run(comparison.op);
    EXPECT_EQ(c.ints(), comparison.y) << comparison.op;
    EXPECT_EQ(c.outputs[0].dtype, DType::kBool);
  }
}

TEST(FoldLogic, CombinesBooleans) {
  const Comparison tables[] = {{"And", {0, 0, 0, 1}}, {"Or", {0, 1, 1, 1}}, {"Xor", {0, 1, 1, 0}}};
  for (const Comparison& table : tables) {
    FoldCase c;
    c.in(bools({0, 0, 1, 1})).in(bools({0, 1, 0, 1})).run(table.op);
    EXPECT_EQ(c.ints(), table.y) << table.op;
  }
  FoldCase n;
  EXPECT_EQ(n.in(bools({0, 1})).run("Not").ints(), Numbers({1, 0}));
  FoldCase wrong;
  EXPECT_FALSE(wrong.in(Tensor::ints({1})).in(Tensor::ints({1})).run("And").folded);
}

TEST(FoldLogic, WhereBroadcastsAllThree) {
  FoldCase c;
  c.in(bools({1, 0, 1})).in(matrix()).in(scalar_int(-1)).run("Where");
  EXPECT_EQ(c.outputs[0].dims, Numbers({2, 3}));
  EXPECT_EQ(c.ints(), Numbers({1, -1, 3, 4, -1, 6}));
}

}  // namespace
}  // namespace onnxport::onnx::ops
