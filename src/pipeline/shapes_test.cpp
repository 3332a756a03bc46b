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
  config.inputs = {{.name = "input", .axes = {{{0, "n"}, {-2, "rows"}}}}};
  ASSERT_TRUE(apply(program, config).ok());
  EXPECT_EQ(shape_text(program, 0), "[n, 3, rows, 8]");
}

TEST(Shapes, FixesUnlistedAxesToTheGivenSize) {
  auto program = program_of({{kS0, Expr(3), kS1, Expr(8)}});
  ExportConfig config;
  config.inputs = {{.name = "input", .axes = {{{0, "n"}}}}, {.name = "", .sizes = {{1, 3, 32, 8}}}};
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
  config.inputs = {{.name = "", .sizes = {{4, 3, 8, 16}}}};
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
  config.inputs = {{.name = "", .sizes = {{1, 3, 256, 224}}}};
  auto refused = apply(program, config);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("axis 2 is fixed to 224"), std::string::npos);
}

TEST(Shapes, RefusesSizesOutsideTheRange) {
  auto program = program_of({{kS0}});
  program.ranges["s0"] = {2, 16};
  ExportConfig config;
  config.inputs = {{.name = "", .sizes = {{17}}}};
  EXPECT_FALSE(apply(program, config).ok());
}

TEST(Shapes, RefusesWhatDoesNotExist) {
  auto program = program_of({{kS0, Expr(3)}});
  ExportConfig config;
  config.inputs = {{.name = "image", .axes = {{{0, "n"}}}}};
  auto refused = apply(program, config);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("its inputs are: input"), std::string::npos);
  config.inputs = {{.name = "input", .axes = {{{2, "n"}}}}};
  EXPECT_FALSE(apply(program, config).ok());
  config.inputs = {{.name = "input", .axes = {{{0, "a b"}}}}};
  EXPECT_FALSE(apply(program, config).ok());
}

TEST(Shapes, ListedAxesLeaveNoBatchByDefault) {
  auto program = program_of({{kS0, Expr(3)}});
  ExportConfig config;
  config.inputs = {{.name = "", .sizes = {{4, 3}}, .axes = std::map<int, std::string>()}};
  ASSERT_TRUE(apply(program, config).ok());
  EXPECT_EQ(shape_text(program, 0), "[4, 3]");
}

TEST(Shapes, GivesNewNamesByPositionAndByName) {
  auto program = program_of({{Expr(1)}, {Expr(1)}});
  ExportConfig config;
  EXPECT_TRUE(apply(program, config)->input_names.empty());
  config.inputs = {{.name = "x1", .new_name = "mask"}};
  EXPECT_EQ(apply(program, config)->input_names, (std::vector<std::string>{"x0", "mask"}));
  config.inputs = {{.name = "", .new_name = "a"}, {.name = "", .new_name = "b"}};
  EXPECT_EQ(apply(program, config)->input_names, (std::vector<std::string>{"a", "b"}));
  config.inputs = {{.name = "", .new_name = "a"}};
  EXPECT_FALSE(apply(program, config).ok());
  config.inputs = {{.name = "x2", .new_name = "mask"}};
  EXPECT_EQ(apply(program, config).error().str(),
            "--input-names: the model has no input `x2`; its inputs are: x0, x1");
}

TEST(Shapes, RangesAreHeldToTheInputsType) {
  auto program = program_of({{Expr(1)}, {Expr(1)}});
  program.values[1].dtype = DType::kUint8;
  ExportConfig config;
  config.inputs = {{.name = "x1", .range = ValueRange{0, 9}}};
  auto ranges = drawn_ranges(program, config);
  ASSERT_TRUE(ranges.ok());
  EXPECT_FALSE((*ranges)[0]);
  EXPECT_EQ((*ranges)[1]->high, 9);
  config.inputs[0].range = ValueRange{-1, 9};
  EXPECT_EQ(drawn_ranges(program, config).error().str(),
            "--input-range x1: the range -1..9 is more than uint8 holds, 0 to 255");
}

TEST(ScriptOptions, TakesSizesInOrderAndTheRestByName) {
  ExportConfig config;
  config.inputs = {{.name = "", .sizes = {{1, 3}}},
                   {.name = "ids", .axes = {{{0, "n"}}}, .type = "int64"},
                   {.name = "rate", .value = int64_t{16000}}};
  auto options = script_options(config);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->sizes, (std::vector<std::vector<int64_t>>{{1, 3}}));
  EXPECT_EQ(options->dynamic_axes->at("ids").at(0), "n");
  EXPECT_EQ(options->dtypes.at("ids"), DType::kInt64);
  EXPECT_EQ(std::get<int64_t>(options->values.at("rate")), 16000);
  config.inputs[0].type = "int64";
  EXPECT_FALSE(script_options(config).ok()) << "a type needs a name";
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
