#include "onnx/walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace onnxport::onnx {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<Graph> body_in(Graph& outer, std::string name) {
  auto body = std::make_shared<Graph>(&outer);
  body->name = std::move(name);
  return body;
}

std::vector<std::string> names(const std::vector<Graph*>& graphs) {
  std::vector<std::string> out;
  for (const Graph* graph : graphs) out.push_back(graph->name);
  return out;
}

TEST(Walk, FindsBodiesAtAnyDepthAndListsOfBodies) {
  Model model;
  Graph& main = *model.graph;
  Value* condition = main.add_input("c", DType::kBool, Shape{});
  auto yes = body_in(main, "yes"), no = body_in(main, "no");
  auto deep = body_in(*yes, "deep");
  yes->add_node("Loop", {}, {{"body", deep}});
  const Node* branch =
      main.add_node("If", {condition}, {{"then_branch", yes}, {"else_branch", no}});
  auto one = body_in(main, "one"), two = body_in(main, "two");
  const Node* list = main.add_node(
      "Many", {}, {{"bodies", std::vector<Attribute::GraphRef>{one, two}}}, 1, nullptr, "a.b");
  EXPECT_THAT(names(all_graphs(model)),
              ElementsAre("main_graph", "yes", "no", "one", "two", "deep"));
  EXPECT_THAT(names(graphs_below(*branch)), ElementsAre("yes", "no", "deep"));
  EXPECT_THAT(names(graphs_below(*list)), ElementsAre("one", "two"));
}

TEST(Walk, ManyLevelsTakeNoStack) {
  Model model;
  std::vector<std::shared_ptr<Graph>> bodies;
  Graph* outer = model.graph.get();
  constexpr size_t kLevels = 2000;
  for (size_t i = 0; i < kLevels; ++i) {
    bodies.push_back(body_in(*outer, "body"));
    outer->add_node("Loop", {}, {{"body", bodies.back()}});
    outer = bodies.back().get();
  }
  EXPECT_EQ(all_graphs(model).size(), kLevels + 1);
}

}  // namespace
}  // namespace onnxport::onnx
