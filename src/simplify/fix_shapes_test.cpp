#include "simplify/fix_shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>

#include "onnx/file_fixture.h"
#include "onnx/read.h"
#include "simplify/simplify.h"

namespace onnxport::simplify {
namespace {

using ::testing::HasSubstr;

class FixShapes : public onnx::FileTest {
 protected:
  onnx::Model parse(const std::string& graph) {
    ::onnx::ModelProto proto;
    ::onnx::OnnxParser parser(graph.c_str());
    EXPECT_TRUE(parser.Parse(*proto.mutable_graph()).IsOK()) << graph;
    proto.set_ir_version(8);
    proto.add_opset_import()->set_version(17);
    std::string bytes;
    EXPECT_TRUE(proto.SerializeToString(&bytes));
    put(path("before.onnx"), bytes);
    auto model = onnx::read_model(path("before.onnx"));
    EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().str());
    return std::move(model).value();
  }
  std::string refusal(const std::string& graph, const std::vector<InputShape>& shapes) {
    onnx::Model model = parse(graph);
    Status status = fix_input_shapes(model, shapes);
    return status.ok() ? "it was not refused" : status.error().str();
  }
};

std::string shape_of(const onnx::Value* v) { return v->shape ? to_string(*v->shape) : "none"; }

constexpr const char* kSum =
    "g (float[N, L, 4] x, int64[N, L] mask) => (float[N, L, 4] y, float[M, 4] z) "
    "<int64[1] axis = {1}> { y = Relu(x) z = ReduceSum<keepdims = 0>(x, axis) }";

TEST_F(FixShapes, ASymbolTakesItsSizeInEveryInputAndOutput) {
  onnx::Model model = parse(kSum);
  Status status = fix_input_shapes(model, {{"x", {2, 8, 4}}});
  ASSERT_TRUE(status.ok()) << status.error().str();
  EXPECT_EQ(shape_of(model.graph->inputs[0]), "[2, 8, 4]");
  EXPECT_EQ(shape_of(model.graph->inputs[1]), "[2, 8]");
  EXPECT_EQ(shape_of(model.graph->outputs()[0]), "[2, 8, 4]");
  EXPECT_EQ(shape_of(model.graph->outputs()[1]), "[2, 4]") << "M follows from N";
  ASSERT_TRUE(simplify(model).ok());
  EXPECT_EQ(shape_of(model.graph->outputs()[1]), "[2, 4]");
}

TEST_F(FixShapes, ADimensionCanBeKept) {
  onnx::Model model = parse(kSum);
  ASSERT_TRUE(fix_input_shapes(model, {{"x", {kKeepSize, 8, 4}}}).ok());
  EXPECT_EQ(shape_of(model.graph->inputs[1]), "[N, 8]");
  EXPECT_EQ(shape_of(model.graph->outputs()[1]), "[M, 4]");
}

TEST_F(FixShapes, ShapesWithoutNamesGoInOrder) {
  onnx::Model model = parse(kSum);
  ASSERT_TRUE(fix_input_shapes(model, {{"", {2, 8, 4}}, {"", {2, 8}}}).ok());
  EXPECT_EQ(shape_of(model.graph->inputs[1]), "[2, 8]");
}

TEST_F(FixShapes, AShapeChainBecomesConstant) {
  onnx::Model model = parse(
      "g (float[N, 3, 4] x) => (float[A, B] y) <int64[1] i = {0}, int64[1] m = {-1}> "
      "{ s = Shape(x) n = Gather(s, i) t = Concat<axis = 0>(n, m) y = Reshape(x, t) }");
  ASSERT_TRUE(fix_input_shapes(model, {{"", {5, 3, 4}}}).ok());
  ASSERT_TRUE(simplify(model).ok());
  EXPECT_EQ(model.graph->node_count(), 1U);
  EXPECT_EQ(shape_of(model.graph->outputs()[0]), "[5, 12]");
}

TEST_F(FixShapes, AnExpressionIsSolvedForItsSymbol) {
  onnx::Model model = parse("g (float[N] x, float[N] z) => (float[N] y) { y = Relu(x) }");
  (*model.graph->inputs[1]->shape)[0] = Expr(2) * Expr::symbol("N") + Expr(1);
  ASSERT_TRUE(fix_input_shapes(model, {{"z", {7}}}).ok());
  EXPECT_EQ(shape_of(model.graph->inputs[0]), "[3]");
  onnx::Model again = parse("g (float[N] x, float[N] z) => (float[N] y) { y = Relu(x) }");
  (*again.graph->inputs[1]->shape)[0] = Expr(2) * Expr::symbol("N") + Expr(1);
  EXPECT_FALSE(fix_input_shapes(again, {{"z", {8}}}).ok());
}

TEST_F(FixShapes, WhatContradictsTheModelIsRefused) {
  EXPECT_THAT(refusal(kSum, {{"w", {1}}}), HasSubstr("no input `w`; it has `x`, `mask`"));
  EXPECT_THAT(refusal(kSum, {{"x", {1, 2}}}), HasSubstr("[1, 2] has 2 sizes, input `x` has 3"));
  EXPECT_THAT(refusal(kSum, {{"x", {1, 2, 5}}}), HasSubstr("fixed at 4 and cannot become 5"));
  EXPECT_THAT(refusal(kSum, {{"x", {1, 2, 4}}, {"mask", {1, 3}}}),
              HasSubstr("would be 3, but input `x` makes it 2: it is L there and here"));
  EXPECT_THAT(refusal(kSum, {{"x", {1, 2, 4}}, {"x", {1, 2, 4}}}), HasSubstr("two shapes"));
  EXPECT_THAT(refusal(kSum, {{"", {1, 2, 4}}, {"", {1, 2}}, {"", {1}}}),
              HasSubstr("one shape too many"));
  EXPECT_THAT(refusal(kSum, {{"x", {-3, 2, 4}}}), HasSubstr("-3 is not a size"));
}

TEST_F(FixShapes, SizesThatBreakANodeAreRefused) {
  const std::string graph =
      "g (float[N, 6] x) => (float[A, 4] y) <float[6, 4] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "
      "13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24}, float[3, 4] b = {1, 2, 3, 4, 5, 6, 7, 8, 9, "
      "10, 11, 12}> { a = MatMul(x, w) y = Add(a, b) }";
  EXPECT_THAT(refusal(graph, {{"x", {2, 6}}}), HasSubstr("do not fit the model"));
  onnx::Model model = parse(graph);
  EXPECT_TRUE(fix_input_shapes(model, {{"x", {3, 6}}}).ok());
}

}  // namespace
}  // namespace onnxport::simplify
