#include "verify/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onnxport::verify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// op(a, b) of two int32 constants, in a model without inputs.
onnx::Model model_of(const char* op, int32_t a, int32_t b) {
  onnx::Model model;
  model.opset_imports[""] = 17;
  auto constant = [&](const char* name, int32_t x) {
    return model.graph->add_initializer(name, Tensor::of<int32_t>(DType::kInt32, {1}, {x}));
  };
  onnx::Node* node = model.graph->add_node(op, {constant("a", a), constant("b", b)});
  node->outputs[0]->dtype = DType::kInt32;
  node->outputs[0]->shape = Shape{1};
  model.graph->add_output(node->outputs[0]);
  return model;
}

TEST(Evaluate, GivesWhatTheRuntimeComputes) {
  auto results = evaluate(model_of("Div", 7, 2));
  ASSERT_TRUE(results.ok()) << results.error().str();
  ASSERT_EQ(results->size(), 1U);
  EXPECT_EQ((*results)[0].dtype, DType::kInt32);
  EXPECT_THAT((*results)[0].dims, ElementsAre(1));
  EXPECT_THAT((*results)[0].values<int32_t>(), ElementsAre(3));
}

TEST(Evaluate, WhatTheRuntimeRefusesIsAnError) {
  auto results = evaluate(model_of("Div", 7, 0));
  ASSERT_FALSE(results.ok());
  EXPECT_THAT(results.error().str(), HasSubstr("ivision by zero"));
}

// The processor's division traps: in this process it would be the end of everything.
TEST(Evaluate, ACrashOfTheRuntimeIsAnError) {
  auto results = evaluate(model_of("Div", INT32_MIN, -1));
  if (results.ok()) {
    EXPECT_THAT((*results)[0].values<int32_t>(), ElementsAre(INT32_MIN)) << "it wraps around now";
  } else {
    EXPECT_THAT(results.error().str(), HasSubstr("crashes"));
  }
}

}  // namespace
}  // namespace onnxport::verify
