// Rows of the rules of transpose.cpp and regroup.cpp.
#include "simplify/rule_rows_test.h"

namespace onnxport::simplify {
namespace {

const bool kTransposes = add_rows(
    {
        {"merge_transposes", "that_cancel", "float[N, 3, 4] x => float[N, 3, 4] y",
         "{ a = Transpose<perm = [1, 2, 0]>(x) b = Transpose<perm = [2, 0, 1]>(a) y = Relu(b) }",
         "{ y = Relu(x) }"},
        {"merge_transposes", "that_become_one", "float[N, 3, 4] x => float[4, N, 3] y",
         "{ a = Transpose<perm = [1, 0, 2]>(x) y = Transpose<perm = [2, 1, 0]>(a) }",
         "{ y = Transpose<perm = [2, 0, 1]>(x) }"},
        {"merge_transposes", "reversed_axes", "float[N, 3, 4] x => float[N, 4, 3] y",
         "{ a = Transpose(x) y = Transpose<perm = [2, 0, 1]>(a) }",
         "{ y = Transpose<perm = [0, 2, 1]>(x) }"},
        {"transpose_to_reshape", "an_axis_of_one", "float[N, 1, 4] x => float[N, 4, 1] y",
         "{ y = Transpose<perm = [0, 2, 1]>(x) }",
         "<int64[3] s = {0, 4, 1}> { y = Reshape(x, s) }"},
        {"cancel_transposes_around", "relu", "float[N, 3, 4] x => float[N, 3, 4] y",
         "{ a = Transpose<perm = [1, 2, 0]>(x) b = Relu(a) y = Transpose<perm = [2, 0, 1]>(b) }",
         "{ y = Relu(x) }"},
        {"cancel_transposes_around", "with_bounds_and_attributes", "float[N, 3] x => float[N, 3] y",
         "<float l = {-1}, float h = {1}> { a = Transpose(x) b = Clip(a, l, h) c = Transpose(b) "
         "d = Transpose(c) e = LeakyRelu<alpha = 0.5>(d) y = Transpose<perm = [1, 0]>(e) }",
         "<float l = {-1}, float h = {1}> { b = Clip(x, l, h) y = LeakyRelu<alpha = 0.5>(b) }"},
        {"reduce_without_transpose", "axes_as_attribute", "float[N, 3, 4] x => float[N, 4] y",
         "{ a = Transpose<perm = [0, 2, 1]>(x) y = ReduceMax<axes = [2], keepdims = 0>(a) }",
         "{ y = ReduceMax<axes = [1], keepdims = 0>(x) }"},
        {"reduce_without_transpose", "axes_as_input", "float[N, 3, 4] x => float[4] y",
         "<int64[2] k = {-1, 0}> "
         "{ a = Transpose<perm = [1, 2, 0]>(x) y = ReduceMin<keepdims = 0>(a, k) }",
         "<int64[2] k = {0, 1}> { y = ReduceMin<keepdims = 0>(x, k) }", 18},
        {"fuse_transpose_into_gemm", "first", "float[3, N] x, float[3, 4] z => float[N, 4] y",
         "{ a = Transpose(x) y = Gemm(a, z) }", "{ y = Gemm<transA = 1>(x, z) }"},
        {"fuse_transpose_into_gemm", "both_and_back",
         "float[N, 3] x, float[4, 3] z => float[N, 4] y",
         "{ a = Transpose<perm = [1, 0]>(x) b = Transpose(z) y = Gemm<transA = 1>(a, b) }",
         "{ y = Gemm<transA = 0, transB = 1>(x, z) }"},
    },
    {
        {"merge_transposes", "no transpose before", "float[N, 3] x => float[3, N] y",
         "{ y = Transpose(x) }"},
        {"merge_transposes", "the rank is unknown", "float[] x => float[A, B] y",
         "{ a = Transpose(x) y = Transpose<perm = [1, 0]>(a) }"},
        {"transpose_to_reshape", "the shape is unknown", "float[] x => float[A, B] y",
         "{ y = Transpose<perm = [1, 0]>(x) }"},
        {"transpose_to_reshape", "larger axes move", "float[N, 3] x => float[3, N] y",
         "{ y = Transpose(x) }"},
        {"transpose_to_reshape", "two sizes or more are open",
         "float[1, A, B] x => float[A, B, 1] y", "{ y = Transpose<perm = [1, 2, 0]>(x) }"},
        {"cancel_transposes_around", "nothing pointwise before", "float[N, 3] x => float[3, N] y",
         "{ y = Transpose(x) }"},
        {"cancel_transposes_around", "no transpose before it", "float[N, 3] x => float[3, N] y",
         "{ a = Relu(x) y = Transpose(a) }"},
        {"cancel_transposes_around", "the transposes do not cancel",
         "float[N, 3, 4] x => float[4, N, 3] y",
         "{ a = Transpose<perm = [1, 2, 0]>(x) b = Relu(a) y = Transpose<perm = [1, 2, 0]>(b) }"},
        {"reduce_without_transpose", "no transpose before", "float[N, 3] x => float[N] y",
         "{ y = ReduceMax<axes = [1], keepdims = 0>(x) }"},
        {"reduce_without_transpose", "the axes are unknown", "float[N, 3] x => float y",
         "{ a = Transpose(x) y = ReduceMax<keepdims = 0>(a) }"},
        {"reduce_without_transpose", "the axes stay", "float[N, 3] x => float[1, N] y",
         "{ a = Transpose(x) y = ReduceMax<axes = [0]>(a) }"},
        {"reduce_without_transpose", "a bad axis", "float[N, 3] x => float[N] y",
         "{ a = Transpose(x) y = ReduceMax<axes = [7], keepdims = 0>(a) }"},
        {"reduce_without_transpose", "the axes that stay move", "float[N, 3, 4] x => float[4, 3] y",
         "{ a = Transpose(x) y = ReduceMax<axes = [2], keepdims = 0>(a) }"},
        {"fuse_transpose_into_gemm", "no transposed operand",
         "float[N, 3] x, float[3, 4] z => float[N, 4] y", "{ y = Gemm(x, z) }"},
    });

const bool kRegrouped = add_rows(
    {
        {"reshape_without_transpose", "of_an_axis_of_one", "float[N, 3, 1] x => float[N, 3] y",
         "{ a = Transpose<perm = [0, 2, 1]>(x) y = Flatten(a) }",
         "<int64[2] s = {0, 3}> { y = Reshape(x, s) }"},
        {"reshape_without_transpose", "that_the_reshape_undoes",
         "float[N, 1, 3] x => float[N, 1, 3] y",
         "<int64[3] s = {-1, 1, 3}> { a = Transpose<perm = [0, 2, 1]>(x) b = Reshape(a, s) "
         "y = Relu(b) }",
         "{ y = Relu(x) }"},
        {"reshape_around_rows", "product_and_bias", "float[N, 3, 2] x => float[N, 3, 4] y",
         "<float[2, 4] w = {1, 2, 3, 4, 5, 6, 7, 8}, float[4] b = {1, 2, 3, 4}, "
         "int64[2] s = {-1, 2}, int64[3] t = {-1, 3, 4}> "
         "{ r = Reshape(x, s) p = MatMul(r, w) q = Relu(p) a = Sub(q, b) y = Reshape(a, t) }",
         "<float[2, 4] w = {1, 2, 3, 4, 5, 6, 7, 8}, float[4] b = {1, 2, 3, 4}> "
         "{ p = MatMul(x, w) q = Relu(p) y = Sub(q, b) }"},
        {"reshape_around_rows", "elements", "float[N, 4] x => float[N, 2, 2] y",
         "<int64[3] s = {-1, 4, 1}, int64[3] t = {-1, 2, 2}, float c = {2}> "
         "{ r = Reshape(x, s) p = Tanh(r) q = Mul(c, p) y = Reshape(q, t) }",
         "<int64[3] t = {0, 2, 2}, float c = {2}> "
         "{ r = Reshape(x, t) p = Tanh(r) y = Mul(c, p) }"},
        {"reshape_around_rows", "softmax", "float[N, 3, 4] x => float[N, 3, 4] y",
         "<int64[2] s = {-1, 4}, int64[3] t = {-1, 3, 4}> "
         "{ r = Reshape(x, s) p = Softmax<axis = 1>(r) y = Reshape(p, t) }",
         "{ y = Softmax<axis = -1>(x) }"},
        {"reshape_around_gemm", "transposed_with_bias", "float[N, 3, 2] x => float[N, 3, 4] y",
         "<float[4, 2] w = {1, 2, 3, 4, 5, 6, 7, 8}, float[4] b = {1, 2, 3, 4}, "
         "int64[2] s = {-1, 2}, int64[3] t = {-1, 3, 4}> "
         "{ r = Reshape(x, s) p = Gemm<transB = 1>(r, w, b) y = Reshape(p, t) }",
         "<float[2, 4] w = {1, 3, 5, 7, 2, 4, 6, 8}, float[4] b = {1, 2, 3, 4}> "
         "{ p = MatMul(x, w) y = Add(p, b) }"},
        {"reshape_around_gemm", "without_bias", "float[N, 3, 2] x => float[N, 3, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] s = {-1, 2}, int64[3] t = {-1, 3, 2}> "
         "{ r = Reshape(x, s) p = Gemm(r, w) y = Reshape(p, t) }",
         "<float[2, 2] w = {1, 2, 3, 4}> { y = MatMul(x, w) }"},
        {"split_and_squeeze_to_gather", "squeezes",
         "float[N, 2, 4] x => float[N, 4] y, float[N, 4] z",
         "<int64[2] s = {1, 1}, int64[1] a = {1}> "
         "{ p, q = Split<axis = 1>(x, s) y = Squeeze(p, a) z = Squeeze(q, a) }",
         "<int64 i = {0}, int64 j = {1}> "
         "{ y = Gather<axis = 1>(x, i) z = Gather<axis = 1>(x, j) }"},
        {"split_and_squeeze_to_gather", "axes_as_attribute",
         "float[N, 2] x => float[N] y, float[N] z",
         "{ p, q = Split<axis = -1>(x) y = Squeeze<axes = [1]>(p) z = Squeeze<axes = [1]>(q) }",
         "<int64 i = {0}, int64 j = {1}> "
         "{ y = Gather<axis = 1>(x, i) z = Gather<axis = 1>(x, j) }",
         11},
    },
    {
        {"reshape_without_transpose", "no Transpose before", "float[N, 3, 1] x => float[N, 3] y",
         "{ y = Flatten(x) }"},
        {"reshape_without_transpose", "the shapes are unknown", "float[] x => float[A, B] y",
         "{ a = Transpose<perm = [1, 0]>(x) y = Flatten(a) }"},
        {"reshape_without_transpose", "perm does not spell out each axis once",
         "float[N, 3] x => float[N, 3] y", "{ a = Transpose<perm = [0, -7]>(x) y = Flatten(a) }"},
        {"reshape_without_transpose", "elements move", "float[N, 3, 4] x => float[N, 12] y",
         "{ a = Transpose<perm = [0, 2, 1]>(x) y = Flatten(a) }"},
        {"reshape_without_transpose", "two sizes or more are open",
         "float[A, B, 1] x => float[1, A, 1, B] y",
         "<int64[1] k = {0}> { a = Transpose<perm = [0, 2, 1]>(x) y = Unsqueeze(a, k) }"},
        {"reshape_around_rows", "no reshape before what works on rows",
         "float[N, 3, 4] x => float[N, 12] y", "{ a = Relu(x) y = Flatten(a) }"},
        {"reshape_around_rows", "the shapes are unknown", "float[] x => float[A, B] y",
         "{ a = Flatten(x) b = Relu(a) y = Flatten(b) }"},
        {"reshape_around_rows", "a scalar", "float[1] x => float[1] y",
         "<int64[1] k = {0}, int64[1] s = {1}> "
         "{ a = Squeeze(x, k) b = Relu(a) y = Reshape(b, s) }"},
        {"reshape_around_rows", "rows are cut", "float[N, 3, 2] x => float[N, 12] y",
         "<float[2, 4] w = {1, 2, 3, 4, 5, 6, 7, 8}, int64[2] s = {-1, 2}, int64[2] t = {-1, 12}> "
         "{ r = Reshape(x, s) p = MatMul(r, w) y = Reshape(p, t) }"},
        {"reshape_around_rows", "a constant has more dimensions", "float x => float y",
         "<int64[1] o = {1}, float[1] c = {2}, int64[1] k = {0}> "
         "{ r = Reshape(x, o) a = Add(r, c) y = Squeeze(a, k) }"},
        {"reshape_around_rows", "a Gemm is as good", "float[N, 6] x => float[N, 3, 1, 4] y",
         "<float[2, 4] w = {1, 2, 3, 4, 5, 6, 7, 8}, int64[2] s = {-1, 2}, "
         "int64[4] t = {-1, 3, 1, 4}> "
         "{ r = Reshape(x, s) p = MatMul(r, w) y = Reshape(p, t) }"},
        {"reshape_around_rows", "two sizes or more are open",
         "float[A, B, C] x => float[1, A, D] y",
         "<int64[1] k = {0}> { a = Flatten(x) b = Relu(a) y = Unsqueeze(b, k) }"},
        {"reshape_around_gemm", "no Gemm before", "float[N, 4] x => float[N, 2, 2] y",
         "<int64[3] s = {-1, 2, 2}> { y = Reshape(x, s) }"},
        {"reshape_around_gemm", "no reshape before the Gemm", "float[N, 2] x => float[N, 1, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[3] s = {-1, 1, 2}> "
         "{ a = Gemm(x, w) y = Reshape(a, s) }"},
        {"reshape_around_gemm", "the weight is not a constant matrix",
         "float[N, 3, 2] x, float[2, 2] w => float[N, 3, 2] y",
         "<int64[2] s = {-1, 2}, int64[3] t = {-1, 3, 2}> "
         "{ r = Reshape(x, s) p = Gemm(r, w) y = Reshape(p, t) }"},
        {"reshape_around_gemm", "the bias is not a constant row",
         "float[N, 3, 2] x, float[2] b => float[N, 3, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] s = {-1, 2}, int64[3] t = {-1, 3, 2}> "
         "{ r = Reshape(x, s) p = Gemm(r, w, b) y = Reshape(p, t) }"},
        {"reshape_around_gemm", "not a plain product", "float[N, 3, 2] x => float[N, 3, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] s = {-1, 2}, int64[3] t = {-1, 3, 2}> "
         "{ r = Reshape(x, s) p = Gemm<alpha = 2.0>(r, w) y = Reshape(p, t) }"},
        {"reshape_around_gemm", "the shapes are unknown, or too few axes",
         "float[N, 3, 2] x => float[N, 6] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] s = {-1, 2}, int64[2] t = {-1, 6}> "
         "{ r = Reshape(x, s) p = Gemm(r, w) y = Reshape(p, t) }"},
        {"reshape_around_gemm", "rows are cut", "float[N, 3, 2] x => float[N, 2, 3] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] s = {-1, 2}, int64[3] t = {-1, 2, 3}> "
         "{ r = Reshape(x, s) p = Gemm(r, w) y = Reshape(p, t) }"},
        {"reshape_around_gemm", "other axes change too", "float[N, 6, 2] x => float[A, 3, 2] y",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] s = {-1, 2}, int64[3] t = {-1, 3, 2}> "
         "{ r = Reshape(x, s) p = Gemm(r, w) y = Reshape(p, t) }"},
        {"reshape_around_gemm", "the weight is used elsewhere",
         "float[N, 3, 2] x, float[N, 2] z => float[N, 3, 2] y, float[N, 2] v",
         "<float[2, 2] w = {1, 2, 3, 4}, int64[2] s = {-1, 2}, int64[3] t = {-1, 3, 2}> "
         "{ r = Reshape(x, s) p = Gemm<transB = 1>(r, w) y = Reshape(p, t) v = MatMul(z, w) }"},
        {"split_and_squeeze_to_gather", "no Split before", "float[N, 1] x => float[N] y",
         "<int64[1] a = {1}> { y = Squeeze(x, a) }"},
        {"split_and_squeeze_to_gather", "a bad axis", "float[N, 2] x => float[A] y, float[A] z",
         "<int64[1] s = {-1}> { p, q = Split<axis = 7>(x) y = Reshape(p, s) z = Reshape(q, s) }"},
        {"split_and_squeeze_to_gather", "a part is used otherwise",
         "float[N, 2] x => float[N] y, float[N, 1] z",
         "<int64[1] a = {1}> { p, q = Split<axis = 1>(x) y = Squeeze(p, a) z = Relu(q) }"},
        {"split_and_squeeze_to_gather", "a part is used otherwise",
         "float[N, 2] x => float[N] y, float[N, 1] q",
         "<int64[1] a = {1}> { p, q = Split<axis = 1>(x) y = Squeeze(p, a) }"},
    });

}  // namespace
}  // namespace onnxport::simplify
