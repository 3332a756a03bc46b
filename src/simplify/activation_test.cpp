// Rows of the rules of activation.cpp and attention.cpp.
#include "simplify/rule_rows_test.h"

namespace onnxport::simplify {
namespace {

const bool kActivations = add_rows(
    {
        {"recover_gelu", "by_erf", "float[N, 4] x => float[N, 4] y",
         "<float r = {1.4142135}, float one = {1}, float h = {0.5}> "
         "{ a = Div(x, r) e = Erf(a) p = Add(e, one) q = Mul(x, p) y = Mul(q, h) }",
         "{ y = Gelu(x) }", 20},
        {"recover_gelu", "by_tanh_and_a_power", "float[N, 4] x => float[N, 4] y",
         "<float c = {0.044715}, float k = {0.7978845608}, float one = {1}, float h = {0.5}, "
         "float three = {3}> "
         "{ p = Pow(x, three) q = Mul(p, c) s = Add(x, q) t = Mul(s, k) u = Tanh(t) "
         "v = Add(u, one) w = Mul(x, h) y = Mul(w, v) }",
         "{ y = Gelu<approximate = \"tanh\">(x) }", 20},
        {"recover_gelu", "by_tanh_and_products", "float[N, 4] x => float[N, 4] y",
         "<float c = {0.044715}, float k = {0.7978845608}, float one = {1}, float h = {2}> "
         "{ p = Mul(x, x) o = Mul(p, x) q = Mul(o, c) s = Add(x, q) t = Mul(s, k) u = Tanh(t) "
         "v = Add(one, u) w = Mul(x, v) y = Div(w, h) }",
         "{ y = Gelu<approximate = \"tanh\">(x) }", 20},
        {"recover_hard_swish", "hard_sigmoid", "float[N, 4] x => float[N, 4] y",
         "<float three = {3}, float zero = {0}, float six = {6}> "
         "{ a = Add(x, three) c = Clip(a, zero, six) y = Div(c, six) }",
         "{ y = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x) }", 17, -5, 5},
        {"recover_hard_swish", "by_clip", "float[N, 4] x => float[N, 4] y",
         "<float three = {3}, float zero = {0}, float six = {6}> "
         "{ a = Add(three, x) c = Clip(a, zero, six) p = Mul(x, c) y = Div(p, six) }",
         "{ y = HardSwish(x) }", 17, -5, 5},
        {"recover_hard_swish", "by_hard_sigmoid", "float[N, 4] x => float[N, 4] y",
         "{ h = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x) y = Mul(h, x) }",
         "{ y = HardSwish(x) }", 14, -5, 5},
        {"recover_hard_swish", "bounds_as_attributes", "float[N, 4] x => float[N, 4] y",
         "<float three = {3}, float six = {0.16666667}> "
         "{ a = Add(x, three) c = Clip<max = 6.0, min = 0.0>(a) y = Mul(c, six) }",
         "{ y = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x) }", 10, -5, 5},
        {"recover_mish", "product", "float[N, 4] x => float[N, 4] y",
         "{ s = Softplus(x) t = Tanh(s) y = Mul(t, x) }", "{ y = Mish(x) }", 18},
        {"recover_swish", "slope_of_one", "float[N, 4] x => float[N, 4] y",
         "{ s = Sigmoid(x) y = Mul(s, x) }", "{ y = Swish(x) }", 24},
        {"recover_swish", "another_slope", "float[N, 4] x => float[N, 4] y",
         "<float a = {1.5}> { p = Mul(x, a) s = Sigmoid(p) y = Mul(x, s) }",
         "{ y = Swish<alpha = 1.5>(x) }", 24},
        {"merge_cuts", "relu_and_min", "float[N, 4] x => float[N, 4] y",
         "<float one = {1}> { r = Relu(x) y = Min(one, r) }",
         "<float l = {0}, float h = {1}> { y = Clip(x, l, h) }"},
        {"merge_cuts", "clip_and_relu", "float[N, 4] x => float[N, 4] y",
         "<float m = {-1}> { c = Clip(x, m) y = Relu(c) }", "{ y = Relu(x) }"},
        {"merge_cuts", "max_and_clip", "double[N, 4] x => double[N, 4] y",
         "<double l = {-1}, double m = {-1.5}, double h = {1}> { c = Max(x, l) y = Clip(c, m, h) }",
         "<double l = {-1}, double h = {1}> { y = Clip(x, l, h) }"},
    },
    {
        {"recover_gelu", "no Gelu in this opset", "float[N] x => float[N] y", "{ y = Mul(x, x) }",
         19},
        {"recover_gelu", "no Gelu", "float[N] x => float[N] y", "{ y = Mul(x, x) }", 20},
        {"recover_gelu", "no Gelu", "float[N] x, float[N] z => float[N] y",
         "<float h = {0.5}> { p = Mul(x, z) y = Mul(p, h) }", 20},
        {"recover_hard_swish", "runtimes have it for float32", "double[N] x => double[N] y",
         "{ y = Mul(x, x) }"},
        {"recover_hard_swish", "no HardSigmoid", "float[N] x => float[N] y",
         "<float six = {6}> { a = Relu(x) y = Div(a, six) }"},
        {"recover_hard_swish", "no HardSwish", "float[N] x => float[N] y", "{ y = Mul(x, x) }", 13},
        {"recover_hard_swish", "no HardSwish", "float[N] x => float[N] y", "{ y = Mul(x, x) }"},
        {"recover_mish", "no Mish in this opset", "float[N] x => float[N] y", "{ y = Mul(x, x) }",
         17},
        {"recover_mish", "no Mish", "float[N] x => float[N] y", "{ y = Mul(x, x) }", 18},
        {"recover_swish", "no Swish in this opset", "float[N] x => float[N] y", "{ y = Mul(x, x) }",
         23},
        {"recover_swish", "no Swish", "float[N] x, float[N] z => float[N] y",
         "{ s = Sigmoid(z) y = Mul(x, s) }", 24},
        {"merge_cuts", "Clip's bounds are attributes", "float[N] x => float[N] y",
         "{ y = Relu(x) }", 11},
        {"merge_cuts", "nothing cut before", "float[N] x, float[N] z => float[N] y",
         "{ y = Max(x, z) }"},
        {"merge_cuts", "nothing cut before", "float[N] x => float[N] y",
         "{ a = Neg(x) y = Relu(a) }"},
        {"merge_cuts", "the intervals do not meet", "float[N] x => float[N] y",
         "<float m = {-1}> { r = Relu(x) y = Min(r, m) }"},
    });

const bool kAttention = add_rows(
    {
        {"recover_attention", "with_a_mask",
         "float[N, 2, 5, 4] q, float[N, 2, 6, 4] k, "
         "float[N, 2, 6, 4] v, float[5, 6] m => float[N, 2, 5, 4] y",
         "<float s = {2}> { t = Transpose<perm = [0, 1, 3, 2]>(k) p = MatMul(q, t) d = Div(p, s) "
         "a = Add(m, d) w = Softmax<axis = -1>(a) y = MatMul(w, v) }",
         "{ y = Attention<scale = 0.5>(q, k, v, m) }", 23},
        {"recover_attention", "keys_that_were_moved",
         "float[N, 2, 5, 4] q, float[N, 6, 2, 4] k, "
         "float[N, 2, 6, 4] v => float[N, 2, 5, 4] y",
         "{ t = Transpose<perm = [0, 2, 3, 1]>(k) p = MatMul(q, t) w = Softmax<axis = 3>(p) "
         "y = MatMul(w, v) }",
         "{ t = Transpose<perm = [0, 2, 1, 3]>(k) y = Attention<scale = 1.0>(q, t, v) }", 23},
        {"recover_attention", "by_einsum",
         "float[N, 2, 5, 4] q, float[N, 2, 6, 4] k, "
         "float[N, 2, 6, 4] v => float[N, 2, 5, 4] y",
         "<float s = {0.5}> { p = Einsum<equation = \"bhid,bhjd->bhij\">(q, k) d = Mul(p, s) "
         "w = Softmax<axis = -1>(d) y = MatMul(w, v) }",
         "{ y = Attention<scale = 0.5>(q, k, v) }", 23},
    },
    {
        {"recover_attention", "no Attention in this opset",
         "float[N, 4] x, float[4, 4] z => float[N, 4] y", "{ y = MatMul(x, z) }", 22},
        {"recover_attention", "no Softmax of scores before",
         "float[N, 4] x, float[4, 4] z => float[N, 4] y", "{ y = MatMul(x, z) }", 23},
        {"recover_attention", "another axis",
         "float[N, 2, 5, 6] p, float[N, 2, 6, 4] v => float[N, 2, 5, 4] y",
         "{ w = Softmax<axis = 2>(p) y = MatMul(w, v) }", 23},
        {"recover_attention", "the scores are not one product",
         "float[N, 2, 5, 6] p, float[N, 2, 5, 6] q, float[N, 2, 6, 4] v => float[N, 2, 5, 4] y",
         "{ a = Mul(p, q) w = Softmax<axis = -1>(a) y = MatMul(w, v) }", 23},
        {"recover_attention", "no product of queries and keys",
         "float[N, 2, 5, 6] p, float[N, 2, 6, 4] v => float[N, 2, 5, 4] y",
         "{ a = Neg(p) w = Softmax<axis = -1>(a) y = MatMul(w, v) }", 23},
        {"recover_attention", "batch or heads are broadcast",
         "float[N, 2, 5, 4] q, float[N, 1, 6, 4] k, float[N, 1, 6, 4] v => float[N, 2, 5, 4] y",
         "{ t = Transpose<perm = [0, 1, 3, 2]>(k) p = MatMul(q, t) w = Softmax<axis = -1>(p) "
         "y = MatMul(w, v) }",
         23},
        {"recover_attention", "other lengths",
         "float[N, 2, 5, 4] q, float[N, 2, 4, K] k, float[N, 2, L, 4] v => float[N, 2, 5, 4] y",
         "{ p = MatMul(q, k) w = Softmax<axis = -1>(p) y = MatMul(w, v) }", 23},
        {"recover_attention", "the keys are not transposed",
         "float[N, 2, 5, 4] q, float[N, 2, 4, 6] k, float[N, 2, 6, 4] v => float[N, 2, 5, 4] y",
         "{ p = MatMul(q, k) w = Softmax<axis = -1>(p) y = MatMul(w, v) }", 23},
    });

}  // namespace
}  // namespace onnxport::simplify
