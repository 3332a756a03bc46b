#include "lower/dynamic_batch.h"

#include <gtest/gtest.h>

#include "onnx/infer.h"

namespace onnxport::lower {
namespace {

using onnx::Graph;
using onnx::Model;

struct Binary {
  const char* op;
  DType dtype;
};

class FollowsTheBatch : public ::testing::TestWithParam<Binary> {};

// Exported at batch 2, a constant holds a row for each of both: it is one row for all now.
TEST_P(FollowsTheBatch, ThroughWhatBroadcasts) {
  const auto [op, dtype] = GetParam();
  Model model;
  model.opset_imports[""] = 18;
  Graph& g = *model.graph;
  onnx::Value* x = g.add_input("x", dtype, Shape{2, 3});
  onnx::Value* rows = g.add_initializer("rows", Tensor::filled(dtype, {2, 3}, 1));
  g.add_output(g.add_node(op, {x, rows})->output());
  ASSERT_TRUE(onnx::infer(model).ok());
  const Status status = make_batch_dynamic(model, 2, "batch");
  ASSERT_TRUE(status.ok()) << status.error().str();
  EXPECT_EQ(to_string(*g.outputs()[0]->shape), "[batch, 3]");
  EXPECT_EQ(g.first()->input(1)->constant()->dims, std::vector<int64_t>({1, 3}));
}

INSTANTIATE_TEST_SUITE_P(
    DynamicBatch, FollowsTheBatch,
    ::testing::Values(Binary{"Add", DType::kFloat}, Binary{"PRelu", DType::kFloat},
                      Binary{"Sum", DType::kFloat}, Binary{"Mean", DType::kFloat},
                      Binary{"Less", DType::kFloat}, Binary{"LessOrEqual", DType::kFloat},
                      Binary{"GreaterOrEqual", DType::kFloat}, Binary{"Xor", DType::kBool},
                      Binary{"BitwiseAnd", DType::kInt32}),
    [](const auto& info) { return std::string(info.param.op); });

TEST(DynamicBatch, RefusesRowsThatDiffer) {
  Model model;
  model.opset_imports[""] = 18;
  Graph& g = *model.graph;
  onnx::Value* x = g.add_input("x", DType::kInt64, Shape{2, 1});
  onnx::Value* rows = g.add_initializer(
      "rows", Tensor::of<int64_t>(DType::kInt64, {2, 1}, std::vector<int64_t>{1, 2}));
  g.add_output(g.add_node("LessOrEqual", {x, rows})->output());
  ASSERT_TRUE(onnx::infer(model).ok());
  const Status status = make_batch_dynamic(model, 2, "batch");
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().str().find("rows are not equal"), std::string::npos);
}

}  // namespace
}  // namespace onnxport::lower
