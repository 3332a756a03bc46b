#include "verify/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

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
  const onnx::Model model = model_of("Div", 7, 2);
  auto results = evaluate(model);
  ASSERT_TRUE(results.ok()) << results.error().str();
  ASSERT_EQ(results->size(), 1U);
  const Tensor& y = results->at(model.graph->outputs()[0]);
  EXPECT_EQ(y.dtype, DType::kInt32);
  EXPECT_THAT(y.dims, ElementsAre(1));
  EXPECT_THAT(y.values<int32_t>(), ElementsAre(3));
}

TEST(Evaluate, WhatTheRuntimeRefusesIsAnError) {
  auto results = evaluate(model_of("Div", 7, 0));
  ASSERT_FALSE(results.ok());
  EXPECT_THAT(results.error().str(), HasSubstr("ivision by zero"));
}

// The processor's division traps: in this process it would be the end of everything.
TEST(Evaluate, ACrashOfTheRuntimeIsAnError) {
  const onnx::Model model = model_of("Div", INT32_MIN, -1);
  auto results = evaluate(model);
  if (results.ok()) {
    EXPECT_THAT(results->at(model.graph->outputs()[0]).values<int32_t>(), ElementsAre(INT32_MIN))
        << "it wraps around now";
  } else {
    EXPECT_THAT(results.error().str(), HasSubstr("crashes"));
  }
}

// Chains y = -(-(x / d)), one for each divisor.
struct Chains {
  onnx::Model model;
  std::vector<onnx::Value*> quotients, outputs;

  explicit Chains(int32_t x, const std::vector<int32_t>& divisors) {
    model.opset_imports[""] = 17;
    onnx::Graph& g = *model.graph;
    onnx::Value* numerator = g.add_initializer("x", number(x));
    for (const int32_t d : divisors) {
      onnx::Value* divisor = g.add_initializer("d", number(d));
      quotients.push_back(add(g, "Div", {add(g, "Abs", {numerator}), divisor}));
      outputs.push_back(add(g, "Neg", {add(g, "Neg", {quotients.back()})}));
      g.add_output(outputs.back());
    }
  }
  static Tensor number(int32_t x) { return Tensor::of<int32_t>(DType::kInt32, {1}, {x}); }
  static onnx::Value* add(onnx::Graph& g, const char* op, std::vector<onnx::Value*> inputs) {
    onnx::Value* y = g.add_node(op, std::move(inputs))->output();
    y->dtype = DType::kInt32;
    y->shape = Shape{1};
    return y;
  }
};

TEST(Evaluate, OnlyTheNodesThatFailAreMissing) {
  std::vector<int32_t> divisors(40, 2);
  divisors[7] = divisors[8] = divisors[39] = 0;
  const Chains chains(6, divisors);
  auto results = evaluate(chains.model);
  ASSERT_TRUE(results.ok()) << results.error().str();
  for (size_t i = 0; i < divisors.size(); ++i) {
    ASSERT_EQ(results->count(chains.outputs[i]), divisors[i] == 0 ? 0U : 1U) << i;
    if (divisors[i] != 0) {
      EXPECT_THAT(results->at(chains.outputs[i]).values<int32_t>(), ElementsAre(3)) << i;
      continue;
    }
    // It is computed from something that can be computed, and so may become a constant.
    const onnx::Node& failed = *chains.quotients[i]->producer;
    EXPECT_EQ(results->count(chains.quotients[i]), 0U);
    ASSERT_EQ(results->count(failed.inputs[0]), 1U);
    EXPECT_THAT(results->at(failed.inputs[0]).values<int32_t>(), ElementsAre(6));
  }
  EXPECT_EQ(results->size(), divisors.size());  // 37 outputs, and what 3 nodes are computed from
}

TEST(Evaluate, ACrashTakesNothingElseWithIt) {
  std::vector<int32_t> divisors(20, 2);
  divisors[13] = -1;
  const Chains chains(INT32_MIN, divisors);  // Abs wraps around: it is INT32_MIN again
  auto results = evaluate(chains.model);
  ASSERT_TRUE(results.ok()) << results.error().str();
  for (size_t i = 0; i < divisors.size(); ++i) {
    if (i != 13) EXPECT_EQ(results->count(chains.outputs[i]), 1U) << i;
  }
}

// However many fail, it comes to an end, and what was computed until then is there.
TEST(Evaluate, ManyFailuresAreGivenUpOn) {
  std::vector<int32_t> divisors(300, 0);
  divisors[0] = 2;
  const Chains chains(6, divisors);
  auto results = evaluate(chains.model);
  ASSERT_TRUE(results.ok()) << results.error().str();
  EXPECT_EQ(results->count(chains.outputs[0]), 1U);
}

}  // namespace
}  // namespace onnxport::verify
