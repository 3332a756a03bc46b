#include "verify/inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace onnxport::verify {
namespace {

aten::Value input_value(DType dtype, Shape shape) {
  aten::Value value;
  value.name = "x";
  value.dtype = dtype;
  value.shape = std::move(shape);
  return value;
}

aten::Program picture_program(const Expr& batch, const Expr& height) {
  aten::Program program;
  auto id = program.add_value(input_value(DType::kFloat, {batch, Expr(3), height, Expr(64)}));
  program.inputs.push_back({id, "x"});
  return program;
}

TEST(PlanSizes, TriesEveryBatch) {
  auto plan = plan_sizes(picture_program(Expr::symbol("s0"), Expr(64)), {}, {});
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->base.size(), 3);
  EXPECT_EQ(plan->base[2].at("s0"), 5);
  EXPECT_TRUE(plan->further.empty());
}

TEST(PlanSizes, HasOneRunForFixedSizes) {
  auto plan = plan_sizes(picture_program(Expr(1), Expr(64)), {}, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->base.size(), 1);
}

TEST(PlanSizes, KeepsToTheRange) {
  auto program = picture_program(Expr::symbol("s0"), Expr(64));
  program.ranges["s0"] = {8, 16};
  auto plan = plan_sizes(program, {}, {});
  ASSERT_TRUE(plan.ok());
  for (const Sizes& sizes : plan->base) {
    EXPECT_GE(sizes.at("s0"), 8);
    EXPECT_LE(sizes.at("s0"), 16);
  }
}

TEST(PlanSizes, VariesHeightsThatFitTheirExpression) {
  auto program = picture_program(Expr(1), Expr(14) * Expr::symbol("h"));
  program.ranges["h"] = {2, 20};
  auto plan = plan_sizes(program, {}, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_GE(plan->further.size(), 1);
  auto dims = input_dims(program, plan->further[0]);
  ASSERT_TRUE(dims.ok());
  EXPECT_EQ((*dims)[0][2] % 14, 0);
}

TEST(PlanSizes, KeepsWhatTheFileFixes) {
  Port port{"x", DType::kFloat, {"", "", "", ""}, {4, 3, 64, 64}};
  auto plan = plan_sizes(picture_program(Expr::symbol("s0"), Expr(64)), {port}, {});
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->base.size(), 1);
  EXPECT_EQ(plan->base[0].at("s0"), 4);
}

TEST(RandomInputs, DependOnTheSeedAlone) {
  auto program = picture_program(Expr(1), Expr(64));
  auto a = random_inputs(program, {{1, 3, 64, 64}}, 1),
       b = random_inputs(program, {{1, 3, 64, 64}}, 1);
  auto c = random_inputs(program, {{1, 3, 64, 64}}, 2);
  EXPECT_TRUE(same_bytes((*a)[0], (*b)[0]));
  EXPECT_FALSE(same_bytes((*a)[0], (*c)[0]));
}

TEST(RandomInputs, AreNormal) {
  auto inputs = random_inputs(picture_program(Expr(1), Expr(64)), {{1, 3, 64, 64}}, 0);
  double sum = 0, squares = 0;
  auto values = (*inputs)[0].values<float>();
  for (float x : values) {
    sum += x;
    squares += static_cast<double>(x) * x;
  }
  EXPECT_NEAR(sum / static_cast<double>(values.size()), 0, 0.05);
  EXPECT_NEAR(squares / static_cast<double>(values.size()), 1, 0.05);
}

TEST(RandomInputs, MasksStartWithOne) {
  aten::Program program;
  auto id = program.add_value(input_value(DType::kInt64, {Expr(50)}));
  program.inputs.push_back({id, "attention_mask"});
  auto inputs = random_inputs(program, {{50}}, 0);
  auto values = (*inputs)[0].values<int64_t>();
  EXPECT_EQ(values[0], 1);
  for (int64_t x : values) EXPECT_TRUE(x == 0 || x == 1);
}

TEST(RandomInputs, AreDrawnFromTheRangeOfTheirInput) {
  for (DType dtype : {DType::kFloat, DType::kDouble, DType::kFloat16, DType::kBFloat16}) {
    aten::Program program = picture_program(Expr(1), Expr(64));
    program.values[0].dtype = dtype;
    auto drawn = random_inputs(program, {{1, 3, 64, 64}}, 0, {ValueRange{-2, 3}});
    ASSERT_TRUE(drawn.ok()) << drawn.error().str();
    const std::vector<double> values = (*drawn)[0].as_doubles();
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    EXPECT_GE(*low, -2);
    EXPECT_LT(*low, -1.9);
    EXPECT_LE(*high, 3);
    EXPECT_GT(*high, 2.9);
  }
}

TEST(RandomInputs, IntegersTakeBothEndsOfTheirRange) {
  for (DType dtype : {DType::kInt64, DType::kInt32, DType::kInt16, DType::kInt8, DType::kUint8}) {
    aten::Program program = picture_program(Expr(1), Expr(64));
    program.values[0].dtype = dtype;
    auto drawn = random_inputs(program, {{1, 3, 64, 64}}, 0, {ValueRange{3, 6}});
    ASSERT_TRUE(drawn.ok()) << drawn.error().str();
    const std::vector<double> values = (*drawn)[0].as_doubles();
    EXPECT_EQ(std::set<double>(values.begin(), values.end()), (std::set<double>{3, 4, 5, 6}));
  }
}

TEST(CheckRange, RefusesWhatTheTypeCannotHold) {
  EXPECT_TRUE(check_range(DType::kInt8, {-128, 127}).ok());
  EXPECT_EQ(check_range(DType::kInt8, {0, 128}).error().str(),
            "the range 0..128 is more than int8 holds, -128 to 127");
  EXPECT_FALSE(check_range(DType::kFloat16, {0, 1e6}).ok());
  EXPECT_FALSE(check_range(DType::kBool, {0, 2}).ok());
  EXPECT_EQ(check_range(DType::kInt64, {0.5, 2}).error().str(),
            "0.5 is not a whole number, as int64 has them");
  EXPECT_FALSE(check_range(DType::kFloat, {2, 1}).ok());
  EXPECT_FALSE(check_range(DType::kComplex64, {0, 1}).ok());
}

}  // namespace
}  // namespace onnxport::verify
