#include "verify/agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>

#include <cmath>

#include "onnx/file_fixture.h"
#include "onnx/read.h"

namespace onnxport::verify {
namespace {

using ::testing::HasSubstr;

class AgreementTest : public onnx::FileTest {
 protected:
  std::string file(const std::string& name, const std::string& graph) {
    ::onnx::ModelProto proto;
    ::onnx::OnnxParser parser(graph.c_str());
    const auto status = parser.Parse(*proto.mutable_graph());
    EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
    proto.set_ir_version(8);
    proto.add_opset_import()->set_version(17);
    std::string bytes;
    EXPECT_TRUE(proto.SerializeToString(&bytes));
    put(path(name), bytes);
    return path(name);
  }
  Agreement agree(const std::string& original, const std::string& other) {
    const std::string path = file("original.onnx", original);
    auto model = onnx::read_model(path);
    EXPECT_TRUE(model.ok());
    AgreementOptions options;
    options.random_outputs = random_outputs(*model);
    auto agreement = compare_files(path, file("other.onnx", other), trial_inputs(*model), options);
    if (agreement.ok()) return std::move(*agreement);
    ADD_FAILURE() << agreement.error().str();
    return {};
  }
};

TEST_F(AgreementTest, TheSameGraphIsIdentical) {
  const char* graph = "g (float[N, 4] x) => (float[N, 4] y) { y = Exp(x) }";
  const Agreement a = agree(graph, graph);
  EXPECT_TRUE(a.passed);
  EXPECT_TRUE(a.identical);
  EXPECT_EQ(a.runs.size(), 4U);
  EXPECT_EQ(a.outputs[0].judged, 4U);
  EXPECT_NE(a.runs[0].inputs[0].dims, a.runs[1].inputs[0].dims) << "another size";
}

TEST_F(AgreementTest, AnotherValueDiffersAndTheOutputIsNamed) {
  const Agreement a = agree("g (float[N, 4] x) => (float[N, 4] y) { y = Exp(x) }",
                            "g (float[N, 4] x) => (float[N, 4] y) { z = Exp(x) y = Relu(z) }");
  EXPECT_TRUE(a.passed) << "Relu of what is positive";
  const Agreement b = agree("g (float[N, 4] x) => (float[N, 4] y) { y = Tanh(x) }",
                            "g (float[N, 4] x) => (float[N, 4] y) { y = Sigmoid(x) }");
  EXPECT_FALSE(b.passed);
  EXPECT_THAT(b.reason, HasSubstr("output `y` differs by up to"));
}

TEST_F(AgreementTest, ADifferenceOnNegativeOrLargeValuesAloneIsFound) {
  const char* clip =
      "g (float[N, 4] x) => (float[N, 4] y) <float low = {-5000}, float high = {5000}> "
      "{ y = Clip(x, low, high) }";
  EXPECT_FALSE(agree(clip, "g (float[N, 4] x) => (float[N, 4] y) { y = Identity(x) }").passed);
  EXPECT_FALSE(agree("g (float[N, 4] x) => (float[N, 4] y) { y = Abs(x) }",
                     "g (float[N, 4] x) => (float[N, 4] y) { y = Identity(x) }")
                   .passed);
}

TEST_F(AgreementTest, ADifferenceInSizesOrNaNIsFound) {
  EXPECT_THAT(agree("g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }",
                    "g (float[N, 4] x) => (float[M, K] y) { y = Transpose(x) }")
                  .reason,
              HasSubstr("shape"));
  EXPECT_THAT(agree("g (float[N, 4] x) => (float[N, 4] y) { y = Sqrt(x) }",
                    "g (float[N, 4] x) => (float[N, 4] y) { a = Relu(x) y = Sqrt(a) }")
                  .reason,
              HasSubstr("where the original has NaN"));
}

TEST_F(AgreementTest, WhatIsInfiniteOrNaNInOneOfBothArrivesAsSuch) {
  const char* original = "g (float[N, 4] x) => (float[N, 4] y) { y = Abs(x) }";
  const Agreement infinite = agree(original,
                                   "g (float[N, 4] x) => (float[N, 4] y) <float none = {0}> "
                                   "{ a = Abs(x) y = Div(a, none) }");
  EXPECT_FALSE(infinite.passed);
  EXPECT_TRUE(std::isinf(infinite.outputs[0].max_abs));
  EXPECT_TRUE(std::isinf(infinite.outputs[0].max_rel));
  EXPECT_TRUE(std::isinf(infinite.runs[0].max_abs));
  const Agreement none =
      agree(original, "g (float[N, 4] x) => (float[N, 4] y) { a = Abs(x) b = Neg(a) y = Log(b) }");
  EXPECT_TRUE(std::isnan(none.outputs[0].max_abs));
}

// 1 + x - 1 loses what is smaller than the rounding of 1: there the original is noise itself.
TEST_F(AgreementTest, WhatRoundingDoesToTheOriginalIsNoDifference) {
  const char* noisy =
      "g (float[N, 4] x) => (float[N, 4] y) <float big = {10000000}> "
      "{ a = Add(x, big) y = Sub(a, big) }";
  const Agreement a = agree(noisy, noisy);
  EXPECT_TRUE(a.identical);
  const char* ties = "g (float[N, 4] x) => (int64[N, 1] y) { y = ArgMax<axis = 1>(x) }";
  const char* last =
      "g (float[N, 4] x) => (int64[N, 1] y) { y = ArgMax<axis = 1, select_last_index = 1>(x) }";
  const Agreement b = agree(ties, last);
  EXPECT_TRUE(b.passed) << b.reason;
  EXPECT_FALSE(b.identical);
  EXPECT_LT(b.outputs[0].judged, b.runs.size()) << "zeros are all ties";
}

TEST_F(AgreementTest, AFileThatDoesNotRunDiffers) {
  const Agreement a = agree("g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }",
                            "g (float[N, 4] x) => (float[N, 4] y) <int64[2] s = {7, 4}> "
                            "{ y = Reshape(x, s) }");
  EXPECT_FALSE(a.passed);
  EXPECT_THAT(a.reason, HasSubstr("Reshape"));
  EXPECT_THAT(agree("g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }",
                    "g (float[N, 4] x) => (float[N, 4] z) { z = Relu(x) }")
                  .reason,
              HasSubstr("other outputs"));
}

TEST_F(AgreementTest, RandomOutputsAreComparedInTypeOnly) {
  const char* graph =
      "g (float[N, 4] x) => (float[N, 4] y, float[N, 4] z) "
      "{ r = RandomNormalLike(x) a = Add(x, r) y = Relu(a) z = Relu(x) }";
  const Agreement a = agree(graph, graph);
  EXPECT_TRUE(a.passed) << a.reason;
  EXPECT_FALSE(a.outputs[0].identical);
  EXPECT_TRUE(a.outputs[1].identical);
}

TEST_F(AgreementTest, InputsThatTheOriginalRefusesAreReplaced) {
  const char* graph =
      "g (int64[N] i) => (float[N] y) <float[2] w = {1, 2}> { y = Gather<axis = 0>(w, i) }";
  const Agreement a = agree(graph, graph);
  EXPECT_TRUE(a.passed);
  EXPECT_GE(a.runs.size(), 3U);
}

// ONNX Runtime divides by the frame length of an STFT without a look at it.
TEST_F(AgreementTest, ACrashOfTheRuntimeIsSurvived) {
  const char* by_input =
      "g (float[1, 64, 1] x, int64 length) => (float[1, F, B, 2] y) <int64 step = {2}> "
      "{ y = STFT(x, step, , length) }";
  const Agreement a = agree(by_input, by_input);
  EXPECT_TRUE(a.passed) << a.reason;
  EXPECT_GE(a.runs.size(), 2U);
  EXPECT_LT(a.runs.size(), 5U) << "a length of 0 is left out";
  const Agreement b = agree(
      "g (float[1, 64, 1] x) => (float[1, F, B, 2] y) <int64 step = {2}, int64 length = {4}> "
      "{ y = STFT(x, step, , length) }",
      "g (float[1, 64, 1] x) => (float[1, F, B, 2] y) <int64 step = {2}, int64 length = {0}> "
      "{ y = STFT(x, step, , length) }");
  EXPECT_FALSE(b.passed);
  EXPECT_THAT(b.reason, HasSubstr("crashes"));
}

TEST(Trials, AreTheSameEveryTime) {
  const std::vector<TrialInput> inputs = {
      {"x", DType::kFloat, Shape{Expr::symbol("N"), Expr(3)}},
      {"mask", DType::kBool, Shape{Expr::symbol("N")}},
      {"ids", DType::kInt32, Shape{Expr::symbol("N") + Expr(1)}},
      {"words", DType::kString, Shape{Expr(2)}},
  };
  for (const Kind kind : {Kind::kRandom, Kind::kMixed, Kind::kZeros, Kind::kLarge}) {
    const Trial trial{kind, 1, 0, 5};
    auto a = make_inputs(inputs, trial), b = make_inputs(inputs, trial);
    ASSERT_TRUE(a.ok() && b.ok());
    for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(same_bytes((*a)[i], (*b)[i]));
    EXPECT_EQ((*a)[3].strings, (*b)[3].strings);
    EXPECT_EQ((*a)[0].dims[0] + 1, (*a)[2].dims[0]) << "one size for one symbol";
  }
}

TEST(Trials, SayWhatTheyCannotMake) {
  auto made = make_inputs({{"s", DType::kUndefined, std::nullopt}}, {});
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().str(), HasSubstr("input `s`"));
}

TEST_F(AgreementTest, ALoopWithoutAnEndIsNotWaitedFor) {
  const std::string original = file("loop.onnx", R"(
    g (float[1] x) => (float[1] y) <int64 m = {1000000000000}, bool go = {1}> {
      y = Loop<body = b (int64 i, bool c, float[1] v) => (bool d, float[1] w) {
        w = Sin(v) d = Identity(c) }>(m, go, x)
    })");
  auto model = onnx::read_model(original);
  ASSERT_TRUE(model.ok());
  AgreementOptions options;
  options.step_limit = 1;
  const auto agreement = compare_files(original, original, trial_inputs(*model), options);
  ASSERT_FALSE(agreement.ok());
  EXPECT_EQ(agreement.error().str(), "ONNX Runtime has not run the original after 1 s");
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_F(AgreementTest, WhatTakesMoreMemoryThanItMayIsNotCompared) {
  const std::string original = file("large.onnx", R"(
    g (float[1] x) => (float y) <int64[2] big = {40000, 40000}> {
      e = Expand(x, big) y = ReduceSum<keepdims = 0>(e)
    })");
  auto model = onnx::read_model(original);
  ASSERT_TRUE(model.ok());
  AgreementOptions options;
  options.sandbox = sandbox::at_most_more({}, uint64_t{1} << 30);
  const auto agreement = compare_files(original, original, trial_inputs(*model), options);
  ASSERT_FALSE(agreement.ok());
  EXPECT_THAT(agreement.error().str(), HasSubstr("the original runs on none of the inputs"));
}
#endif

TEST_F(AgreementTest, RandomNumbersAreFollowedWhateverTheOrderOfTheNodes) {
  onnx::Model model;
  onnx::Value* x = model.graph->add_input("x", DType::kFloat, Shape{1});
  onnx::Node* random = model.graph->add_node("RandomNormalLike", {x});
  onnx::Value* last = random->outputs[0];
  for (int i = 0; i < 50'000; ++i) {  // each before the one whose output it takes
    last = model.graph->add_node("Sin", {last}, {}, 1, model.graph->first())->outputs[0];
  }
  onnx::Value* calm = model.graph->add_node("Cos", {x})->outputs[0];
  model.graph->rename(last, "noise");
  model.graph->rename(calm, "calm");
  model.graph->add_output(last);
  model.graph->add_output(calm);
  EXPECT_THAT(random_outputs(model), ::testing::ElementsAre("noise"));
}

}  // namespace
}  // namespace onnxport::verify
