// Shape inference as a table: nodes in ONNX's text form, and what is known of y.
#include "onnx/infer.h"

#include <gtest/gtest.h>
#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>

#include "onnx/file_fixture.h"
#include "onnx/read.h"

namespace onnxport::onnx {
namespace {

struct Case {
  const char* name;
  const char* inputs;     // and initializers
  const char* nodes;      // make y
  const char* expected;   // type and sizes; ? is unknown
  const char* ints = "";  // content, where it is known
  int opset = 17;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class InferTable : public FileTest, public ::testing::WithParamInterface<Case> {
 protected:
  Result<Model> read(const Case& c) {
    const std::string text = std::string("g (") + c.inputs + " { " + c.nodes + " }";
    ::onnx::ModelProto proto;
    ::onnx::OnnxParser parser(text.c_str());
    const auto status = parser.Parse(*proto.mutable_graph());
    EXPECT_TRUE(status.IsOK()) << text << ": " << status.ErrorMessage();
    proto.set_ir_version(8);
    proto.add_opset_import()->set_version(c.opset);
    put(path("m.onnx"), proto.SerializeAsString());
    return read_model(path("m.onnx"));
  }
};

std::string size_text(const Expr& e) { return is_unknown_dim(e) ? "?" : e.str(); }

std::string type_text(const Value& v) {
  std::string text = name(v.dtype);
  if (!v.shape) return text;
  text += '[';
  for (size_t i = 0; i < v.shape->size(); ++i)
    text += (i > 0 ? ", " : "") + size_text((*v.shape)[i]);
  return text + ']';
}

std::string ints_text(const Value& v) {
  if (!v.ints) return "";
  std::string text;
  for (const Expr& e : *v.ints) text += (text.empty() ? "" : ", ") + size_text(e);
  return text;
}

TEST_P(InferTable, KnowsTheTypeOfY) {
  auto model = read(GetParam());
  ASSERT_TRUE(model.ok()) << model.error().str();
  auto status = infer(*model);
  ASSERT_TRUE(status.ok()) << status.error().str();
  const Value* y = model->graph->find("y");
  ASSERT_NE(y, nullptr);
  EXPECT_EQ(type_text(*y), GetParam().expected);
  EXPECT_EQ(ints_text(*y), GetParam().ints);
}

constexpr Case kElementwise[] = {
    {"relu", "float[N, 4] x) => (y)", "y = Relu(x)", "float32[N, 4]"},
    {"add", "float[N, 4] x, float[4] b) => (y)", "y = Add(x, b)", "float32[N, 4]"},
    {"add_of_ranks", "float[4] x, float[N, 1] b) => (y)", "y = Add(x, b)", "float32[N, 4]"},
    {"add_of_unknown", "float[N] x, float[M] b) => (y)", "y = Add(x, b)", "float32[?]"},
    {"greater", "float[N] x, float[1] b) => (y)", "y = Greater(x, b)", "bool[N]"},
    {"where", "bool[N] c, double a, double[3, 1] b) => (y)", "y = Where(c, a, b)", "float64[3, N]"},
    {"cast", "float[N] x) => (y)", "y = Cast<to = 7>(x)", "int64[N]"},
    {"quantize", "float[N] x, float s, int8 z) => (y)", "y = QuantizeLinear(x, s, z)", "int8[N]"},
    {"dequantize", "int8[N] x, float s, int8 z) => (y)", "y = DequantizeLinear(x, s, z)",
     "float32[N]"},
};

constexpr Case kShape[] = {
    {"reshape", "float[N, 12] x) => (y) <int64[3] s = {0, 3, -1}>", "y = Reshape(x, s)",
     "float32[N, 3, 4]"},
    {"reshape_open", "float[N, 12] x) => (y) <int64[2] s = {-1, 6}>", "y = Reshape(x, s)",
     "float32[2*N, 6]"},
    {"reshape_of_rank", "float[N, 12] x, int64[3] s) => (y)", "y = Reshape(x, s)",
     "float32[?, ?, ?]"},
    {"transpose", "float[N, 3, 4] x) => (y)", "y = Transpose<perm = [2, 0, 1]>(x)",
     "float32[4, N, 3]"},
    {"transpose_default", "float[N, 3] x) => (y)", "y = Transpose(x)", "float32[3, N]"},
    {"squeeze", "float[N, 1, 4, 1] x) => (y) <int64[1] a = {-1}>", "y = Squeeze(x, a)",
     "float32[N, 1, 4]"},
    {"squeeze_11", "float[1, N] x) => (y)", "y = Squeeze<axes = [0]>(x)", "float32[N]", "", 11},
    {"squeeze_of_unknown_rank", "float[1, N] x) => (y)", "y = Squeeze(x)", "float32"},
    {"unsqueeze", "float[N] x) => (y) <int64[2] a = {0, -1}>", "y = Unsqueeze(x, a)",
     "float32[1, N, 1]"},
    {"flatten", "float[N, 3, 4] x) => (y)", "y = Flatten<axis = 2>(x)", "float32[3*N, 4]"},
    {"concat", "float[N, 3] a, float[N, M] b) => (y)", "y = Concat<axis = 1>(a, b)",
     "float32[N, M + 3]"},
    {"slice",
     "float[N, 9] x) => (y) <int64[1] s = {1}, int64[1] e = {-1}, int64[1] a = {1}, int64[1] t = {3}>",
     "y = Slice(x, s, e, a, t)", "float32[N, 3]"},
    {"slice_of_a_symbol",
     "float[N, 9] x) => (y) <int64[1] s = {1}, int64[1] e = {9223372036854775807}, int64[1] a = {0}>",
     "y = Slice(x, s, e, a)", "float32[N - 1, 9]"},
    {"slice_9", "float[N, 9] x) => (y)", "y = Slice<axes = [1], starts = [2], ends = [100]>(x)",
     "float32[N, 7]", "", 9},
    {"slice_backwards",
     "float[9] x) => (y) <int64[1] s = {-1}, int64[1] e = {-100}, int64[1] a = {0}, int64[1] t = {-2}>",
     "y = Slice(x, s, e, a, t)", "float32[5]"},
    {"slice_backwards_from_before_the_first",
     "float[3] x) => (y) <int64[1] s = {-10}, int64[1] e = {-11}, int64[1] a = {0}, int64[1] t = {-1}>",
     "y = Slice(x, s, e, a, t)", "float32[1]"},
    {"expand", "float[N, 1] x) => (y) <int64[3] s = {2, 1, 5}>", "y = Expand(x, s)",
     "float32[2, N, 5]"},
    {"tile", "float[N, 3] x) => (y) <int64[2] r = {2, 3}>", "y = Tile(x, r)", "float32[2*N, 9]"},
    {"pad", "float[N, 3] x) => (y) <int64[4] p = {0, 1, 0, 2}>", "y = Pad(x, p)", "float32[N, 6]"},
    {"pad_10", "float[N, 3] x) => (y)", "y = Pad<pads = [0, 1, 1, 0]>(x)", "float32[N + 1, 4]", "",
     10},
    {"gather", "float[N, 5] x, int64[2, M] i) => (y)", "y = Gather<axis = 1>(x, i)",
     "float32[N, 2, M]"},
    {"gather_nd", "float[N, 5, 6] x, int64[N, 1] i) => (y)", "y = GatherND<batch_dims = 1>(x, i)",
     "float32[N, 6]"},
    {"depth_to_space", "float[N, 8, H, W] x) => (y)", "y = DepthToSpace<blocksize = 2>(x)",
     "float32[N, 2, 2*H, 2*W]"},
    {"one_hot", "int64[N] x, float[2] v) => (y) <int64 d = {7}>", "y = OneHot(x, d, v)",
     "float32[N, 7]"},
    {"non_zero", "float[N, 3] x) => (y)", "y = NonZero(x)", "int64[2, ?]"},
    {"top_k", "float[N, 9] x) => (y, i) <int64[1] k = {3}>", "y, i = TopK(x, k)", "float32[N, 3]"},
};

constexpr Case kLayers[] = {
    {"matmul", "float[N, 5, 3] a, float[3, 4] b) => (y)", "y = MatMul(a, b)", "float32[N, 5, 4]"},
    {"matmul_of_a_vector", "float[3] a, float[N, 3, 4] b) => (y)", "y = MatMul(a, b)",
     "float32[N, 4]"},
    {"gemm", "float[3, N] a, float[4, 3] b) => (y)", "y = Gemm<transA = 1, transB = 1>(a, b)",
     "float32[N, 4]"},
    {"einsum", "float[N, 3, 4] a, float[N, 4, 5] b) => (y)",
     "y = Einsum<equation = \"bij,bjk->bik\">(a, b)", "float32[N, 3, 5]"},
    {"conv", "float[N, 3, H, 224] x, float[8, 3, 3, 3] w) => (y)",
     "y = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(x, w)", "float32[N, 8, (H + 1)//2, 112]"},
    {"conv_same", "float[N, 3, H] x, float[8, 3, 3] w) => (y)",
     "y = Conv<auto_pad = \"SAME_UPPER\">(x, w)", "float32[N, 8, H]"},
    {"conv_transpose", "float[N, 3, H] x, float[3, 8, 2] w) => (y)",
     "y = ConvTranspose<strides = [2]>(x, w)", "float32[N, 8, 2*H]"},
    {"max_pool", "float[N, 3, 9] x) => (y)",
     "y = MaxPool<kernel_shape = [2], strides = [2], ceil_mode = 1>(x)", "float32[N, 3, 5]"},
    {"global_pool", "float[N, 3, H, W] x) => (y)", "y = GlobalAveragePool(x)",
     "float32[N, 3, 1, 1]"},
    {"resize", "float[N, 3, H, 7] x) => (y) <float[4] s = {1, 1, 2, 2}>", "y = Resize(x, , s)",
     "float32[N, 3, 2*H, 14]"},
    {"reduce", "float[N, 3, H] x) => (y)", "y = ReduceMean<axes = [-1], keepdims = 0>(x)",
     "float32[N, 3]"},
    {"reduce_18", "float[N, 3, H] x) => (y) <int64[2] a = {1, 2}>", "y = ReduceMean(x, a)",
     "float32[N, 1, 1]", "", 18},
    {"arg_max", "float[N, 3] x) => (y)", "y = ArgMax<axis = 1, keepdims = 0>(x)", "int64[N]"},
    {"lstm", "float[T, N, 4] x, float[1, 20, 4] w, float[1, 20, 5] r) => (y)",
     "y = LSTM<hidden_size = 5>(x, w, r)", "float32[T, 1, N, 5]"},
    {"layer_normalization", "float[N, 4] x, float[4] s) => (y)", "y = LayerNormalization(x, s)",
     "float32[N, 4]"},
};

constexpr Case kContent[] = {
    {"shape", "float[N, 3] x) => (y)", "y = Shape(x)", "int64[2]", "N, 3"},
    {"shape_from", "float[N, 3, H] x) => (y)", "y = Shape<start = -2>(x)", "int64[2]", "3, H"},
    {"size", "float[N, 3] x) => (y)", "y = Size(x)", "int64[]", "3*N"},
    {"gather_of_a_shape", "float[N, 3] x) => (y) <int64 i = {-2}>", "s = Shape(x) y = Gather(s, i)",
     "int64[]", "N"},
    {"concat_of_sizes",
     "float[N, 6] x) => (y) <int64[1] m = {-1}, int64[1] z = {0}, int64 i = {0}>",
     "s = Shape(x) n = Gather(s, i) u = Unsqueeze(n, z) y = Concat<axis = 0>(u, m)", "int64[2]",
     "N, -1"},
    {"arithmetic_of_sizes", "float[N, 6] x) => (y) <int64[1] two = {2}>",
     "s = Shape(x) d = Div(s, two) y = Mul(d, two)", "int64[2]", "2*(N//2), 6"},
    {"reshape_by_a_shape",
     "float[N, 6] x, float[M, N, 2, 3] l) => (y) <int64[1] a = {1}, int64[1] e = {9}, int64[1] z = {0}>",
     "s = Shape(l) t = Slice(s, a, e, z) y = Reshape(x, t)", "float32[N, 2, 3]"},
    {"range_of_a_size", "float[N] x) => (y) <int64 a = {0}, int64 d = {1}, int64 i = {0}>",
     "s = Shape(x) n = Gather(s, i) y = Range(a, n, d)", "int64[N]"},
    {"half_of_a_size_rounded_up",
     "float[N, 6] x) => (y) <int64[1] two = {2}, int64[1] one = {1}, int64[1] z = {0}>",
     "s = Shape<end = 1>(x) p = Add(s, one) h = Div(p, two) y = Slice(x, z, h, z)",
     "float32[(N + 1)//2, 6]"},
    {"fill", "float[N, 2] x) => (y)", "s = Shape(x) y = ConstantOfShape(s)", "float32[N, 2]"},
    {"negative_sizes_are_unknown", "float[9] x) => (y) <int64[1] k = {-3}>", "y, i = TopK(x, k)",
     "float32[?]"},
};

auto name_of = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Elementwise, InferTable, ::testing::ValuesIn(kElementwise), name_of);
INSTANTIATE_TEST_SUITE_P(Shape, InferTable, ::testing::ValuesIn(kShape), name_of);
INSTANTIATE_TEST_SUITE_P(Layers, InferTable, ::testing::ValuesIn(kLayers), name_of);
INSTANTIATE_TEST_SUITE_P(Content, InferTable, ::testing::ValuesIn(kContent), name_of);

class Infer : public InferTable {};

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

}  // namespace
}  // namespace onnxport::onnx
