#include "pipeline/facts.h"

#include <gtest/gtest.h>

#include <memory>

namespace onnxport::facts {
namespace {

std::shared_ptr<onnx::Graph> body_of(onnx::Graph& outer, const char* op, onnx::Value* x) {
  auto body = std::make_shared<onnx::Graph>(&outer);
  body->add_output(body->add_node(op, {x})->outputs[0]);
  return body;
}

TEST(Facts, CountsTheNodesOfAGraphAndOfAListOfGraphs) {
  onnx::Model model;
  model.opset_imports[""] = 17;
  onnx::Graph& g = *model.graph;
  onnx::Value* x = g.add_input("x", DType::kFloat, Shape{Expr(2)});
  onnx::Node* one = g.add_node("One", {x});
  one->set("body", {onnx::Attribute::GraphRef(body_of(g, "Sin", x))});
  onnx::Node* several = g.add_node("Several", {one->outputs[0]});
  auto inner = body_of(g, "Cos", x);
  inner->add_node("Tan", {x});
  several->set("bodies", {std::vector<onnx::Attribute::GraphRef>{
                             onnx::Attribute::GraphRef(body_of(g, "Sin", x)),
                             onnx::Attribute::GraphRef(inner)}});
  g.add_output(several->outputs[0]);

  const Facts facts = of_model(model);
  EXPECT_EQ(facts.nodes, 6U);
  EXPECT_EQ(facts.nodes, g.total_node_count());
  EXPECT_EQ(facts.operators, (std::map<std::string, int>{
                                 {"Cos", 1}, {"One", 1}, {"Several", 1}, {"Sin", 2}, {"Tan", 1}}));
}

TEST(Facts, TellsSizesAsNumbersAndNames) {
  onnx::Model model;
  onnx::Value* x =
      model.graph->add_input("x", DType::kFloat, Shape{Expr::symbol("batch"), Expr(3)});
  model.graph->add_output(model.graph->add_node("Sin", {x})->outputs[0]);
  const Facts facts = of_model(model);
  ASSERT_EQ(facts.inputs.size(), 1U);
  EXPECT_EQ(facts.inputs[0].dtype, "float32");
  EXPECT_EQ(facts.inputs[0].dims, (std::vector<Dim>{std::string("batch"), int64_t{3}}));
  EXPECT_EQ(facts.inputs[0].text(), "x: float32[batch, 3]");
  EXPECT_FALSE(facts.outputs[0].dims);  // nothing is known of it
}

}  // namespace
}  // namespace onnxport::facts
