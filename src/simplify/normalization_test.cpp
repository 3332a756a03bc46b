// Rows of normalization.cpp's rules.
#include "simplify/rule_rows_test.h"

namespace onnxport::simplify {
namespace {

// (x - mean) / sqrt(variance + epsilon) over the last axis, as n.
#define STANDARDIZED                                                                             \
  "m = ReduceMean<axes = [-1]>(x) d = Sub(x, m) q = Pow(d, two) v = ReduceMean<axes = [-1]>(q) " \
  "e = Add(v, eps) r = Sqrt(e) n = Div(d, r) "
#define EPSILON "float two = {2}, float eps = {0.001}"

const bool kRows = add_rows(
    {
        {"recover_layer_normalization", "with_a_scale", "float[N, 3, 4] x => float[N, 3, 4] y",
         "<" EPSILON ", float[1, 4] s = {1, 2, 3, 4}> { " STANDARDIZED "y = Mul(n, s) }",
         "<float[4] s = {1, 2, 3, 4}> "
         "{ y = LayerNormalization<axis = -1, epsilon = 0.001>(x, s) }"},
        {"recover_layer_normalization", "without_a_scale", "float[N, 4] x => float[N, 4] y",
         "<" EPSILON "> { " STANDARDIZED "y = Relu(n) }",
         "<float[4] s = {1, 1, 1, 1}> "
         "{ n = LayerNormalization<axis = -1, epsilon = 0.001>(x, s) y = Relu(n) }"},
        {"recover_layer_normalization", "two_axes_by_a_reciprocal",
         "float[N, 2, 3] x => float[N, 2, 3] y",
         "<float eps = {0.001}, int64[2] a = {1, 2}, float[2, 3] s = {1, 2, 3, 4, 5, 6}> "
         "{ m = ReduceMean(x, a) d = Sub(x, m) q = Mul(d, d) v = ReduceMean(q, a) e = Add(eps, v) "
         "r = Sqrt(e) i = Reciprocal(r) n = Mul(d, i) y = Mul(s, n) }",
         "<float[2, 3] s = {1, 2, 3, 4, 5, 6}> "
         "{ y = LayerNormalization<axis = -2, epsilon = 0.001>(x, s) }",
         18},
        {"fuse_bias_into_layer_normalization", "row", "float[N, 4] x => float[N, 4] y",
         "<float[4] s = {1, 2, 3, 4}, float[1, 4] b = {4, 3, 2, 1}> "
         "{ n = LayerNormalization<axis = -1, epsilon = 0.001>(x, s) y = Add(b, n) }",
         "<float[4] s = {1, 2, 3, 4}, float[4] b = {4, 3, 2, 1}> "
         "{ y = LayerNormalization<axis = -1, epsilon = 0.001>(x, s, b) }"},
        {"recover_rms_normalization", "quotient", "float[N, 4] x => float[N, 4] y",
         "<float e = {0.001}, float[4] s = {1, 2, 3, 4}, int64[1] a = {-1}> "
         "{ q = Mul(x, x) m = ReduceMean(q, a) v = Add(m, e) r = Sqrt(v) n = Div(x, r) "
         "y = Mul(n, s) }",
         "<float[4] s = {1, 2, 3, 4}> { y = RMSNormalization<axis = -1, epsilon = 0.001>(x, s) }",
         23},
        {"recover_instance_normalization", "two_axes", "float[N, 2, 4, 3] x => float[N, 2, 4, 3] y",
         "<float eps = {0.001}, float[2, 1, 1] s = {1, 2}, float[1, 2, 1, 1] b = {3, 4}> "
         "{ m = ReduceMean<axes = [2, 3]>(x) d = Sub(x, m) q = Mul(d, d) "
         "v = ReduceMean<axes = [2, 3]>(q) e = Add(v, eps) r = Sqrt(e) n = Div(d, r) "
         "k = Mul(n, s) y = Add(b, k) }",
         "<float[2] s = {1, 2}, float[2] b = {3, 4}> "
         "{ y = InstanceNormalization<epsilon = 0.001>(x, s, b) }"},
        {"recover_group_normalization", "two_groups", "float[N, 4, 3] x => float[N, 4, 3] y",
         "<float[2] one = {1, 1}, float[2] zero = {0, 0}, float[4, 1] s = {1, 2, 3, 4}, "
         "float[4, 1] b = {4, 3, 2, 1}, int64[3] in = {0, 2, -1}, int64[3] out = {0, 4, 3}> "
         "{ r = Reshape(x, in) i = InstanceNormalization<epsilon = 0.001>(r, one, zero) "
         "k = Reshape(i, out) t = Mul(s, k) y = Add(t, b) }",
         "<float[4] s = {1, 2, 3, 4}, float[4] b = {4, 3, 2, 1}> "
         "{ y = GroupNormalization<epsilon = 0.001, num_groups = 2>(x, s, b) }",
         21},
        {"recover_softmax", "axes_as_attribute_and_input", "float[N, 4] x => float[N, 4] y",
         "<int64[1] a = {-1}> "
         "{ m = ReduceMax<axes = [1]>(x) d = Sub(x, m) e = Exp(d) s = ReduceSum(e, a) "
         "y = Div(e, s) }",
         "{ y = Softmax<axis = 1>(x) }"},
        {"recover_sum_of_squares", "axes_as_attribute", "float[N, 4] x => float[N] y",
         "{ q = Mul(x, x) y = ReduceSum<axes = [1], keepdims = 0>(q) }",
         "{ y = ReduceSumSquare<axes = [1], keepdims = 0>(x) }", 11},
        {"recover_sum_of_squares", "axes_from_input_to_attribute", "float[N, 4] x => float[N, 1] y",
         "<float two = {2}, int64[1] a = {-1}> { q = Pow(x, two) y = ReduceSum(q, a) }",
         "{ y = ReduceSumSquare<axes = [-1]>(x) }"},
        {"recover_sum_of_squares", "axes_as_input", "float[N, 4] x => float[N, 1] y",
         "<int64[1] a = {-1}> { q = Mul(x, x) y = ReduceSum(q, a) }",
         "<int64[1] a = {-1}> { y = ReduceSumSquare(x, a) }", 18},
        {"recover_l2_norm", "with_attributes", "float[N, 4] x => float[N] y",
         "{ s = ReduceSumSquare<axes = [1], keepdims = 0>(x) y = Sqrt(s) }",
         "{ y = ReduceL2<axes = [1], keepdims = 0>(x) }"},
    },
    {
        {"recover_layer_normalization", "no LayerNormalization in this opset",
         "float[N, 4] x => float[N, 4] y",
         "<" EPSILON ", float[4] s = {1, 2, 3, 4}> { " STANDARDIZED "y = Mul(n, s) }", 16},
        {"recover_layer_normalization", "the scale has other sizes",
         "float[N, 3, 4] x => float[N, 3, 4] y",
         "<" EPSILON ", float[3, 1] s = {1, 2, 3}> { " STANDARDIZED "y = Mul(n, s) }"},
        {"recover_layer_normalization", "nothing normalized", "float[N, 4] x => float[N, 4] y",
         "<float[4] s = {1, 2, 3, 4}> { y = Mul(x, s) }"},
        {"recover_layer_normalization", "the scale comes after", "float[N, 4] x => float[N, 4] y",
         "<" EPSILON ", float[3, 1] s = {1, 2, 3}> { " STANDARDIZED "y = Mul(n, s) }"},
        {"recover_layer_normalization", "the sizes are unknown", "float[N, M] x => float[N, M] y",
         "<" EPSILON "> { " STANDARDIZED "y = Relu(n) }"},
        {"recover_layer_normalization", "the scale would be large",
         "float[N, 2, 3] x => float[N, 2, 3] y",
         "<float eps = {0.001}> "
         "{ m = ReduceMean<axes = [1, 2]>(x) d = Sub(x, m) q = Mul(d, d) "
         "v = ReduceMean<axes = [1, 2]>(q) e = Add(v, eps) r = Sqrt(e) y = Div(d, r) }"},
        {"fuse_bias_into_layer_normalization", "no LayerNormalization without a bias",
         "float[N, 4] x => float[N, 4] y",
         "<float[4] s = {1, 2, 3, 4}> { n = LayerNormalization(x, s, s) y = Add(n, s) }"},
        {"recover_rms_normalization", "no RMSNormalization in this opset",
         "float[N, 4] x => float[N, 4] y",
         "<float e = {0.001}, float[4] s = {1, 2, 3, 4}, int64[1] a = {-1}> "
         "{ q = Mul(x, x) m = ReduceMean(q, a) v = Add(m, e) r = Sqrt(v) n = Div(x, r) "
         "y = Mul(n, s) }",
         22},
        {"recover_rms_normalization", "the scale has other sizes",
         "float[N, 3, 4] x => float[N, 3, 4] y",
         "<float e = {0.001}, float[3, 1] s = {1, 2, 3}, int64[1] a = {-1}> "
         "{ q = Mul(x, x) m = ReduceMean(q, a) v = Add(m, e) r = Sqrt(v) n = Div(x, r) "
         "y = Mul(n, s) }",
         23},
        {"recover_rms_normalization", "nothing normalized", "float[N, 4] x => float[N, 4] y",
         "<float[4] s = {1, 2, 3, 4}> { y = Mul(x, s) }", 23},
        {"recover_instance_normalization", "runtimes have it for float32",
         "double[N, 2, 4] x => double[N, 2, 4] y", "<double b = {1}> { y = Add(x, b) }"},
        {"recover_instance_normalization", "nothing normalized",
         "float[N, 2, 4] x => float[N, 2, 4] y", "<float b = {1}> { y = Add(x, b) }"},
        {"recover_group_normalization", "no GroupNormalization in this opset",
         "float[N, 4] x => float[N, 4] y", "<float b = {1}> { y = Add(x, b) }", 20},
        {"recover_group_normalization", "no groups normalized", "float[N, 4] x => float[N, 4] y",
         "<float b = {1}> { y = Add(x, b) }", 21},
        {"recover_softmax", "Softmax flattens in this opset",
         "float[N] x, float[N] z => float[N] y", "{ y = Div(x, z) }", 12},
        {"recover_softmax", "no exponentials by their sum", "float[N] x, float[N] z => float[N] y",
         "{ y = Div(x, z) }"},
        {"recover_softmax", "the largest is not subtracted", "float[N, 4] x => float[N, 4] y",
         "<int64[1] a = {-1}> { e = Exp(x) s = ReduceSum(e, a) y = Div(e, s) }"},
        {"recover_softmax", "not one axis", "float[N, 4] x => float[N, 4] y",
         "<int64[1] a = {-1}> "
         "{ m = ReduceMax<axes = [0, 1]>(x) d = Sub(x, m) e = Exp(d) s = ReduceSum(e, a) "
         "y = Div(e, s) }"},
        {"recover_softmax", "the axes differ", "float[N, 4] x => float[N, 4] y",
         "<int64[1] a = {-1}> "
         "{ m = ReduceMax<axes = [0]>(x) d = Sub(x, m) e = Exp(d) s = ReduceSum(e, a) "
         "y = Div(e, s) }"},
        {"recover_softmax", "the axis is dropped", "float[N, N] x => float[N, N] y",
         "<int64[1] a = {-1}> "
         "{ m = ReduceMax<axes = [1], keepdims = 0>(x) d = Sub(x, m) e = Exp(d) "
         "s = ReduceSum(e, a) y = Div(e, s) }"},
        {"recover_sum_of_squares", "no squares before", "float[N, 4] x => float[N, 1] y",
         "<int64[1] a = {-1}> { y = ReduceSum(x, a) }"},
        {"recover_sum_of_squares", "the axes are computed",
         "float[N, 4] x, int64[1] a => float[A, B] y", "{ q = Mul(x, x) y = ReduceSum(q, a) }"},
        {"recover_sum_of_squares", "nothing is summed", "float[N, 4] x => float[N, 4] y",
         "{ q = Mul(x, x) y = ReduceSum<noop_with_empty_axes = 1>(q) }"},
        {"recover_l2_norm", "no sum of squares before", "float[N] x => float[N] y",
         "{ y = Sqrt(x) }"},
        {"recover_l2_norm", "not a float", "float16[N] x => float16[A] y",
         "{ s = ReduceSumSquare(x) y = Sqrt(s) }"},
    });

}  // namespace
}  // namespace onnxport::simplify
