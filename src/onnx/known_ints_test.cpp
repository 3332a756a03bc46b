#include "onnx/known_ints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onnxport::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;
using Numbers = std::vector<int64_t>;

TEST(KnownInts, AreOfAConstantOrOfInference) {
  Graph g;
  Value* constant = g.add_initializer("c", Tensor::ints({3, 4}));
  EXPECT_THAT(known_numbers(constant), Optional(ElementsAre(3, 4)));
  Value* inferred = g.add_value("v", DType::kInt64, Shape{2});
  EXPECT_FALSE(known_ints(inferred));
  inferred->ints = std::vector<Expr>{Expr::symbol("N"), 3};
  EXPECT_EQ(known_ints(inferred)->at(0), Expr::symbol("N"));
  EXPECT_FALSE(known_numbers(inferred));
  EXPECT_FALSE(known_ints(nullptr));
}

TEST(KnownInts, AreNotDataNorWhatAnInputMayReplace) {
  Graph g;
  Value* matrix = g.add_initializer(
      "m", Tensor::of<int64_t>(DType::kInt64, {1, 2}, std::vector<int64_t>{1, 2}));
  EXPECT_FALSE(known_ints(matrix));
  Value* floats = g.add_initializer("f", Tensor::scalar(DType::kFloat, 1));
  EXPECT_FALSE(known_ints(floats));
  Value* many = g.add_initializer("l", Tensor::ints(Numbers(kMaxKnownInts + 1, 1)));
  EXPECT_FALSE(known_ints(many));
  Value* input = g.add_input("i", DType::kInt64, Shape{1});
  input->initializer = Tensor::ints({1});
  EXPECT_FALSE(known_ints(input));
}

TEST(KnownTensor, IsThereWhenAllNumbersAre) {
  Graph g;
  Value* list = g.add_value("v", DType::kInt32, Shape{2});
  list->ints = std::vector<Expr>{7, 8};
  const auto tensor = known_tensor(*list);
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->dtype, DType::kInt32);
  EXPECT_EQ(tensor->as_ints(), Numbers({7, 8}));
  list->ints = std::vector<Expr>{7, Expr::symbol("N")};
  EXPECT_FALSE(known_tensor(*list));
  Value* scalar = g.add_value("s", DType::kInt64, Shape{});
  scalar->ints = std::vector<Expr>{7};
  EXPECT_TRUE(known_tensor(*scalar)->dims.empty());
  scalar->ints = std::vector<Expr>{7, 8};
  EXPECT_FALSE(known_tensor(*scalar));
}

TEST(ListOf, IsTheAttributeOrTheInputThatItBecame) {
  Graph g;
  Value* x = g.add_input("x", DType::kFloat, Shape{1, 3});
  Value* axes = g.add_initializer("a", Tensor::ints({0}));
  Value* asked = g.add_input("asked", DType::kInt64, Shape{1});
  bool left_out = true;
  EXPECT_THAT(list_of(*g.add_node("Squeeze", {x, axes}), "axes", &left_out),
              Optional(ElementsAre(0)));
  EXPECT_FALSE(left_out);
  EXPECT_THAT(list_of(*g.add_node("Squeeze", {x}, {{"axes", Numbers{1}}}), "axes"),
              Optional(ElementsAre(1)));
  EXPECT_FALSE(list_of(*g.add_node("Squeeze", {x, asked}), "axes"));
  EXPECT_THAT(list_of(*g.add_node("Squeeze", {x}), "axes", &left_out), Optional(ElementsAre()));
  EXPECT_TRUE(left_out);
  // Slice's third list.
  EXPECT_THAT(list_of(*g.add_node("Slice", {x, asked, asked, axes}), "axes"),
              Optional(ElementsAre(0)));
}

TEST(PermOf, SpellsOutAndRefusesWhatIsNone) {
  Graph g;
  Value* x = g.add_input("x", DType::kFloat, Shape{2, 3, 4});
  Value* unknown = g.add_input("u", DType::kFloat, std::nullopt);
  EXPECT_THAT(perm_of(*g.add_node("Transpose", {x})), Optional(ElementsAre(2, 1, 0)));
  EXPECT_THAT(perm_of(*g.add_node("Transpose", {unknown}, {{"perm", Numbers{1, 0}}})),
              Optional(ElementsAre(1, 0)));
  EXPECT_FALSE(perm_of(*g.add_node("Transpose", {unknown})));
  for (const Numbers& bad :
       {Numbers{1, 0}, Numbers{0, 0, 1}, Numbers{0, 1, 3}, Numbers{-1, 0, 1}}) {
    EXPECT_FALSE(perm_of(*g.add_node("Transpose", {x}, {{"perm", bad}})));
  }
}

}  // namespace
}  // namespace onnxport::onnx
