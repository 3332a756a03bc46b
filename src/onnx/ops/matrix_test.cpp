#include <gtest/gtest.h>

#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kMatrix[] = {
    {"matmul", "float[N, 5, 3] a, float[3, 4] b) => (y)", "y = MatMul(a, b)", "float32[N, 5, 4]"},
    {"matmul_of_a_vector", "float[3] a, float[N, 3, 4] b) => (y)", "y = MatMul(a, b)",
     "float32[N, 4]"},
    {"matmul_that_does_not_fit", "float[N, 3] a, float[4, 5] b) => (y)", "y = MatMul(a, b)",
     "refused: times"},
    {"matmul_integer", "uint8[N, 3] a, uint8[3, 4] b) => (y)", "y = MatMulInteger(a, b)",
     "int32[N, 4]"},
    {"gemm", "float[3, N] a, float[4, 3] b) => (y)", "y = Gemm<transA = 1, transB = 1>(a, b)",
     "float32[N, 4]"},
    {"gemm_of_three_axes", "float[2, 3, N] a, float[4, 3] b) => (y)", "y = Gemm(a, b)",
     "refused: matrices"},
    {"einsum", "float[N, 3, 4] a, float[N, 4, 5] b) => (y)",
     "y = Einsum<equation = \"bij,bjk->bik\">(a, b)", "float32[N, 3, 5]"},
    {"einsum_with_an_ellipsis", "float[N, 2, 3, 4] a, float[4, 5] b) => (y)",
     "y = Einsum<equation = \"...ij,jk->...ik\">(a, b)", "float32[N, 2, 3, 5]"},
    {"einsum_without_an_arrow", "float[3, 4] a, float[4, 5] b) => (y)",
     "y = Einsum<equation = \"ij,jk\">(a, b)", "float32[3, 5]"},
    {"attention", "float[N, 8, L, 64] q, float[N, 8, S, 64] k, float[N, 8, S, 32] v) => (y)",
     "y = Attention(q, k, v)", "float32[N, 8, L, 32]", "", 23},
    {"rotary_embedding", "float[N, 8, L, 64] x, float[L, 32] c, float[L, 32] s) => (y)",
     "y = RotaryEmbedding(x, c, s)", "float32[N, 8, L, 64]", "", 23},
    {"det", "float[N, 3, 3] x) => (y)", "y = Det(x)", "float32[N]"},
};
INFER_TABLE(InferMatrix, kMatrix);

constexpr InferCase kRecurrent[] = {
    {"lstm", "float[T, N, 4] x, float[1, 20, 4] w, float[1, 20, 5] r) => (y)",
     "y = LSTM<hidden_size = 5>(x, w, r)", "float32[T, 1, N, 5]"},
    {"lstm_cell_state", "float[T, N, 4] x, float[2, 20, 4] w, float[2, 20, 5] r) => (y)",
     "h, hn, y = LSTM<direction = \"bidirectional\">(x, w, r)", "float32[2, N, 5]"},
    {"gru_batch_first", "float[N, T, 4] x, float[1, 15, 4] w, float[1, 15, 5] r) => (y)",
     "y = GRU<hidden_size = 5, layout = 1>(x, w, r)", "float32[N, T, 1, 5]"},
};
INFER_TABLE(InferRecurrent, kRecurrent);

}  // namespace
}  // namespace onnxport::onnx::ops
