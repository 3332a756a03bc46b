// Control flow, random numbers and quantization.
#include <gtest/gtest.h>

#include "onnx/ops/infer_table_test.h"
#include "onnx/ops/op_def.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kControl[] = {
    {"if_keeps_the_sizes_that_both_branches_have", "bool c, float[N, 3] x, float[N, 4] z) => (y)",
     "y = If<then_branch = t () => (a) { a = Relu(x) }, else_branch = e () => (b) { b = Abs(z) }>(c)",
     "float32[N, ?]"},
    {"loop_stacks_what_its_body_gives", "int64 n, bool c, float[3] x) => (v, y)",
     "v, y = Loop<body = l (int64 i, bool k, float[3] a) => (k2, b, s) "
     "{ k2 = Identity(k) b = Relu(a) s = Identity(b) }>(n, c, x)",
     "float32[?, 3]"},
    {"scan_gives_types", "float[N, 4] x) => (y)",
     "y = Scan<body = s (float[4] a) => (b) { b = Cast<to = 7>(a) }, num_scan_inputs = 1>(x)",
     "int64"},
};
INFER_TABLE(InferControl, kControl);

constexpr InferCase kRandomNumbers[] = {
    {"random_normal", ") => (y)", "y = RandomNormal<shape = [2, 3], dtype = 11>()",
     "float64[2, 3]"},
    {"random_uniform_like", "float[N] x) => (y)", "y = RandomUniformLike(x)", "float32[N]"},
    {"bernoulli_of_another_type", "float[N] x) => (y)", "y = Bernoulli<dtype = 9>(x)", "bool[N]"},
    {"eye_like", "float[3, 4] x) => (y)", "y = EyeLike<dtype = 7>(x)", "int64[3, 4]"},
    {"dropout_mask", "float[N] x) => (v, y)", "v, y = Dropout(x)", "bool[N]"},
};
INFER_TABLE(InferRandom, kRandomNumbers);

constexpr InferCase kQuantization[] = {
    {"quantize", "float[N] x, float s, int8 z) => (y)", "y = QuantizeLinear(x, s, z)", "int8[N]"},
    {"quantize_without_a_zero_point", "float[N] x, float s) => (y)", "y = QuantizeLinear(x, s)",
     "uint8[N]"},
    {"dequantize", "int8[N] x, float s, int8 z) => (y)", "y = DequantizeLinear(x, s, z)",
     "float32[N]"},
    {"dequantize_to_the_type_of_the_scale", "int8[N] x, float16 s) => (y)",
     "y = DequantizeLinear(x, s)", "float16[N]", "", 19},
    {"dynamic_quantize_scale", "float[N] x) => (v, y, z)", "v, y, z = DynamicQuantizeLinear(x)",
     "float32[]"},
};
INFER_TABLE(InferQuantization, kQuantization);

TEST(IsRandom, DropoutIsWhereItMayBeTraining) {
  Graph g;
  Value* x = g.add_input("x", DType::kFloat, Shape{3});
  Value* asked = g.add_input("training", DType::kBool, Shape{});
  Value* off = g.add_initializer("off", Tensor::of<uint8_t>(DType::kBool, {}, {0}));
  Value* on = g.add_initializer("on", Tensor::of<uint8_t>(DType::kBool, {}, {1}));
  EXPECT_FALSE(is_random(*g.add_node("Dropout", {x})));
  EXPECT_FALSE(is_random(*g.add_node("Dropout", {x, nullptr, off})));
  EXPECT_TRUE(is_random(*g.add_node("Dropout", {x, nullptr, on})));
  EXPECT_TRUE(is_random(*g.add_node("Dropout", {x, nullptr, asked})));
  EXPECT_TRUE(is_random(*g.add_node("Dropout", {x}, {{"is_test", 0}})));  // before opset 7
  EXPECT_TRUE(is_random(*g.add_node("RandomNormalLike", {x})));
  EXPECT_FALSE(is_random(*g.add_node("RandomNormalLike", {x}, {}, 1, nullptr, "a.b")));
  EXPECT_FALSE(is_random(*g.add_node("Relu", {x})));
}

}  // namespace
}  // namespace onnxport::onnx::ops
