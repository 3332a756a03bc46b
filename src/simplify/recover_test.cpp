// Rules that put operators together again or move constants and reshapes over others, as a table.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "onnx/graph.h"
#include "simplify/simplify.h"
#include "simplify/table_test.h"

namespace onnxport::simplify {
namespace {

class Recover : public GraphText, public ::testing::WithParamInterface<Pair> {};

TEST_P(Recover, GivesTheOperatorsOfTheTable) { expect_operators(GetParam()); }

TEST_P(Recover, ChangesNothingTheSecondTime) { expect_settled(GetParam()); }

constexpr const char* kGelu =
    "g (float[N, 4] x) => (float[N, 4] y) <float r = {1.4142135}, float one = {1}, float h = {0.5}> "
    "{ a = Div(x, r) e = Erf(a) p = Add(e, one) q = Mul(x, p) y = Mul(q, h) }";
constexpr const char* kLayerNorm =
    "g (float[N, 3, 4] x) => (float[N, 3, 4] y) <float two = {2}, float eps = {0.00001}, "
    "float[4] s = {1, 2, 3, 4}, float[4] b = {1, 2, 3, 4}> "
    "{ m = ReduceMean<axes = [-1]>(x) d = Sub(x, m) q = Pow(d, two) v = ReduceMean<axes = [-1]>(q) "
    "e = Add(v, eps) r = Sqrt(e) n = Div(d, r) k = Mul(n, s) y = Add(k, b) }";

constexpr Pair kPairs[] = {
    {"gelu", kGelu, "Gelu", 20},
    {"gelu_before_opset_20", kGelu, "Div Erf Add Mul Mul", 17},
    {"gelu_of_another_slope_stays",
     "g (float[N, 4] x) => (float[N, 4] y) <float r = {1.5}, float one = {1}, float h = {0.5}> "
     "{ a = Div(x, r) e = Erf(a) p = Add(e, one) q = Mul(x, p) y = Mul(q, h) }",
     "Div Erf Add Mul Mul", 20},
    {"gelu_by_tanh",
     "g (float[N, 4] x) => (float[N, 4] y) <float c = {0.044715}, float k = {0.7978845608}, "
     "float one = {1}, float h = {0.5}, float three = {3}> "
     "{ p = Pow(x, three) q = Mul(p, c) s = Add(x, q) t = Mul(s, k) u = Tanh(t) v = Add(u, one) "
     "w = Mul(x, h) y = Mul(w, v) }",
     "Gelu", 20},
    {"hard_swish",
     "g (float[N, 4] x) => (float[N, 4] y) <float three = {3}, float zero = {0}, float six = {6}> "
     "{ a = Add(x, three) c = Clip(a, zero, six) p = Mul(x, c) y = Div(p, six) }",
     "HardSwish"},
    {"hard_swish_from_hard_sigmoid",
     "g (float[N, 4] x) => (float[N, 4] y) "
     "{ h = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x) y = Mul(x, h) }",
     "HardSwish"},
    {"hard_sigmoid_of_something_else_stays",
     "g (float[N, 4] x, float[N, 4] z) => (float[N, 4] y) "
     "{ h = HardSigmoid<alpha = 0.16666667, beta = 0.5>(z) y = Mul(x, h) }",
     "HardSigmoid Mul"},
    {"mish", "g (float[N, 4] x) => (float[N, 4] y) { s = Softplus(x) t = Tanh(s) y = Mul(x, t) }",
     "Mish", 18},
    {"relu6",
     "g (float[N, 4] x) => (float[N, 4] y) <float six = {6}> { r = Relu(x) y = Min(r, six) }",
     "Clip"},
    {"intervals_that_do_not_meet_stay",
     "g (float[N, 4] x) => (float[N, 4] y) <float m = {-1}> { r = Relu(x) y = Min(r, m) }",
     "Relu Min"},
    {"layer_normalization", kLayerNorm, "LayerNormalization", 17},
    {"layer_normalization_before_opset_17", kLayerNorm,
     "ReduceMean Sub Pow ReduceMean Add Sqrt Div Mul Add", 16},
    {"normalization_over_another_axis_stays",
     "g (float[N, 3, 4] x) => (float[N, 3, 4] y) <float two = {2}, float eps = {0.00001}, "
     "float[4] s = {1, 2, 3, 4}> "
     "{ m = ReduceMean<axes = [1]>(x) d = Sub(x, m) q = Pow(d, two) v = ReduceMean<axes = [1]>(q) "
     "e = Add(v, eps) r = Sqrt(e) n = Div(d, r) y = Mul(n, s) }",
     "ReduceMean Sub Pow ReduceMean Add Sqrt Div Mul"},
    {"instance_normalization",
     "g (float[N, 2, 4, 4] x) => (float[N, 2, 4, 4] y) <float eps = {0.00001}, "
     "float[2, 1, 1] s = {1, 2}, float[2, 1, 1] b = {1, 2}> "
     "{ m = ReduceMean<axes = [2, 3]>(x) d = Sub(x, m) q = Mul(d, d) "
     "v = ReduceMean<axes = [2, 3]>(q) e = Add(v, eps) r = Sqrt(e) n = Div(d, r) k = Mul(n, s) "
     "y = Add(k, b) }",
     "InstanceNormalization"},
    {"softmax_spelt_out",
     "g (float[N, 4] x) => (float[N, 4] y) <int64[1] a = {-1}> "
     "{ m = ReduceMax<axes = [-1]>(x) d = Sub(x, m) e = Exp(d) s = ReduceSum(e, a) y = Div(e, s) }",
     "Softmax"},
    {"l2_norm",
     "g (float[N, 4] x) => (float[N, 1] y) <int64[1] a = {-1}> "
     "{ q = Mul(x, x) s = ReduceSum(q, a) y = Sqrt(s) }",
     "ReduceL2"},
    {"attention",
     "g (float[N, 2, 5, 4] q, float[N, 2, 6, 4] k, float[N, 2, 6, 4] v, float[5, 6] m) => "
     "(float[N, 2, 5, 4] y) <float s = {2}> { t = Transpose<perm = [0, 1, 3, 2]>(k) "
     "p = MatMul(q, t) d = Div(p, s) a = Add(d, m) w = Softmax<axis = -1>(a) y = MatMul(w, v) }",
     "Attention", 23},
    {"rms_normalization",
     "g (float[N, 4] x) => (float[N, 4] y) <float e = {1e-6}, float[4] g = {1, 2, 3, 4}, "
     "int64[1] a = {-1}> { q = Mul(x, x) m = ReduceMean(q, a) v = Add(m, e) r = Sqrt(v) "
     "n = Div(x, r) y = Mul(n, g) }",
     "RMSNormalization", 23},
    {"rms_normalization_before_opset_23",
     "g (float[N, 4] x) => (float[N, 4] y) <float e = {1e-6}, float[4] g = {1, 2, 3, 4}, "
     "int64[1] a = {-1}> { q = Mul(x, x) m = ReduceMean(q, a) v = Add(m, e) r = Sqrt(v) "
     "n = Div(x, r) y = Mul(n, g) }",
     "Mul ReduceMean Add Sqrt Div Mul", 22},
    {"group_normalization",
     "g (float[N, 4, 3] x) => (float[N, 4, 3] y) <float[2] one = {1, 1}, float[2] zero = {0, 0}, "
     "float[4, 1] g = {1, 2, 3, 4}, float[4, 1] b = {4, 3, 2, 1}, int64[3] in = {0, 2, -1}, "
     "int64[3] out = {0, 4, 3}> { r = Reshape(x, in) i = InstanceNormalization(r, one, zero) "
     "k = Reshape(i, out) s = Mul(k, g) y = Add(s, b) }",
     "GroupNormalization", 21},
    {"swish", "g (float[N, 4] x) => (float[N, 4] y) { s = Sigmoid(x) y = Mul(x, s) }", "Swish", 24},
    {"swish_of_another_slope",
     "g (float[N, 4] x) => (float[N, 4] y) <float a = {1.5}> { p = Mul(x, a) s = Sigmoid(p) "
     "y = Mul(x, s) }",
     "Swish", 24},
    {"swish_before_opset_24",
     "g (float[N, 4] x) => (float[N, 4] y) { s = Sigmoid(x) y = Mul(x, s) }", "Sigmoid Mul", 23},
    {"constants_that_would_grow_together_stay",
     "g (float[N, 3, 4] x) => (float[N, 3, 4] y) <float[4] a = {1, 2, 3, 4}, "
     "float[3, 1] b = {5, 6, 7}> { d = Div(x, a) y = Mul(d, b) }",
     "Div Mul"},
    {"attention_with_shared_heads_stays",
     "g (float[N, 2, 5, 4] q, float[N, 1, 6, 4] k, float[N, 1, 6, 4] v) => (float[N, 2, 5, 4] y) "
     "{ t = Transpose<perm = [0, 1, 3, 2]>(k) p = MatMul(q, t) w = Softmax<axis = -1>(p) "
     "y = MatMul(w, v) }",
     "Transpose MatMul Softmax MatMul", 23},
    {"scale_into_the_next_weight",
     "g (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w = {1, 2, 3, 4}, float k = {3}> "
     "{ r = Relu(x) s = Mul(r, k) y = MatMul(s, w) }",
     "Relu MatMul"},
    {"scale_in_a_product_into_the_next_weight",
     "g (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w = {1, 2, 3, 4}, float k = {3}> "
     "{ r = Relu(x) t = Tanh(x) s = Mul(r, k) p = Mul(s, t) y = MatMul(p, w) }",
     "Relu Tanh Mul MatMul"},
    {"scale_before_a_shared_weight_stays",
     "g (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w = {1, 2, 3, 4}, float k = {3}> "
     "{ r = Relu(x) s = Mul(r, k) a = MatMul(s, w) b = MatMul(r, w) y = Sub(a, b) }",
     "Relu Mul MatMul MatMul Sub"},
    {"scale_into_the_weight_before_a_transpose",
     "g (float[N, 3, 2] x) => (float[N, 2, 3] y) <float[2, 2] w = {1, 2, 3, 4}, "
     "float[2] b = {1, 2}, float[2, 1] k = {3, 5}> "
     "{ p = MatMul(x, w) s = Add(p, b) t = Transpose<perm = [0, 2, 1]>(s) y = Mul(t, k) }",
     "MatMul Add Transpose"},
    {"scale_of_attention_into_the_query",
     "g (float[N, 3, 2] x) => (float[N, 3, 3] y) <float[2, 2] w = {1, 2, 3, 4}, "
     "float[2, 2] u = {2, 1, 1, 2}, float k = {8}> "
     "{ q = MatMul(x, w) v = MatMul(x, u) t = Transpose<perm = [0, 2, 1]>(v) p = MatMul(q, t) "
     "y = Div(p, k) }",
     "MatMul MatMul Transpose MatMul"},
    {"factor_and_divisor",
     "g (float[N] x) => (float[N] y) <float a = {3}, float b = {2}> { d = Div(x, a) y = Mul(d, b) }",
     "Mul"},
    {"integer_division_is_no_factor",
     "g (int64[N] x) => (int64[N] y) <int64 a = {3}, int64 b = {2}> { d = Div(x, a) y = Mul(d, b) }",
     "Div Mul"},
    {"batch_normalization_into_the_next_conv",
     "g (float[N, 2, 4, 4] x) => (float[N, 1, 4, 4] y) <float[1, 2, 1, 1] w = {1, 2}, "
     "float[2] s = {2, 3}, float[2] b = {0, 1}, float[2] m = {0, 1}, float[2] v = {1, 4}> "
     "{ a = BatchNormalization(x, s, b, m, v) y = Conv(a, w) }",
     "Conv"},
    {"batch_normalization_before_a_padded_conv_stays",
     "g (float[N, 2, 4, 4] x) => (float[N, 1, 6, 6] y) <float[1, 2, 1, 1] w = {1, 2}, "
     "float[2] s = {2, 3}, float[2] b = {0, 1}, float[2] m = {0, 1}, float[2] v = {1, 4}> "
     "{ a = BatchNormalization(x, s, b, m, v) y = Conv<pads = [1, 1, 1, 1]>(a, w) }",
     "BatchNormalization Conv"},
    {"reshapes_around_rows",
     "g (float[N, 3, 2] x) => (float[N, 3, 4] y) <float[2, 4] w = {1, 2, 3, 4, 5, 6, 7, 8}, "
     "float[4] b = {1, 2, 3, 4}, int64[2] s = {-1, 2}, int64[3] t = {-1, 3, 4}> "
     "{ r = Reshape(x, s) p = MatMul(r, w) q = Relu(p) a = Sub(q, b) y = Reshape(a, t) }",
     "MatMul Relu Sub"},
    {"reshape_that_cuts_rows_stays",
     "g (float[N, 3, 2] x) => (float[N, 12] y) <float[2, 4] w = {1, 2, 3, 4, 5, 6, 7, 8}, "
     "int64[2] s = {-1, 2}, int64[2] t = {-1, 12}> "
     "{ r = Reshape(x, s) p = MatMul(r, w) y = Reshape(p, t) }",
     "Reshape MatMul Reshape"},
    {"pool_and_norm_without_their_ones",
     "g (float[N, 4, 5, 5] x) => (float[N, 4] y) <float[4] s = {1, 2, 3, 4}, "
     "float[4] b = {1, 2, 3, 4}> "
     "{ p = GlobalAveragePool(x) t = Transpose<perm = [0, 2, 3, 1]>(p) "
     "n = LayerNormalization(t, s, b) u = Transpose<perm = [0, 3, 1, 2]>(n) y = Flatten(u) }",
     "ReduceMean LayerNormalization"},
    {"slices_that_are_a_split",
     "g (float[N, 4] x) => (float[N, 2] y) <int64[1] z = {0}, int64[1] h = {2}, "
     "int64[1] e = {9223372036854775807}, int64[1] a = {1}> "
     "{ p = Slice(x, z, h, a) q = Slice(x, h, e, a) y = Mul(p, q) }",
     "Split Mul"},
    {"slices_that_overlap_stay",
     "g (float[N, 4] x) => (float[N, 3] y) <int64[1] z = {0}, int64[1] o = {1}, int64[1] h = {3}, "
     "int64[1] e = {4}, int64[1] a = {1}> "
     "{ p = Slice(x, z, h, a) q = Slice(x, o, e, a) y = Mul(p, q) }",
     "Slice Slice Mul"},
    {"a_scalar_between_reshapes",
     "g (float x) => (float y) <int64[1] o = {1}, float[1] c = {2}, int64[1] z = {0}> "
     "{ r = Reshape(x, o) a = Add(r, c) y = Squeeze(a, z) }",
     "Reshape Add Squeeze"},
    {"split_and_squeeze",
     "g (float[N, 2, 4] x) => (float[N, 4] y) <int64[2] s = {1, 1}, int64[1] a = {1}> "
     "{ p, q = Split<axis = 1>(x, s) u = Squeeze(p, a) v = Squeeze(q, a) y = Mul(u, v) }",
     "Gather Gather Mul"},
    {"pixels_of_a_block_in_another_order",
     "g (float[N, 1, 4, 4] x) => (float[N, 1, 2, 2] y) <float[1, 4, 1, 1] w = {1, 2, 3, 4}, "
     "int64[2] oo = {0, 0}, int64[2] oi = {0, 1}, int64[2] io = {1, 0}, int64[2] ii = {1, 1}, "
     "int64[2] e = {4, 4}, int64[2] a = {2, 3}, int64[2] t = {2, 2}> "
     "{ p = Slice(x, oo, e, a, t) q = Slice(x, io, e, a, t) r = Slice(x, oi, e, a, t) "
     "s = Slice(x, ii, e, a, t) c = Concat<axis = 1>(p, q, r, s) y = Conv(c, w) }",
     "SpaceToDepth Conv"},
    {"scalar_that_meets_a_row_stays",
     "g (int64 x) => (int64 y) <int64[1] c = {2}, int64[1] a = {0}> "
     "{ u = Unsqueeze(x, a) t = Add(u, c) y = Squeeze(t, a) }",
     "Unsqueeze Add Squeeze"},
    {"shape_of_one_axis",
     "g (float[N, M] x, float[1, 1] z) => (float[N, A] y) <int64 i = {0}, int64[1] a = {0}, "
     "int64[1] o = {3}> { s = Shape(x) n = Gather(s, i) u = Unsqueeze(n, a) "
     "t = Concat<axis = 0>(u, o) y = Expand(z, t) }",
     "Shape Concat Expand"},
    {"sizes_that_are_the_same",
     "g (float[N, 3] x, float[1] z) => (float[N] y) <int64[1] i = {0}> "
     "{ s = Shape(x) n = Gather(s, i) e = Expand(z, n) r = Relu(x) t = Shape(r) k = Gather(t, i) "
     "f = Expand(z, k) y = Sub(e, f) }",
     "Shape Expand Sub"},
};

INSTANTIATE_TEST_SUITE_P(Table, Recover, ::testing::ValuesIn(kPairs),
                         [](const auto& info) { return std::string(info.param.name); });

class Names : public GraphText {};

// ONNX Runtime refuses a graph with two nodes of one name.
TEST_F(Names, NoTwoNodesHaveOne) {
  onnx::Model model = parse(
      "g (float[N, 3, 2] x) => (float[N, 3, 2] y) <float[2, 2] w = {1, 2, 3, 4}> "
      "{ a = Relu(x) b = MatMul(a, w) c = MatMul(b, w) y = Neg(c) }");
  for (onnx::Node* node : model.graph->nodes()) node->name = "same";
  ASSERT_TRUE(simplify(model).ok());
  std::set<std::string> names;
  for (const onnx::Node* node : model.graph->nodes()) names.insert(node->name);
  EXPECT_EQ(names.size(), model.graph->node_count());
}

class Growth : public GraphText {};

// Three layers that each take another sum from a constant: every one costs 4 KB, or nothing.
TEST_F(Growth, TheBudgetIsForAllFoldsTogetherAndTheCheapestComeFirst) {
  const char* graph =
      "g (float[1024] x) => (float[1024] y) <float[1] c = {2}, int64[1] s = {1024}, "
      "int64[1] t = {512}> "
      "{ a = Expand(c, s) p = Pow(x, a) b = Neg(a) q = Pow(p, b) "
      "e = Expand(c, t) f = Concat<axis = 0>(e, e) y = Mul(q, f) }";
  size_t last = SIZE_MAX;
  for (int64_t budget : {0, 3000, 5000, 20000}) {
    onnx::Model model = parse(graph);
    Options options;
    options.max_total_growth = budget;
    ASSERT_TRUE(simplify(model, options).ok());
    int64_t bytes = 0;
    for (const onnx::Value* v : model.graph->initializers()) {
      bytes += static_cast<int64_t>(v->initializer->nbytes());
    }
    EXPECT_LE(bytes, 20 + budget + 3 * 128) << budget;  // what the nodes take may be used too
    EXPECT_LE(model.graph->node_count(), last) << budget;
    last = model.graph->node_count();
  }
  EXPECT_EQ(last, 3U);
}

// What a first run refuses, a second run refuses as well: it looks at the same graph.
TEST_F(Growth, AShareLeavesNothingForASecondRun) {
  std::string body = "g (float[1024] x) => (float[1024] y) <float[1] c = {2}";
  std::string nodes;
  std::string last = "x";
  for (int i = 1; i <= 12; ++i) {
    // Of 128, 256, ... 1536 bytes more than the node takes, next to 12 KB of weights.
    body += fmt::format(", int64[1] s{} = {{{}}}", i, 32 + 32 * i);
    nodes += fmt::format("a{0} = Expand(c, s{0}) q{0} = ReduceSum({1}) p{0} = Pow(q{0}, a{0}) ", i,
                         last);
    last = fmt::format("p{}", i);
  }
  body += "> { " + nodes + "z = ReduceSum(" + last + ") y = Add(x, z) }";
  std::vector<size_t> counts;
  for (double share : {0.0, 0.1, 0.3, 1.0}) {
    onnx::Model model = parse(body);
    model.graph->add_initializer("weights", Tensor::filled(DType::kFloat, {3000}, 1));
    onnx::Value* weights = model.graph->find("weights");
    model.graph->add_output(weights);
    Options options;
    options.max_share = share;
    ASSERT_TRUE(simplify(model, options).ok());
    counts.push_back(model.graph->node_count());
    const std::string once = dump(model);
    ASSERT_TRUE(simplify(model, options).ok());
    EXPECT_EQ(dump(model), once) << share;
  }
  EXPECT_TRUE(std::is_sorted(counts.rbegin(), counts.rend()));
  EXPECT_LT(counts[1], counts[0]);
  EXPECT_LT(counts[2], counts[1]);
  EXPECT_LT(counts[3], counts[2]);
}

}  // namespace
}  // namespace onnxport::simplify
