#include "pipeline/shapes.h"

#include <gtest/gtest.h>

namespace onnxport::shapes {
namespace {

const Expr kS0 = Expr::symbol("s0");
const Expr kS1 = Expr::symbol("s1");

aten::Program program_of(const std::vector<Shape>& shapes) {
  aten::Program program;
  for (const Shape& shape : shapes) {
    std::string name = "x" + std::to_string(program.inputs.size());
    aten::Value value;
    value.name = name;
    value.dtype = DType::kFloat;
    value.shape = shape;
    auto id = program.add_value(std::move(value));
    program.inputs.push_back({id, name});
  }
  return program;
}

std::string shape_text(const aten::Program& program, size_t input) {
  return to_string(*program.value(program.inputs[input].value).shape);
}

TEST(Shapes, NamesTheBatchByDefault) {
  auto program = program_of({{kS0, Expr(3), kS1, Expr(8)}});
  program.ranges["s0"] = {1, 64};
  ASSERT_TRUE(apply(program, {}).ok());
  EXPECT_EQ(shape_text(program, 0), "[batch_size, 3, height, 8]");
  EXPECT_EQ(program.ranges.at("batch_size").max, 64);
}

TEST(Shapes, NamesAxesAsAsked) {
  auto program = program_of({{kS0, Expr(3), kS1, Expr(8)}});
  ExportConfig config;
  config.dynamic_axes = {{"input", {{0, "n"}, {-2, "rows"}}}};
  ASSERT_TRUE(apply(program, config).ok());
  EXPECT_EQ(shape_text(program, 0), "[n, 3, rows, 8]");
}

TEST(Shapes, FixesUnlistedAxesToTheGivenSize) {
  auto program = program_of({{kS0, Expr(3), kS1, Expr(8)}});
  ExportConfig config;
  config.dynamic_axes = {{"input", {{0, "n"}}}};
  config.input_shapes = {{1, 3, 32, 8}};
  ASSERT_TRUE(apply(program, config).ok());
  EXPECT_EQ(shape_text(program, 0), "[n, 3, 32, 8]");
}

TEST(Shapes, KeepsDifferentBatchesApart) {
  auto program = program_of({{kS0, Expr(3)}, {kS1, Expr(3)}});
  ASSERT_TRUE(apply(program, {}).ok());
  EXPECT_EQ(shape_text(program, 0), "[batch_size, 3]");
  EXPECT_EQ(shape_text(program, 1), "[batch_size_x1, 3]");
}

TEST(Shapes, PutsSizesInForStatic) {
  auto program = program_of({{kS0, Expr(3), kS1, kS1 * Expr(2)}});
  ExportConfig config;
  config.static_shapes = true;
  config.input_shapes = {{4, 3, 8, 16}};
  ASSERT_TRUE(apply(program, config).ok());
  EXPECT_EQ(shape_text(program, 0), "[4, 3, 8, 16]");
}

TEST(Shapes, StaticNeedsAShapeBeyondTheBatch) {
  ExportConfig config;
  config.static_shapes = true;
  auto batch_only = program_of({{kS0, Expr(3)}});
  ASSERT_TRUE(apply(batch_only, config).ok());
  EXPECT_EQ(shape_text(batch_only, 0), "[1, 3]");
  auto more = program_of({{kS0, kS1}});
  auto refused = apply(more, config);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("`s1`"), std::string::npos);
}

TEST(Shapes, RefusesSizesThatTheFileFixesOtherwise) {
  auto program = program_of({{kS0, Expr(3), Expr(224), Expr(224)}});
  ExportConfig config;
  config.input_shapes = {{1, 3, 256, 224}};
  auto refused = apply(program, config);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("axis 2 is fixed to 224"), std::string::npos);
}

TEST(Shapes, RefusesSizesOutsideTheRange) {
  auto program = program_of({{kS0}});
  program.ranges["s0"] = {2, 16};
  ExportConfig config;
  config.input_shapes = {{17}};
  EXPECT_FALSE(apply(program, config).ok());
}

TEST(Shapes, RefusesWhatDoesNotExist) {
  auto program = program_of({{kS0, Expr(3)}});
  ExportConfig config;
  config.dynamic_axes = {{"image", {{0, "n"}}}};
  auto refused = apply(program, config);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("its inputs are: input"), std::string::npos);
  config.dynamic_axes = {{"input", {{2, "n"}}}};
  EXPECT_FALSE(apply(program, config).ok());
  config.dynamic_axes = {{"input", {{0, "a b"}}}};
  EXPECT_FALSE(apply(program, config).ok());
}

TEST(Shapes, TellsOfAFixedBatch) {
  auto program = program_of({{Expr(2), Expr(3)}, {Expr(2)}});
  auto shaped = apply(program, {});
  ASSERT_TRUE(shaped.ok());
  EXPECT_EQ(shaped->fixed_batch, 2);
  EXPECT_EQ(shaped->batch_name, "batch_size");
  EXPECT_FALSE(shaped->batch_was_asked);
}

TEST(Shapes, SubstitutesInArgumentsToo) {
  auto program = program_of({{kS0}});
  aten::Node node;
  node.op = "aten::view";
  node.args.push_back({"size", aten::ArgList{aten::Arg(kS0 * Expr(2))}});
  program.nodes.push_back(node);
  substitute(program, {{"s0", Expr(4)}});
  const auto* list = program.nodes[0].args[0].arg.as<aten::ArgList>();
  EXPECT_TRUE((*list)[0].as<Expr>()->is_const(8));
}

}  // namespace
}  // namespace onnxport::shapes
