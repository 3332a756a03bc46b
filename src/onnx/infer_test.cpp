// What inference over a model does; the operators' own tests are in ops/.
#include "onnx/infer.h"

#include <gtest/gtest.h>

#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx {
namespace {

using ops::type_text;

class Infer : public ops::InferTable {};

TEST_F(Infer, ForgetsWhatIsStatedOfANodeThatCannotBeRight) {
  auto model =
      read({"", "float[N, 3] x, float[4, 5] w) => (float[N, 5] y)", "y = MatMul(x, w)", ""});
  ASSERT_TRUE(model.ok());
  std::vector<Error> problems;
  ASSERT_TRUE(infer(*model, &problems).ok());
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].str().find("MatMul"), std::string::npos);
  EXPECT_EQ(type_text(*model->graph->find("y")), "float32");
}

TEST_F(Infer, CountsWhatFollowsForMoreThanWhatIsStated) {
  auto model = read({"", "float[N, 3] x) => (float[1, 3] y)", "y = Relu(x)", ""});
  ASSERT_TRUE(model.ok());
  ASSERT_TRUE(infer(*model).ok());
  EXPECT_EQ(type_text(*model->graph->find("y")), "float32[N, 3]");
}

TEST_F(Infer, KnowsWhatOnnxRuntimesQuantizerLeaves) {
  Graph g;
  Value* x = g.add_input("x", DType::kFloat, Shape{Expr::symbol("T"), 2, 4});
  Value* w = g.add_input("w", DType::kInt8, Shape{1, 4, 20});
  Value* r = g.add_input("r", DType::kInt8, Shape{1, 5, 20});
  Node* node = g.add_node("DynamicQuantizeLSTM", {x, w, r}, {{"hidden_size", 5}}, 1, nullptr,
                          "com.microsoft");
  ASSERT_TRUE(infer(*node, 17).ok());
  EXPECT_EQ(type_text(*node->output()), "float32[T, 1, 2, 5]");
}

}  // namespace
}  // namespace onnxport::onnx
