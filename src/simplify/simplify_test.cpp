// The simplifier as a table: a graph in ONNX's text form before, the operators that are left after.
#include "simplify/simplify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "onnx/infer.h"
#include "simplify/rule.h"
#include "simplify/table_test.h"

namespace onnxport::simplify {
namespace {

class Simplify : public GraphText, public ::testing::WithParamInterface<Pair> {};

TEST_P(Simplify, GivesTheOperatorsOfTheTable) {
  const onnx::Model model = expect_operators(GetParam());
  ASSERT_EQ(model.graph->outputs().size(), 1U);
  EXPECT_EQ(model.graph->outputs()[0]->name, "y");
}

TEST_P(Simplify, ChangesNothingTheSecondTime) { expect_settled(GetParam()); }

constexpr Pair kPairs[] = {
    {"pool_of_a_constant",
     "g (float[2, 3] x) => (float[2, 3] y) <float[2, 3, 1, 2] c = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, "
     "11, 12}, int64[2] s = {2, 3}> { p = GlobalMaxPool(c) r = Reshape(p, s) y = Add(x, r) }",
     "Add"},
    {"dead_node", "g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) z = Neg(x) }", "Relu"},
    {"duplicate_node",
     "g (float[N, 4] x) => (float[N, 4] y) { a = Relu(x) b = Relu(x) y = Add(a, b) }", "Relu Add"},
    {"constant_node",
     "g (float[N, 2] x) => (float[N, 2] y) <float[2] c = {1, 4}> { s = Sqrt(c) y = Mul(x, s) }",
     "Mul"},
    {"identity_inside", "g (float[N] x) => (float[N] y) { a = Identity(x) y = Relu(a) }", "Relu"},
    {"identity_that_names_an_output", "g (float[N] x) => (float[N] y) { y = Identity(x) }",
     "Identity"},
    {"dropout", "g (float[N] x) => (float[N] y) { a = Dropout(x) y = Relu(a) }", "Relu"},
    {"product_with_a_reciprocal",
     "g (float[N] x, float[N] z) => (float[N] y) { r = Reciprocal(z) y = Mul(x, r) }", "Div"},
    {"numbers_that_are_rounded_to_sizes_keep_their_last_digit",
     "g (float[N, 2] x) => (int64[1] y) <float c = {48}> "
     "{ s = Shape<end = 1>(x) f = Cast<to = 1>(s) r = Reciprocal(f) m = Mul(r, c) "
     "y = Cast<to = 7>(m) }",
     "Shape Cast Reciprocal Mul Cast"},
    {"same_type_cast", "g (float[N] x) => (float[N] y) { a = Cast<to = 1>(x) y = Relu(a) }",
     "Relu"},
    {"cast_there_and_back",
     "g (float[N] x) => (float[N] y) { a = Cast<to = 11>(x) b = Cast<to = 1>(a) y = Relu(b) }",
     "Relu"},
    {"lossy_casts_stay",
     "g (float[N] x) => (float[N] y) { a = Cast<to = 10>(x) b = Cast<to = 1>(a) y = Relu(b) }",
     "Cast Cast Relu"},
    {"transposes_that_cancel",
     "g (float[N, 3, 4] x) => (float[N, 3, 4] y) "
     "{ a = Transpose<perm = [0, 2, 1]>(x) b = Transpose<perm = [0, 2, 1]>(a) y = Relu(b) }",
     "Relu"},
    {"transposes_that_merge",
     "g (float[N, 3, 4] x) => (float[3, 4, N] y) "
     "{ a = Transpose<perm = [0, 2, 1]>(x) y = Transpose<perm = [2, 1, 0]>(a) }",
     "Transpose"},
    {"reshapes_that_merge",
     "g (float[N, 12] x) => (float[N, 4, 3] y) <int64[3] s = {0, 3, 4}, int64[3] t = {0, 4, 3}> "
     "{ a = Reshape(x, s) y = Reshape(a, t) }",
     "Reshape"},
    {"shape_chain_with_a_dynamic_batch",
     "g (float[N, 3, 4] x) => (float[N, 12] y) <int64 i = {0}, int64[1] m = {-1}, int64[1] z = {0}> "
     "{ s = Shape(x) n = Gather(s, i) u = Unsqueeze(n, z) t = Concat<axis = 0>(u, m) "
     "y = Reshape(x, t) }",
     "Reshape"},
    {"batch_normalization_into_conv",
     "g (float[N, 1, 4, 4] x) => (float[N, 2, 4, 4] y) <float[2, 1, 1, 1] w = {1, 2}, "
     "float[2] s = {2, 3}, float[2] b = {0, 1}, float[2] m = {0, 1}, float[2] v = {1, 4}> "
     "{ a = Conv(x, w) y = BatchNormalization(a, s, b, m, v) }",
     "Conv"},
    {"batch_normalization_of_a_shared_conv_stays",
     "g (float[N, 1, 4, 4] x) => (float[N, 2, 4, 4] y) <float[2, 1, 1, 1] w = {1, 2}, "
     "float[2] s = {2, 3}, float[2] b = {0, 1}, float[2] m = {0, 1}, float[2] v = {1, 4}> "
     "{ a = Conv(x, w) n = BatchNormalization(a, s, b, m, v) y = Add(a, n) }",
     "Conv BatchNormalization Add"},
    {"scale_into_conv",
     "g (float[N, 1, 4, 4] x) => (float[N, 2, 4, 4] y) <float[2, 1, 1, 1] w = {1, 2}, "
     "float[2, 1, 1] k = {2, 3}> { a = Conv(x, w) y = Mul(a, k) }",
     "Conv"},
    {"matmul_and_add_to_gemm",
     "g (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w = {1, 2, 3, 4}, float[2] b = {1, 2}> "
     "{ a = MatMul(x, w) y = Add(a, b) }",
     "Gemm"},
    {"zero_padding_into_conv",
     "g (float[N, 1, 4, 4] x) => (float[N, 1, 6, 6] y) <float[1, 1, 1, 1] w = {1}, "
     "int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}> { a = Pad(x, p) y = Conv(a, w) }",
     "Conv"},
    {"neutral_operands",
     "g (float[N, 2] x) => (float[N, 2] y) <float zero = {0}, float one = {1}> "
     "{ a = Add(x, zero) b = Mul(a, one) y = Relu(b) }",
     "Relu"},
    {"neutral_operand_that_broadcasts_stays",
     "g (float[2] x) => (float[3, 2] y) <float[3, 1] zero = {0, 0, 0}> { y = Add(x, zero) }",
     "Add"},
    {"whole_slice",
     "g (float[N, 4] x) => (float[N, 4] y) <int64[1] s = {0}, int64[1] e = {4}, int64[1] a = {1}> "
     "{ c = Slice(x, s, e, a) y = Relu(c) }",
     "Relu"},
    {"nested_concats",
     "g (float[N, 1] x) => (float[N, 3] y) { a = Concat<axis = 1>(x, x) y = Concat<axis = 1>(a, x) }",
     "Concat"},
    {"random_nodes_are_no_duplicates",
     "g (float[N, 4] x) => (float[N, 4] y) "
     "{ a = RandomNormalLike(x) b = RandomNormalLike(x) y = Sub(a, b) }",
     "RandomNormalLike RandomNormalLike Sub"},
};

INSTANTIATE_TEST_SUITE_P(Table, Simplify, ::testing::ValuesIn(kPairs),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(SimplifyRules, HaveNamesOfTheirOwn) {
  std::string last;
  for (const Rule* rule : all_rules()) {
    EXPECT_LT(last, rule->name);
    last = rule->name;
  }
  EXPECT_FALSE(last.empty());
}

class SimplifyOptions : public Simplify {};

TEST_F(SimplifyOptions, ExactLeavesRoundingRulesOut) {
  const char* graph =
      "g (float[N, 1, 4, 4] x) => (float[N, 1, 4, 4] y) <float[1, 1, 1, 1] w = {1}, "
      "float[1, 1, 1] k = {3}> { a = Conv(x, w) y = Mul(a, k) }";
  onnx::Model model = parse(graph);
  Options options;
  options.exact = true;
  ASSERT_TRUE(simplify(model, options).ok());
  EXPECT_EQ(operators(model), "Conv Mul");
}

TEST_F(SimplifyOptions, ASkippedRuleDoesNotFire) {
  onnx::Model model = parse("g (float[N] x) => (float[N] y) { a = Dropout(x) y = Relu(a) }");
  Options options;
  options.skip.insert("drop_inference_dropout");
  ASSERT_TRUE(simplify(model, options).ok());
  EXPECT_EQ(operators(model), "Dropout Relu");
}

TEST_F(SimplifyOptions, FoldingStopsWhereTheFileWouldGrow) {
  onnx::Model model;
  model.opset_imports[""] = 17;
  onnx::Graph& g = *model.graph;
  onnx::Value* x = g.add_input("x", DType::kFloat, Shape{1024, 1024});
  onnx::Value* c = g.add_initializer("c", Tensor::filled(DType::kFloat, {1024, 1}, 2));
  onnx::Value* s = g.add_initializer("s", Tensor::ints({1024, 1024}));
  onnx::Value* e = g.add_node("Expand", {c, s})->output();
  onnx::Value* y = g.add_node("MatMul", {x, e})->output();
  g.rename(y, "y");
  g.add_output(y);
  ASSERT_TRUE(onnx::infer(model).ok());
  Options options;
  options.max_growth = 1 << 16;
  ASSERT_TRUE(simplify(model, options).ok());
  EXPECT_EQ(operators(model), "Expand MatMul");
}

TEST_F(SimplifyOptions, EveryStepCanBeSkipped) {
  const char* graph =
      "g (float[N, 2] x) => (float[N, 2] y) <float[2] c = {1, 4}, float[2] d = {1, 4}> "
      "{ k = Constant<value = float {2}>() a = Sqrt(c) b = Add(x, d) e = Mul(x, d) f = Mul(x, d) "
      "g1 = Add(a, b) h = Add(e, f) i = Add(g1, h) j = Add(i, c) y = Mul(j, k) }";
  for (const Step& step : steps()) {
    onnx::Model model = parse(graph);
    Options options;
    options.skip.insert(step.name);
    auto summary = simplify(model, options);
    ASSERT_TRUE(summary.ok());
    EXPECT_EQ(summary->fired.count(step.name), 0U) << step.name;
  }
  onnx::Model model = parse(graph);
  auto summary = simplify(model);
  ASSERT_TRUE(summary.ok());
  for (const char* step : {"fold_constant", "lift_constant", "merge_duplicate_nodes",
                           "merge_duplicate_initializers"}) {
    EXPECT_EQ(summary->fired.count(step), 1U) << step;
  }
}

// What the runtime cannot compute stays, and is not asked for in every round; what it is computed
// from, and all else, is folded.
TEST_F(SimplifyOptions, AConstantThatFailsStaysAlone) {
  onnx::Model model = parse(
      "g (float[1, 2, 1, 1] x) => (float[1, 2, 1, 1] y) <float[1, 2, 1, 1] c = {1, 2}> "
      "{ a = LRN<size = 1>(c) b = Hardmax(a) d = LRN<size = 3>(b) e = LRN<size = 5>(c) "
      "f = Add(x, d) y = Mul(f, e) }");
  int calls = 0;
  Options options;
  options.evaluate = [&](const onnx::Model& part) -> Result<Computed> {
    ++calls;
    Computed results;
    const onnx::Node* failing = nullptr;
    for (const onnx::Node* node : part.graph->nodes()) {
      if (node->is("Hardmax")) failing = node;
    }
    for (const onnx::Node* node : part.graph->nodes()) {
      if (node->is("LRN") && (failing == nullptr || node->input(0) != failing->output())) {
        results.emplace(node->output(), Tensor::filled(DType::kFloat, {1, 2, 1, 1}, 0.5));
      }
    }
    return results;
  };
  ASSERT_TRUE(simplify(model, options).ok());
  EXPECT_EQ(operators(model), "Hardmax LRN Add Mul");
  EXPECT_EQ(calls, 2);  // once, and once for the graph as it will be read
}

// What onnx.checker finds behind such a pool is one more than what it gives, at this opset.
TEST_F(SimplifyOptions, SizesThatTheCheckerWouldContradictAreNotStated) {
  for (const int size : {3, 4}) {
    parse(
        fmt::format("g (float[1, 1, 6] x) => (float[1, 1, L] y) "
                    "<float[1, 1, {0}] p, float[1, 1, {0}] r> "
                    "{{ p = MaxPool<kernel_shape = [1], strides = [2], ceil_mode = 1>(x) "
                    "r = Relu(p) y = Neg(r) }}",
                    size));
    auto model = onnx::read_model(path("before.onnx"));
    ASSERT_TRUE(model.ok());
    ASSERT_TRUE(simplify(*model).ok());
    EXPECT_EQ(operators(*model), "MaxPool Relu Neg");
    EXPECT_EQ(model->graph->find("p")->shape.has_value(), size == 3);
    EXPECT_EQ(model->graph->find("r")->shape.has_value(), size == 3);
  }
}

TEST_F(SimplifyOptions, TheTraceNamesEveryApplicationInOrder) {
  onnx::Model model = parse(
      "g (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w = {1, 2, 3, 4}, float[2] b = {1, 2}> "
      "{ n = Dropout(x) a = MatMul(n, w) y = Add(a, b) }");
  std::vector<std::string> lines;
  Options options;
  options.trace = [&](const Application& a) {
    lines.push_back(a.rule + " " + a.node + " " + std::to_string(a.removed) + " " +
                    std::to_string(a.made));
  };
  auto summary = simplify(model, options);
  ASSERT_TRUE(summary.ok());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], "drop_inference_dropout n 1 0");
  EXPECT_TRUE(lines[1].ends_with(" 2 1")) << lines[1];
}

TEST_F(SimplifyOptions, AfterTheLastApplicationAllowedNothingChanges) {
  const char* graph =
      "g (float[N] x) => (float[N] y) { a = Dropout(x) b = Dropout(a) c = Dropout(b) y = Relu(c) }";
  for (size_t most : {0, 1, 2, 3}) {
    onnx::Model model = parse(graph);
    Options options;
    options.max_applications = most;
    auto summary = simplify(model, options);
    ASSERT_TRUE(summary.ok());
    EXPECT_EQ(summary->nodes_after, 4 - most);
  }
}

class Budgets : public GraphText {};

// Names that are made of names: 100,000 such nodes took 12 GB.
TEST_F(Budgets, NewNamesDoNotGrowWithTheChain) {
  std::string text = "g (float[N, 4] x) => (float[P, Q] y) <int64[2] c = {1, 0}> { s0 = Shape(x) ";
  constexpr int kNodes = 600;
  for (int i = 0; i < kNodes; ++i) text += fmt::format("s{} = Add(s{}, c) ", i + 1, i);
  onnx::Model model = parse(text + fmt::format("y = Expand(x, s{}) }}", kNodes));
  ASSERT_TRUE(simplify(model).ok());
  // Those that are near enough to the size that their last digit counts are left as they are.
  EXPECT_LT(model.graph->node_count(), 70U);
  for (const onnx::Value* value : model.graph->values()) EXPECT_LT(value->name.size(), 500U);
}

TEST_F(Budgets, ALongNameIsNotRepeatedInFull) {
  const std::string long_name(100'000, 'n');
  onnx::Model model = parse(
      "g (float[N, 4] x) => (float[N, 4] y) <float[4] c = {1, 2, 3, 4}, float[4] d = {1, 2, 3, 4}> "
      "{ a = Add(x, c) y = Add(a, d) }");
  model.graph->rename(model.graph->find("c"), long_name);
  ASSERT_TRUE(simplify(model).ok());
  EXPECT_EQ(operators(model), "Add");
  for (const onnx::Value* value : model.graph->values()) EXPECT_LT(value->name.size(), 500U);
}

TEST_F(Budgets, WhatWouldTakeMoreMemoryIsNotFolded) {
  const std::string text =
      "g (float[N, 1000] x) => (float[N, 1000] y) <int64[1] s = {1000}, float[1] c = {2}> "
      "{ a = Expand(c, s) b = Mul(x, a) d = Expand(c, s) e = Sin(d) y = Add(b, e) }";
  onnx::Model model = parse(text);
  Options options;
  options.memory = 100;
  const auto summary = simplify(model, options);
  ASSERT_TRUE(summary.ok());
  EXPECT_THAT(operators(model), ::testing::HasSubstr("Expand"));
  ASSERT_EQ(summary->notes.size(), 1U);
  EXPECT_THAT(summary->notes[0], ::testing::HasSubstr("(--memory)"));
  options.memory = 1 << 20;
  model = parse(text);
  const auto folded = simplify(model, options);
  ASSERT_TRUE(folded.ok());
  EXPECT_THAT(operators(model), ::testing::Not(::testing::HasSubstr("Expand")));
  EXPECT_TRUE(folded->notes.empty());
}

// A position of 3,000 axes for each of 100,000 elements.
TEST_F(Budgets, AxesCountAsWork) {
  constexpr size_t kAxes = 3000;
  std::vector<int64_t> dims(kAxes, 1), repeats(kAxes, 1);
  dims.back() = 1000;
  repeats.back() = 100;
  onnx::Model model;
  model.opset_imports[""] = 17;
  onnx::Graph& g = *model.graph;
  onnx::Value* x = g.add_input("x", DType::kFloat, Shape{1});
  onnx::Value* c = g.add_initializer("c", Tensor::filled(DType::kFloat, dims, 1));
  onnx::Value* r = g.add_initializer("r", Tensor::ints(repeats));
  onnx::Value* tile = g.add_node("Tile", {c, r})->outputs[0];
  onnx::Value* sum = g.add_node("ReduceSum", {tile}, {{"keepdims", 0}})->outputs[0];
  g.add_output(g.add_node("Add", {x, sum})->outputs[0]);
  ASSERT_TRUE(simplify(model).ok());
  EXPECT_EQ(operators(model), "Tile ReduceSum Add");
}

// Constants that would be large, or of a size that only the data say, are not given to the runtime.
TEST_F(Budgets, ConstantsAreCountedBeforeTheRuntimeComputesThem) {
  const std::string chain_of_concats = [] {
    std::string text = "z0 = NonZero(c) ";
    for (int i = 0; i < 40; ++i) {
      text += fmt::format("z{} = Concat<axis = 1>(z{}, z{}) ", i + 1, i, i);
    }
    return text + "f = Cast<to = 1>(z40) r = ReduceMax<keepdims = 0>(f) ";
  }();
  for (const std::string& large :
       {std::string("e = Expand(c, big) r = ReduceMax<keepdims = 0>(e) "),
        std::string("e = ConstantOfShape(big) z = NonZero(e) f = Cast<to = 1>(z) "
                    "r = ReduceMax<keepdims = 0>(f) "),
        chain_of_concats}) {
    onnx::Model model = parse(
        "g (float[N] x) => (float[N] y) <float[1] c = {1}, int64[2] big = {100000, 100000}> { " +
        large + "y = Add(x, r) }");
    Options options;
    size_t given = 0;
    options.evaluate = [&](const onnx::Model& constants) -> Result<Computed> {
      given = std::max(given, constants.graph->node_count());
      return Computed{};
    };
    ASSERT_TRUE(simplify(model, options).ok());
    EXPECT_THAT(operators(model), ::testing::HasSubstr("ReduceMax")) << large;
    EXPECT_LT(given, 25U) << "256 MB of doubled coordinates, and not 2^40";
  }
}

}  // namespace
}  // namespace onnxport::simplify
