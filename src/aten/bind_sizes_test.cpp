#include "aten/bind_sizes.h"

#include <gtest/gtest.h>

namespace onnxport::aten {
namespace {

Program program_of(const std::vector<Shape>& shapes) {
  Program program;
  for (const Shape& shape : shapes) {
    std::string name = "x" + std::to_string(program.inputs.size());
    Value value;
    value.name = name;
    value.dtype = DType::kFloat;
    value.shape = shape;
    ValueId id = program.add_value(std::move(value));
    program.inputs.push_back({id, name});
  }
  return program;
}

const Expr kN = Expr::symbol("n");
const Expr kH = Expr::symbol("h");

TEST(BindSizes, TakesSymbolsFromTheirDimensions) {
  auto sizes = bind_sizes(program_of({{kN, Expr(3), kH, kH}}), {{2, 3, 8, 8}});
  ASSERT_TRUE(sizes.ok());
  EXPECT_EQ(*sizes, (std::map<std::string, int64_t>{{"n", 2}, {"h", 8}}));
}

TEST(BindSizes, SolvesLinearSizes) {
  auto sizes = bind_sizes(program_of({{kN, Expr(14) * kH + Expr(2)}}), {{1, 30}});
  ASSERT_TRUE(sizes.ok());
  EXPECT_EQ(sizes->at("h"), 2);
}

TEST(BindSizes, ChecksWhatFollowsFromOtherInputs) {
  Program program = program_of({{kN}, {kN * Expr(2)}});
  EXPECT_TRUE(bind_sizes(program, {{3}, {6}}).ok());
  auto wrong = bind_sizes(program, {{3}, {7}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().where, "input `x1` axis 0");
}

TEST(BindSizes, NamesTheAxisOfAWrongFixedSize) {
  auto wrong = bind_sizes(program_of({{kN, Expr(3)}}), {{1, 4}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().str(), "input `x0` axis 1: size 4 where the program has 3");
}

TEST(BindSizes, RefusesWrongRanksAndCounts) {
  EXPECT_FALSE(bind_sizes(program_of({{kN}}), {{1, 1}}).ok());
  EXPECT_FALSE(bind_sizes(program_of({{kN}}), {}).ok());
}

TEST(BindSizes, RefusesASizeThatNoIntegerGives) {
  EXPECT_FALSE(bind_sizes(program_of({{kN * Expr(2)}}), {{3}}).ok());
}

}  // namespace
}  // namespace onnxport::aten
