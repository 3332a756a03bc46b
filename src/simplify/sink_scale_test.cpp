// Rows of sink_scale.cpp's rules.
#include "simplify/rule_rows_test.h"

namespace onnxport::simplify {
namespace {

// Statistics that give the channels a scale of {2, 1.5} and a shift of {0, -0.5}.
#define STATISTICS \
  "float[2] s = {2, 3}, float[2] b = {0, 1}, float[2] m = {0, 1}, float[2] v = {1, 4}"

const bool kRows = add_rows(
    {
        {"fuse_scale_into_next_weight", "one_number", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float k = {3}> { a = Mul(k, x) y = MatMul(a, w) }",
         "<float[2, 2] w = {3, 6, 9, 12}> { y = MatMul(x, w) }"},
        {"fuse_scale_into_next_weight", "columns_of_a_gemm", "float[N, 2] x => float[N, 3] y",
         "<float[3, 2] w = {1, 2, 3, 4, 5, 6}, float[2] k = {2, 4}> "
         "{ a = Div(x, k) y = Gemm<transB = 1>(a, w) }",
         "<float[3, 2] w = {0.5, 0.5, 1.5, 1, 2.5, 1.5}> { y = Gemm<transB = 1>(x, w) }"},
        {"fuse_scale_into_next_weight", "channels_of_a_grouped_conv",
         "float[N, 4, H] x => float[N, 2, H] y",
         "<float[2, 2, 1] w = {1, 2, 3, 4}, float[4, 1] k = {2, 3, 5, 7}> "
         "{ a = Mul(x, k) y = Conv<group = 2>(a, w) }",
         "<float[2, 2, 1] w = {2, 6, 15, 28}> { y = Conv<group = 2>(x, w) }"},
        {"fuse_scale_into_next_weight", "channels_of_a_conv_transpose",
         "float[N, 2, H] x => float[N, 2, H] y",
         "<float[2, 2, 1] w = {1, 2, 3, 4}, float[2, 1] k = {2, 3}> "
         "{ a = Mul(x, k) y = ConvTranspose(a, w) }",
         "<float[2, 2, 1] w = {2, 4, 9, 12}> { y = ConvTranspose(x, w) }"},
        {"fuse_scale_into_next_weight", "in_a_product",
         "float[N, 2] x, float[N, 2] z => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float k = {3}> "
         "{ a = Mul(x, k) p = Mul(a, z) y = MatMul(p, w) }",
         "<float[2, 2] w = {3, 6, 9, 12}> { p = Mul(x, z) y = MatMul(p, w) }"},
        {"fuse_batch_normalization_into_next", "conv", "float[N, 2, H] x => float[N, 1, H] y",
         "<float[1, 2, 1] w = {1, 2}, float[1] c = {1}, " STATISTICS "> "
         "{ a = BatchNormalization<epsilon = 0.0>(x, s, b, m, v) y = Conv(a, w, c) }",
         "<float[1, 2, 1] w = {2, 3}, float[1] c = {0}> { y = Conv(x, w, c) }"},
        {"fuse_batch_normalization_into_next", "gemm", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, " STATISTICS "> "
         "{ a = BatchNormalization<epsilon = 0.0>(x, s, b, m, v) y = Gemm(a, w) }",
         "<float[2, 2] w = {2, 4, 4.5, 6}, float[2] c = {-1.5, -2}> { y = Gemm(x, w, c) }"},
        {"fuse_scale_into_weight_before", "over_a_transpose",
         "float[N, 3, 2] x => float[N, 2, 3] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2] c = {1, 2}, float[2, 1] k = {3, 5}> "
         "{ p = MatMul(x, w) a = Add(p, c) t = Transpose<perm = [0, 2, 1]>(a) y = Mul(t, k) }",
         "<float[2, 2] w = {3, 10, 9, 20}, float[2] c = {3, 10}> "
         "{ p = MatMul(x, w) a = Add(p, c) y = Transpose<perm = [0, 2, 1]>(a) }"},
        {"fuse_scale_into_weight_before", "over_a_product", "float[N, 3, 2] x => float[N, 3, 3] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2, 2] u = {2, 1, 1, 2}, float k = {8}> "
         "{ q = MatMul(x, w) v = MatMul(x, u) t = Transpose<perm = [0, 2, 1]>(v) p = MatMul(q, t) "
         "y = Div(p, k) }",
         "<float[2, 2] w = {0.125, 0.25, 0.375, 0.5}, float[2, 2] u = {2, 1, 1, 2}> "
         "{ q = MatMul(x, w) v = MatMul(x, u) t = Transpose<perm = [0, 2, 1]>(v) y = MatMul(q, t) }"},
        {"fuse_scale_into_weight_before", "over_a_reshape_of_a_conv",
         "float[N, 1, 4] x => float[N, 8] y",
         "<float[2, 1, 1] w = {1, 2}, float[2] c = {3, 4}, float k = {2}> "
         "{ p = Conv(x, w, c) f = Flatten(p) y = Mul(k, f) }",
         "<float[2, 1, 1] w = {2, 4}, float[2] c = {6, 8}> { p = Conv(x, w, c) y = Flatten(p) }"},
    },
    {
        {"fuse_scale_into_next_weight", "the weight is not constant, or used elsewhere",
         "float[N, 2] x, float[2, 2] w => float[N, 2] y",
         "<float k = {3}> { a = Mul(k, x) y = MatMul(a, w) }"},
        {"fuse_scale_into_next_weight", "nothing scaled before", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}> { y = MatMul(x, w) }"},
        {"fuse_scale_into_next_weight", "nothing scaled before", "float[2, 2] x => float[2, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[2, 1] k = {1, 2}> { a = Mul(k, x) y = MatMul(a, w) }"},
        {"fuse_batch_normalization_into_next", "no BatchNormalization before",
         "float[N, 2] x => float[N, 2] y", "<float[2, 2] w = {1, 2, 3, 4}> { y = Gemm(x, w) }"},
        {"fuse_batch_normalization_into_next", "training", "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, " STATISTICS "> "
         "{ a, j, k = BatchNormalization<training_mode = 1>(x, s, b, m, v) y = Gemm(a, w) }"},
        {"fuse_batch_normalization_into_next",
         "the weight is grouped, not constant, or used elsewhere",
         "float[N, 2, H] x => float[N, 2, H] y",
         "<float[2, 1, 1] w = {1, 2}, " STATISTICS "> "
         "{ a = BatchNormalization(x, s, b, m, v) y = Conv<group = 2>(a, w) }"},
        {"fuse_batch_normalization_into_next", "the product has factors of its own",
         "float[N, 2] x => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, " STATISTICS "> "
         "{ a = BatchNormalization(x, s, b, m, v) y = Gemm<alpha = 2.0>(a, w) }"},
        {"fuse_batch_normalization_into_next", "what is padded is not shifted",
         "float[N, 2, H] x => float[N, 1, K] y",
         "<float[1, 2, 1] w = {1, 2}, " STATISTICS "> "
         "{ a = BatchNormalization(x, s, b, m, v) y = Conv<pads = [1, 1]>(a, w) }"},
        {"fuse_batch_normalization_into_next",
         "the statistics are not constant, or the weight is large",
         "float[N, 2] x, float[2] s => float[N, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}> "
         "{ a = BatchNormalization(x, s, s, s, s) y = Gemm(a, w) }"},
        {"fuse_batch_normalization_into_next", "the bias is not one number a channel",
         "float[3, 2] x => float[3, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[3, 1] c = {1, 2, 3}, " STATISTICS "> "
         "{ a = BatchNormalization(x, s, b, m, v) y = Gemm(a, w, c) }"},
        {"fuse_scale_into_weight_before", "the bias is not one a column",
         "float[3, 2] x => float[2, 3] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[3, 1] c = {1, 2, 3}, float k = {2}> "
         "{ p = MatMul(x, w) a = Add(p, c) t = Transpose(a) y = Mul(t, k) }"},
        {"fuse_scale_into_weight_before", "the bias has other sizes",
         "float[3, 2] x => float[2, 3] y",
         "<float[2, 2] w = {1, 2, 3, 4}, float[3, 1] c = {1, 2, 3}, float k = {2}> "
         "{ p = Gemm(x, w, c) t = Transpose(p) y = Mul(t, k) }"},
        {"fuse_scale_into_weight_before", "no weight before that can take it",
         "float[N, 2] x => float[N, 2] y", "<float k = {2}> { a = Relu(x) y = Mul(a, k) }"},
    });

}  // namespace
}  // namespace onnxport::simplify
