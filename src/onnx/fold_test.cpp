// What every operator's folding has in common; the operators' own tests are in ops/.
#include "onnx/fold.h"

#include <gtest/gtest.h>

#include "onnx/ops/fold_case_test.h"

namespace onnxport::onnx {
namespace {

using ops::FoldCase;

TEST(Fold, StopsAtTheElementLimit) {
  FoldCase c;
  EXPECT_FALSE(c.in(Tensor::ints({1 << 20, 1 << 20})).run("ConstantOfShape").folded);
}

TEST(Fold, LeavesUnknownOperatorsAndOtherDomains) {
  FoldCase c;
  EXPECT_FALSE(c.in(ops::matrix()).run("NoSuchOperator").folded);
  Graph g;
  Value* x = g.add_initializer("x", ops::matrix());
  EXPECT_FALSE(fold(*g.add_node("Identity", {x}, {}, 1, nullptr, "com.example"), 18).has_value());
}

TEST(Fold, LeavesInputsThatAreNotConstantAndTextToTheRuntime) {
  Graph g;
  Value* x = g.add_input("x", DType::kInt64, Shape{2});
  EXPECT_FALSE(fold(*g.add_node("Neg", {x}), 18).has_value());
  FoldCase text;
  Tensor words;
  words.dtype = DType::kString;
  words.dims = {1};
  words.strings = {"a"};
  EXPECT_FALSE(text.in(words).run("Identity").folded);
}

}  // namespace
}  // namespace onnxport::onnx
