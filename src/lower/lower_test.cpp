// The walk: names, outputs, and the one report of everything that cannot be converted.
#include "lower/lower.h"

#include "lower/rule.h"
#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr n = Expr::symbol("n");

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Lower, NamesInputAndOutputWhenTheyAreTheOnlyOnes) {
  Sketch s;
  auto x = s.input("x", {n, 4});
  auto y = s.call("aten::neg", {{"self", x}}, {n, 4});
  s.returns(s.call("aten::abs", {{"self", y}}, {n, 4}));
  const std::string dump = s.dump();
  EXPECT_TRUE(has(dump, "input: float32[n, 4]")) << dump;
  EXPECT_TRUE(has(dump, "neg")) << dump;
  auto model = s.lowered(17);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->graph->outputs()[0]->name, "output");
  EXPECT_EQ(model->graph->first()->outputs[0]->name, "neg");
}

TEST(Lower, GivesEachOutputAValueOfItsOwn) {
  Sketch s;
  auto x = s.input("x", {n});
  auto y = s.call("aten::neg", {{"self", x}}, {n});
  s.returns(x).returns(y).returns(y).returns(s.weight("w", {2}));
  auto model = s.lowered(17);
  ASSERT_TRUE(model.ok()) << model.error().str();
  EXPECT_EQ(s.nodes(), "Neg Identity Identity Identity");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(model->graph->outputs()[i]->name, "output_" + std::to_string(i));
  }
}

TEST(Lower, MovesAsideAValueThatHasAnOutputsName) {
  Sketch s;
  auto x = s.input("output", {n});  // the graph's input is named "input"
  auto w = s.weight("output.w", {1});
  s.returns(s.call("aten::add.Tensor", {{"self", x}, {"other", w}}, {n}));
  EXPECT_EQ(s.nodes(), "Add");
}

TEST(Lower, ReportsEverythingThatCannotBeConvertedAtOnce) {
  Sketch s;
  auto x = s.input("x", {n});
  auto a = s.call("aten::neg", {{"self", x}}, {n});
  auto b = s.call("aten::neg", {{"self", a}}, {n});
  for (aten::Node& node : s.program().nodes) node.op = "aten::no_such_thing";
  auto c = s.call("aten::dropout", {{"input", x}, {"p", 0.5}, {"train", true}}, {n});
  s.returns(s.call("aten::add.Tensor", {{"self", b}, {"other", c}}, {n}));
  const std::string text = s.nodes();
  EXPECT_TRUE(has(text, "3 calls")) << text;
  EXPECT_TRUE(has(text, "aten::no_such_thing  2x")) << text;
  EXPECT_TRUE(has(text, "model.eval()")) << text;
  EXPECT_FALSE(has(text, "aten::add")) << text;
}

TEST(Lower, RefusesARuleThatDisagreesWithPyTorch) {
  Sketch s;
  auto x = s.input("x", {n, 4});
  s.returns(s.call("aten::neg", {{"self", x}}, {n, 5}));
  EXPECT_TRUE(has(s.nodes(), "internal error: the rule gives the shape [n, 4], PyTorch [n, 5]"))
      << s.nodes();
}

TEST(Lower, KeepsTheNameOfASizeThatInferenceDoesNotKnow) {
  Sketch s;
  auto x = s.input("x", {n});
  const Expr found = Expr::symbol("found_boxes");
  s.returns(s.call("aten::nonzero", {{"self", x}}, {found, 1}, DType::kInt64));
  EXPECT_EQ(s.shape(), "[found_boxes, 1]");
}

TEST(Lower, WritesTiedWeightsOnceAndUnusedOnesNever) {
  Sketch s;
  auto x = s.input("x", {n, 2});
  Tensor w = Tensor::of<float>(DType::kFloat, {2}, {1, 2});
  auto first = s.constant("first", w);
  auto second = s.constant("second", w);
  s.constant("unused", Tensor::of<float>(DType::kFloat, {2}, {3, 4}));
  auto y = s.call("aten::add.Tensor", {{"self", x}, {"other", first}}, {n, 2});
  s.returns(s.call("aten::mul.Tensor", {{"self", y}, {"other", second}}, {n, 2}));
  auto model = s.lowered(17);
  ASSERT_TRUE(model.ok());
  ASSERT_EQ(model->graph->initializers().size(), 1u);
  EXPECT_EQ(model->graph->initializers()[0]->name, "first");
}

TEST(Lower, SaysWhichArgumentDoesNotFit) {
  Sketch s;
  auto x = s.input("x", {n, 4});
  s.returns(s.call("aten::transpose.int", {{"self", x}, {"dim0", n}, {"dim1", Expr(1)}}, {4, n}));
  EXPECT_TRUE(has(s.nodes(), "argument `dim0`")) << s.nodes();
  EXPECT_TRUE(has(s.nodes(), "must be a known number")) << s.nodes();
}

TEST(Rules, AreFoundByTheirFullName) {
  EXPECT_NE(find_rule("aten::add.Tensor"), nullptr);
  EXPECT_EQ(find_rule("aten::add.Nonsense"), nullptr);
  EXPECT_GT(all_rules().size(), 200u);
}

}  // namespace
}  // namespace onnxport::lower
