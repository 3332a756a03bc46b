#include "onnx/graph.h"

#include <gtest/gtest.h>

namespace onnxport::onnx {
namespace {

// x -> Relu -> y -> Neg -> z (output)
struct Chain {
  Graph g;
  Value* x = g.add_input("x", DType::kFloat, Shape{Expr::symbol("n"), 4});
  Node* relu = g.add_node("Relu", {x});
  Node* neg = g.add_node("Neg", {relu->outputs[0]});
  Value* y = relu->outputs[0];
  Value* z = neg->outputs[0];
  Chain() {
    g.rename(y, "y");
    g.rename(z, "z");
    y->dtype = z->dtype = DType::kFloat;
    y->shape = z->shape = x->shape;
    g.add_output(z);
  }
};

std::string order(const Graph& g) {
  std::string text;
  for (const Node* node : g.nodes()) text += (text.empty() ? "" : " ") + node->op_type;
  return text;
}

TEST(Graph, KeepsUsesRight) {
  Chain c;
  ASSERT_EQ(c.x->uses.size(), 1u);
  EXPECT_EQ(c.x->uses[0].node, c.relu);
  c.g.set_input(c.neg, 0, c.x);
  EXPECT_EQ(c.x->uses.size(), 2u);
  EXPECT_TRUE(c.y->unused());
  c.g.set_input(c.neg, 2, c.y);  // extends with an omitted input
  EXPECT_EQ(c.neg->inputs.size(), 3u);
  EXPECT_EQ(c.neg->inputs[1], nullptr);
  EXPECT_EQ(c.y->uses[0].input, 2u);
}

TEST(Graph, MakesNamesUnique) {
  Graph g;
  EXPECT_EQ(g.add_value("a")->name, "a");
  EXPECT_EQ(g.add_value("a")->name, "a.1");
  EXPECT_EQ(g.add_value("a")->name, "a.2");
  Graph inner(&g);
  EXPECT_EQ(inner.add_value("a")->name, "a.3");
  g.rename(g.find("a"), "b");
  EXPECT_EQ(g.find("a"), nullptr);
  EXPECT_EQ(g.find("b")->name, "b");
}

TEST(Graph, ErasesWhatIsUnused) {
  Chain c;
  c.g.set_input(c.neg, 0, c.x);
  c.g.erase(c.relu);
  EXPECT_EQ(order(c.g), "Neg");
  EXPECT_EQ(c.relu->graph, nullptr);  // a work list can see that it is gone
  EXPECT_EQ(c.x->uses.size(), 1u);
  EXPECT_EQ(c.g.find("y"), nullptr);
  EXPECT_EQ(c.g.values().size(), 2u);
  EXPECT_EQ(c.g.values()[1]->position, 1u);
  Value* w = c.g.add_initializer("w", Tensor::ints({1, 2}));
  EXPECT_EQ(c.g.initializers().size(), 1u);
  c.g.erase_value(w);
  EXPECT_TRUE(c.g.initializers().empty());
}

TEST(Graph, InsertsAndMovesNodes) {
  Chain c;
  Node* abs = c.g.add_node("Abs", {c.x}, {}, 1, c.relu);
  EXPECT_EQ(order(c.g), "Abs Relu Neg");
  c.g.move_before(abs, nullptr);
  EXPECT_EQ(order(c.g), "Relu Neg Abs");
  c.g.move_before(abs, c.neg);
  EXPECT_EQ(order(c.g), "Relu Abs Neg");
  EXPECT_EQ(c.g.node_count(), 3u);
}

TEST(Graph, ReplacesAndKeepsTheName) {
  Chain c;
  Node* fresh = c.g.add_node("Abs", {c.x}, {}, 1, c.relu);
  c.g.replace(c.y, fresh->outputs[0]);
  EXPECT_EQ(fresh->outputs[0]->name, "y");
  EXPECT_EQ(c.neg->inputs[0], fresh->outputs[0]);
  EXPECT_TRUE(c.y->unused());
}

TEST(Graph, ReplacesWithAnOldValueWithoutRenamingIt) {
  Chain c;
  Node* copy = c.g.add_node("Identity", {c.y});
  Node* user = c.g.add_node("Abs", {copy->outputs[0]});
  c.g.replace(copy->outputs[0], c.y);
  EXPECT_EQ(c.y->name, "y");
  EXPECT_EQ(user->inputs[0], c.y);
}

TEST(Graph, GivesAnOutputsNameToItsReplacement) {
  Chain c;
  c.g.replace(c.z, c.y);
  ASSERT_EQ(c.g.outputs().size(), 1u);
  EXPECT_EQ(c.g.outputs()[0], c.y);
  EXPECT_EQ(c.y->name, "z");
  EXPECT_TRUE(c.z->unused());
  c.g.erase(c.neg);
  EXPECT_EQ(order(c.g), "Relu");
}

TEST(Graph, InsertsAnIdentityWhereTheNameCannotMove) {
  Chain c;
  c.g.replace(c.z, c.x);  // an input keeps its own name
  EXPECT_EQ(c.g.outputs()[0]->name, "z");
  EXPECT_EQ(c.g.outputs()[0]->producer->op_type, "Identity");
  EXPECT_EQ(c.g.outputs()[0]->producer->inputs[0], c.x);
  EXPECT_EQ(to_string(*c.g.outputs()[0]->shape), "[n, 4]");
}

TEST(Graph, TracksUsesInSubgraphs) {
  Chain c;
  {
    auto body = std::make_shared<Graph>(&c.g);
    Node* inner = body->add_node("Exp", {c.y});
    body->add_output(inner->outputs[0]);
    Node* cond = c.g.add_node("If", {c.x}, {{"then_branch", Attribute(body)}});
    EXPECT_EQ(c.y->uses.size(), 2u);
    EXPECT_EQ(c.y->uses[1].node->graph, body.get());
    Node* fresh = c.g.add_node("Abs", {c.x}, {}, 1, c.relu);
    c.g.replace_uses(c.y, fresh->outputs[0]);
    EXPECT_EQ(inner->inputs[0], fresh->outputs[0]);
    EXPECT_EQ(c.g.total_node_count(), 5u);
    c.g.erase(cond);
    EXPECT_EQ(fresh->outputs[0]->uses.size(), 2u);  // the body lives on, in this scope
    body.reset();
    EXPECT_EQ(fresh->outputs[0]->uses.size(), 1u);
  }
}

TEST(Graph, SortsStably) {
  Chain c;
  Node* abs = c.g.add_node("Abs", {c.x});
  ASSERT_TRUE(c.g.sort());
  EXPECT_EQ(order(c.g), "Relu Neg Abs");
  c.g.move_before(c.neg, c.relu);
  c.g.move_before(abs, c.neg);
  ASSERT_TRUE(c.g.sort());
  EXPECT_EQ(order(c.g), "Abs Relu Neg");
  c.g.set_input(c.relu, 0, c.z);
  EXPECT_FALSE(c.g.sort());
  EXPECT_EQ(order(c.g), "Abs Relu Neg");
}

TEST(Graph, SortsBySubgraphUsesToo) {
  Chain c;
  auto body = std::make_shared<Graph>(&c.g);
  body->add_output(body->add_node("Exp", {c.y})->outputs[0]);
  Node* cond = c.g.add_node("If", {c.x}, {{"then_branch", Attribute(body)}}, 1, c.relu);
  ASSERT_TRUE(c.g.sort());
  EXPECT_EQ(order(c.g), "Relu If Neg");
  EXPECT_EQ(cond->prev, c.relu);
}

TEST(Node, HoldsItsAttributesInOrder) {
  Chain c;
  c.neg->set("axis", 1);
  c.neg->set("mode", "linear");
  c.neg->set("axis", 2);
  EXPECT_EQ(c.neg->attributes.size(), 2u);
  EXPECT_EQ(c.neg->get<int64_t>("axis", 0), 2);
  EXPECT_EQ(c.neg->get<std::string>("mode", ""), "linear");
  EXPECT_EQ(c.neg->get<int64_t>("none", 7), 7);
  c.neg->remove("axis");
  EXPECT_EQ(c.neg->find("axis"), nullptr);
}

TEST(Model, KnowsTheIrVersionOfAnOpset) {
  EXPECT_EQ(ir_version_for_opset(13), 8);
  EXPECT_EQ(ir_version_for_opset(18), 8);
  EXPECT_EQ(ir_version_for_opset(20), 9);
  EXPECT_EQ(ir_version_for_opset(21), 10);
  EXPECT_EQ(ir_version_for_opset(23), 11);
  EXPECT_EQ(ir_version_for_opset(24), 12);
  EXPECT_EQ(ir_version_for_opset(27), 13);
  EXPECT_EQ(ir_version_for_opset(28), 14);
}

TEST(Model, DumpsAsText) {
  Model model;
  model.opset_imports[""] = 17;
  Graph& g = *model.graph;
  Value* x = g.add_input("x", DType::kFloat, Shape{Expr::symbol("n"), unknown_dim()});
  Value* axes = g.add_initializer("axes", Tensor::ints({1}));
  Node* node = g.add_node("Unsqueeze", {x, axes});
  node->set("note", Attribute("a \"b\""));
  g.add_output(node->outputs[0]);
  EXPECT_EQ(dump(model),
            "ir_version 8\n"
            "opset ai.onnx 17\n"
            "graph main_graph\n"
            "  input x: float32[n, ?]\n"
            "  initializer axes: int64[1] = [1]\n"
            "  Unsqueeze_output: undefined[...] = Unsqueeze(x, axes) {note=\"a \\\"b\\\"\"}\n"
            "  output Unsqueeze_output: undefined[...]\n");
}

// Bodies forget the values around them when they die, in whatever order the nodes do.
TEST(Graph, DiesWithBodiesThatUseOneValueAroundThem) {
  auto outer = std::make_unique<Graph>();
  Value* x = outer->add_input("x", DType::kFloat, Shape{2});
  Value* flag = outer->add_input("flag", DType::kBool, Shape{});
  Node* first = outer->add_node("Relu", {x});
  for (int i = 0; i < 3; ++i) {
    auto body = std::make_shared<Graph>(outer.get());
    body->add_output(body->add_node("Add", {x, first->output()})->output());
    outer->add_node("If", {flag}, {{"then_branch", body}});
  }
  Node* last = outer->add_node("Add", {x, x});
  EXPECT_EQ(x->uses.size(), 6U);
  outer->erase(last->prev);  // an If: its body's use goes
  EXPECT_EQ(x->uses.size(), 5U);
  outer.reset();
}

}  // namespace
}  // namespace onnxport::onnx
