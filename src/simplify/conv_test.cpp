// Rows of conv.cpp's rules.
#include "simplify/rule_rows_test.h"

namespace onnxport::simplify {
namespace {

// Statistics that give the channels a scale of {2, 1.5} and a shift of {0, -0.5}.
#define STATISTICS \
  "float[2] s = {2, 3}, float[2] b = {0, 1}, float[2] m = {0, 1}, float[2] v = {1, 4}"

const bool kRows = add_rows(
    {
        {"fuse_batch_normalization", "conv", "float[N, 1, 4, 4] x => float[N, 2, 4, 4] y",
         "<float[2, 1, 1, 1] w = {1, 2}, " STATISTICS "> "
         "{ a = Conv(x, w) y = BatchNormalization<epsilon = 0.0>(a, s, b, m, v) }",
         "<float[2, 1, 1, 1] w = {2, 3}, float[2] c = {0, -0.5}> { y = Conv(x, w, c) }"},
        {"fuse_batch_normalization", "conv_with_bias_and_padding",
         "float[N, 1, 4, 4] x => float[N, 2, 5, 5] y",
         "<float[2, 1, 2, 2] w = {1, 2, 3, 4, 5, 6, 7, 8}, float[2] k = {1, 2}, " STATISTICS "> "
         "{ a = Conv<pads = [1, 1, 1, 1]>(x, w, k) "
         "y = BatchNormalization<epsilon = 0.0>(a, s, b, m, v) }",
         "<float[2, 1, 2, 2] w = {2, 4, 6, 8, 7.5, 9, 10.5, 12}, float[2] c = {2, 2.5}> "
         "{ y = Conv<pads = [1, 1, 1, 1]>(x, w, c) }"},
        {"fuse_batch_normalization", "epsilon_counts", "float[N, 1, H] x => float[N, 1, H] y",
         "<float[1, 1, 1] w = {1}, float[1] s = {3}, float[1] b = {0}, float[1] m = {1}, "
         "float[1] v = {0}> { a = Conv(x, w) y = BatchNormalization<epsilon = 0.25>(a, s, b, m, v) }",
         "<float[1, 1, 1] w = {6}, float[1] c = {-6}> { y = Conv(x, w, c) }"},
        {"fuse_batch_normalization", "conv_transpose_in_groups",
         "float[N, 2, H] x => float[N, 2, H] y",
         "<float[2, 1, 1] w = {1, 2}, " STATISTICS "> "
         "{ a = ConvTranspose<group = 2>(x, w) "
         "y = BatchNormalization<epsilon = 0.0>(a, s, b, m, v) }",
         "<float[2, 1, 1] w = {2, 3}, float[2] c = {0, -0.5}> "
         "{ y = ConvTranspose<group = 2>(x, w, c) }"},
        {"fuse_batch_normalization", "gemm", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] k = {1, 1}, " STATISTICS "> "
         "{ a = Gemm<transB = 1>(x, w, k) y = BatchNormalization<epsilon = 0.0>(a, s, b, m, v) }",
         "<float[2, 2] w = {2, 4, 4.5, 6}, float[2] c = {2, 1}> "
         "{ y = Gemm<transB = 1>(x, w, c) }"},
        {"fuse_batch_normalization_over_rows", "rows", "float[N, 3, 2] x => float[M, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] t = {-1, 2}, " STATISTICS "> "
         "{ p = MatMul(x, w) a = Reshape(p, t) "
         "y = BatchNormalization<epsilon = 0.0>(a, s, b, m, v) }",
         "<float[2, 2] w = {2, 3, 6, 6}, int64[2] t = {-1, 2}, float[2] c = {0, -0.5}> "
         "{ p = MatMul(x, w) a = Add(p, c) y = Reshape(a, t) }"},
        {"fuse_scale_or_shift", "scale", "float[N, 1, 4, 4] x => float[N, 2, 4, 4] y",
         "<float[2, 1, 1, 1] w = {1, 2}, float[2] c = {1, 1}, float[2, 1, 1] k = {2, 3}> "
         "{ a = Conv(x, w, c) y = Mul(k, a) }",
         "<float[2, 1, 1, 1] w = {2, 6}, float[2] c = {2, 3}> { y = Conv(x, w, c) }"},
        {"fuse_scale_or_shift", "divisor", "float[N, 2, H] x => float[N, 1, H] y",
         "<float[1, 2, 1] w = {2, 4}, float k = {2}> { a = Conv(x, w) y = Div(a, k) }",
         "<float[1, 2, 1] w = {1, 2}> { y = Conv(x, w) }"},
        {"fuse_scale_or_shift", "shift", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] c = {1, 2}, float[2] k = {3, 5}> "
         "{ a = Gemm(x, w, c) y = Add(a, k) }",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] c = {4, 7}> { y = Gemm(x, w, c) }"},
        {"fuse_scale_or_shift", "negative_shift", "float[N, 1, H] x => float[N, 2, H] y",
         "<float[1, 2, 1] w = {1, 2}, float[1, 2, 1] k = {3, 5}> "
         "{ a = ConvTranspose(x, w) y = Sub(a, k) }",
         "<float[1, 2, 1] w = {1, 2}, float[2] c = {-3, -5}> { y = ConvTranspose(x, w, c) }"},
        {"fuse_scale_or_shift", "columns_of_a_matrix", "float[N, 3, 2] x => float[N, 3, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] k = {2, 3}> { a = MatMul(x, w) y = Mul(a, k) }",
         "<float[2, 2] w = {2, 6, 6, 12}> { y = MatMul(x, w) }"},
        {"fuse_scale_into_linear", "columns", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] c = {1, 2}, float[2] k = {2, 3}> "
         "{ p = MatMul(x, w) a = Add(c, p) y = Mul(a, k) }",
         "<float[2, 2] w = {2, 6, 6, 12}, float[2] c = {2, 6}> "
         "{ p = MatMul(x, w) y = Add(p, c) }"},
        {"matmul_add_to_gemm", "row", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] c = {1, 2}> { p = MatMul(x, w) y = Add(c, p) }",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] c = {1, 2}> { y = Gemm(x, w, c) }"},
        {"matmul_add_to_gemm", "before_opset_11", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] c = {1, 2}> { p = MatMul(x, w) y = Add(p, c) }",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] c = {1, 2}> { y = Gemm(x, w, c) }", 9},
        {"matmul_add_to_gemm", "row_with_two_axes", "float[N, 2] x, float[2, 2] z => float[N, 2] y",
         "<float[1, 2] c = {1, 2}> { p = MatMul(x, z) y = Add(p, c) }",
         "<float[1, 2] c = {1, 2}> { y = Gemm(x, z, c) }"},
    },
    {
        {"fuse_batch_normalization", "training", "float[N, 1, H] x => float[N, 2, H] y",
         "<float[2, 1, 1] w = {1, 2}, " STATISTICS "> "
         "{ a = Conv(x, w) y, p, q = BatchNormalization<training_mode = 1>(a, s, b, m, v) }"},
        {"fuse_batch_normalization", "training", "float[N, 1, H] x => float[N, 2, H] y, float[2] p",
         "<float[2, 1, 1] w = {1, 2}, " STATISTICS "> "
         "{ a = Conv(x, w) y, p, q = BatchNormalization(a, s, b, m, v) }"},
        {"fuse_batch_normalization", "no Conv of its own before",
         "float[N, 2, H] x => float[N, 2, H] y",
         "<" STATISTICS "> { y = BatchNormalization(x, s, b, m, v) }"},
        {"fuse_batch_normalization", "the statistics are not constant",
         "float[N, 1, H] x, float[2] m => float[N, 2, H] y",
         "<float[2, 1, 1] w = {1, 2}, float[2] s = {1, 1}> "
         "{ a = Conv(x, w) y = BatchNormalization(a, s, s, m, s) }"},
        {"fuse_batch_normalization", "the bias is not one number a channel",
         "float[3, 2] x => float[3, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[3, 1] c = {1, 2, 3}, " STATISTICS "> "
         "{ a = Gemm(x, w, c) y = BatchNormalization(a, s, b, m, v) }"},
        {"fuse_batch_normalization_over_rows", "training", "float[N, 3, 2] x => float[M, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] t = {-1, 2}, " STATISTICS "> "
         "{ p = MatMul(x, w) a = Reshape(p, t) "
         "y, j, k = BatchNormalization<training_mode = 1>(a, s, b, m, v) }"},
        {"fuse_batch_normalization_over_rows", "no Reshape before",
         "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, " STATISTICS "> "
         "{ p = MatMul(x, w) y = BatchNormalization(p, s, b, m, v) }"},
        {"fuse_batch_normalization_over_rows", "no MatMul of its own before",
         "float[N, 3, 2] x => float[M, 2] y",
         "<int64[2] t = {-1, 2}, " STATISTICS "> "
         "{ a = Reshape(x, t) y = BatchNormalization(a, s, b, m, v) }"},
        {"fuse_batch_normalization_over_rows", "the channels are not the columns",
         "float[N, 3, 2] x => float[N, 6] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] t = {-1, 6}, float[6] s = {1, 1, 1, 1, 1, 1}> "
         "{ p = MatMul(x, w) a = Reshape(p, t) y = BatchNormalization(a, s, s, s, s) }"},
        {"fuse_batch_normalization_over_rows", "the statistics are not constant",
         "float[N, 3, 2] x, float[2] s => float[M, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] t = {-1, 2}> "
         "{ p = MatMul(x, w) a = Reshape(p, t) y = BatchNormalization(a, s, s, s, s) }"},
        {"fuse_scale_or_shift", "a factor is not finite", "float[N, 1, H] x => float[N, 1, H] y",
         "<float[1, 1, 1] w = {1}, float k = {0}> { a = Conv(x, w) y = Div(a, k) }"},
        {"fuse_scale_or_shift", "no constant one number a channel beside a weighted node",
         "float[N, 2, 2] x => float[N, 2, 2] y",
         "<float[2, 2, 1] w = {1, 2, 3, 4}, float[2] k = {1, 2}> { a = Conv(x, w) y = Mul(a, k) }"},
        {"fuse_scale_or_shift", "MatMul has no bias", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] k = {1, 2}> { a = MatMul(x, w) y = Add(a, k) }"},
        {"fuse_scale_into_linear", "no Linear before", "float[N, 2] x => float[N, 2] y",
         "<float[2] k = {1, 2}> { a = Relu(x) y = Mul(a, k) }"},
        {"matmul_add_to_gemm", "no product of matrices", "float[N, 3, 2] x => float[N, 3, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] k = {1, 2}> { a = MatMul(x, w) y = Add(a, k) }"},
    });

}  // namespace
}  // namespace onnxport::simplify
