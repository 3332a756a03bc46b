#include "onnx/fold.h"

#include <gtest/gtest.h>

#include <cmath>

#include "onnx/graph.h"

namespace onnxport::onnx {
namespace {

// The outputs of one node over constants.
struct Case {
  Graph graph;
  std::vector<Value*> inputs;
  std::vector<Tensor> outputs;
  bool folded = false;

  Case& in(Tensor t) {
    inputs.push_back(graph.add_initializer("c", std::move(t)));
    return *this;
  }
  Case& none() {
    inputs.push_back(nullptr);
    return *this;
  }
  Case& run(const char* op, Attributes attributes = {}, size_t n = 1, int64_t opset = 18) {
    const auto out = fold(*graph.add_node(op, inputs, std::move(attributes), n), opset);
    folded = out.has_value();
    if (out) outputs = *out;
    return *this;
  }
};

Tensor floats(std::vector<int64_t> dims, const std::vector<float>& v) {
  return Tensor::of(DType::kFloat, std::move(dims), v);
}
Tensor matrix() { return Tensor::of<int64_t>(DType::kInt64, {2, 3}, {1, 2, 3, 4, 5, 6}); }
using Ints = std::vector<int64_t>;

TEST(Fold, BroadcastsBothOperands) {
  Case c;
  c.in(Tensor::of<int64_t>(DType::kInt64, {2, 1}, {10, 20})).in(Tensor::ints({1, 2, 3})).run("Add");
  ASSERT_TRUE(c.folded);
  EXPECT_EQ(c.outputs[0].dims, Ints({2, 3}));
  EXPECT_EQ(c.outputs[0].as_ints(), Ints({11, 12, 13, 21, 22, 23}));
}

TEST(Fold, LeavesDivisionByZeroToTheRuntime) {
  Case c;
  EXPECT_FALSE(c.in(Tensor::ints({1})).in(Tensor::ints({0})).run("Div").folded);
  Case d;
  EXPECT_FALSE(d.in(Tensor::ints({INT64_MIN})).in(Tensor::ints({-1})).run("Div").folded);
}

TEST(Fold, DividesIntegersTowardsZero) {
  Case c;
  c.in(Tensor::ints({-7, 7})).in(Tensor::ints({2, 2})).run("Div");
  EXPECT_EQ(c.outputs[0].as_ints(), Ints({-3, 3}));
}

TEST(Fold, ModFollowsTheDivisorUnlessFmod) {
  Case c;
  c.in(Tensor::ints({-7, 7})).in(Tensor::ints({3, -3})).run("Mod");
  EXPECT_EQ(c.outputs[0].as_ints(), Ints({2, -2}));
  Case d;
  d.in(Tensor::ints({-7, 7})).in(Tensor::ints({3, -3})).run("Mod", {{"fmod", 1}});
  EXPECT_EQ(d.outputs[0].as_ints(), Ints({-1, 1}));
}

TEST(Fold, RoundsHalfPrecisionOncePerOperation) {
  Case c;
  const Tensor half = Tensor::scalar(DType::kFloat16, 2049);  // not representable: 2048
  c.in(half).in(Tensor::scalar(DType::kFloat16, 1)).run("Add");
  EXPECT_EQ(c.outputs[0].dtype, DType::kFloat16);
  EXPECT_EQ(c.outputs[0].as_doubles()[0], 2048);
}

TEST(Fold, MaxKeepsNaN) {
  Case c;
  c.in(floats({2}, {NAN, 1})).in(floats({2}, {0, 2})).run("Max");
  EXPECT_TRUE(std::isnan(c.outputs[0].as_doubles()[0]));
  EXPECT_EQ(c.outputs[0].as_doubles()[1], 2);
}

TEST(Fold, ReshapeCopiesZeroAndInfersMinusOne) {
  Case c;
  c.in(matrix()).in(Tensor::ints({0, -1, 1})).run("Reshape");
  EXPECT_EQ(c.outputs[0].dims, Ints({2, 3, 1}));
  Case bad;
  EXPECT_FALSE(bad.in(matrix()).in(Tensor::ints({4, -1})).run("Reshape").folded);
}

TEST(Fold, SlicesBackwardsAndClamps) {
  Case c;
  c.in(matrix())
      .in(Tensor::ints({-1}))
      .in(Tensor::ints({INT64_MIN}))
      .in(Tensor::ints({1}))
      .in(Tensor::ints({-2}))
      .run("Slice");
  EXPECT_EQ(c.outputs[0].as_ints(), Ints({3, 1, 6, 4}));
  Case d;
  d.in(matrix())
      .in(Tensor::ints({1}))
      .in(Tensor::ints({INT64_MAX}))
      .in(Tensor::ints({-1}))
      .run("Slice");
  EXPECT_EQ(d.outputs[0].as_ints(), Ints({2, 3, 5, 6}));
}

TEST(Fold, GathersNegativeIndicesAndRefusesOthers) {
  Case c;
  c.in(matrix()).in(Tensor::of<int64_t>(DType::kInt64, {}, {-1})).run("Gather", {{"axis", 1}});
  EXPECT_EQ(c.outputs[0].dims, Ints({2}));
  EXPECT_EQ(c.outputs[0].as_ints(), Ints({3, 6}));
  Case d;
  EXPECT_FALSE(d.in(matrix()).in(Tensor::ints({3})).run("Gather", {{"axis", 1}}).folded);
}

TEST(Fold, SplitsUnevenlyLikeOpset18) {
  Case c;
  c.in(matrix()).run("Split", {{"axis", 1}, {"num_outputs", 2}}, 2);
  ASSERT_EQ(c.outputs.size(), 2U);
  EXPECT_EQ(c.outputs[0].as_ints(), Ints({1, 2, 4, 5}));
  EXPECT_EQ(c.outputs[1].as_ints(), Ints({3, 6}));
}

TEST(Fold, PadsAndCropsWithNegativePads) {
  Case c;
  c.in(matrix()).in(Tensor::ints({1, -1, 0, 1})).run("Pad");
  EXPECT_EQ(c.outputs[0].dims, Ints({3, 3}));
  EXPECT_EQ(c.outputs[0].as_ints(), Ints({0, 0, 0, 2, 3, 0, 5, 6, 0}));
}

TEST(Fold, TransposesConcatsTilesAndExpands) {
  Case t;
  t.in(matrix()).run("Transpose");
  EXPECT_EQ(t.outputs[0].as_ints(), Ints({1, 4, 2, 5, 3, 6}));
  Case c;
  c.in(matrix()).in(matrix()).run("Concat", {{"axis", 1}});
  EXPECT_EQ(c.outputs[0].as_ints(), Ints({1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  Case r;
  r.in(Tensor::ints({1, 2})).in(Tensor::ints({2})).run("Tile");
  EXPECT_EQ(r.outputs[0].as_ints(), Ints({1, 2, 1, 2}));
  Case e;
  e.in(Tensor::ints({1, 2})).in(Tensor::ints({2, 1})).run("Expand");
  EXPECT_EQ(e.outputs[0].as_ints(), Ints({1, 2, 1, 2}));
}

TEST(Fold, ReducesOverAxesAndKeepsThem) {
  Case c;
  c.in(matrix()).in(Tensor::ints({-1})).run("ReduceSum");
  EXPECT_EQ(c.outputs[0].dims, Ints({2, 1}));
  EXPECT_EQ(c.outputs[0].as_ints(), Ints({6, 15}));
  Case m;
  m.in(floats({3}, {1, 2, 6})).run("ReduceMean", {{"keepdims", 0}});
  EXPECT_EQ(m.outputs[0].as_doubles(), std::vector<double>({3}));
}

TEST(Fold, StopsAtTheElementLimit) {
  Graph g;
  Value* shape = g.add_initializer("s", Tensor::ints({1 << 20, 1 << 20}));
  EXPECT_FALSE(fold(*g.add_node("ConstantOfShape", {shape}), 18).has_value());
}

TEST(Fold, LeavesUnknownOperatorsAndOtherDomains) {
  Case c;
  EXPECT_FALSE(c.in(matrix()).run("NoSuchOperator").folded);
  Graph g;
  Value* x = g.add_initializer("x", matrix());
  EXPECT_FALSE(fold(*g.add_node("Identity", {x}, {}, 1, nullptr, "com.example"), 18).has_value());
}

}  // namespace
}  // namespace onnxport::onnx
