// Einsum in the words of other operators, as a table.
#include <gtest/gtest.h>

#include "simplify/rule_rows_test.h"
#include "simplify/simplify.h"
#include "simplify/table_test.h"

namespace onnxport::simplify {
namespace {

class Einsum : public GraphText, public ::testing::WithParamInterface<Pair> {};

TEST_P(Einsum, GivesTheOperatorsOfTheTable) { expect_operators(GetParam()); }

TEST_P(Einsum, ChangesNothingTheSecondTime) { expect_settled(GetParam()); }

constexpr Pair kPairs[] = {
    {"einsum_is_matmul",
     "g (float[N, 3, L] a, float[N, L, 5] b) => (float[N, 3, 5] y) "
     "{ y = Einsum<equation = \"bij,bjk->bik\">(a, b) }",
     "MatMul"},
    {"einsum_is_matmul_the_other_way_round",
     "g (float[N, L, 5] b, float[N, 3, L] a) => (float[N, 3, 5] y) "
     "{ y = Einsum<equation = \"bjk, bij -> bik\">(b, a) }",
     "MatMul"},
    {"einsum_of_rows",
     "g (float[N, L, 2] x) => (float[N, L, 3] y) <float[2, 3] w = {1, 2, 3, 4, 5, 6}> "
     "{ y = Einsum<equation = \"...i,ij->...j\">(x, w) }",
     "MatMul"},
    {"einsum_with_a_transposed_weight",
     "g (float[N, L, 2] x) => (float[N, L, 3] y) <float[3, 2] w = {1, 2, 3, 4, 5, 6}> "
     "{ y = Einsum<equation = \"bti,oi->bto\">(x, w) }",
     "MatMul"},
    {"einsum_with_a_vector",
     "g (float[N, L, 2] x, float[2] w) => (float[N, L] y) "
     "{ y = Einsum<equation = \"bti,i->bt\">(x, w) }",
     "MatMul"},
    {"einsum_of_vectors",
     "g (float[3] x, float[3] w) => (float y) { y = Einsum<equation = \"i,i\">(x, w) }", "MatMul"},
    {"einsum_with_an_implied_output",
     "g (float[3, L] x, float[L, 4] w) => (float[3, 4] y) { y = Einsum<equation = \"ij,jk\">(x, w) }",
     "MatMul"},
    {"einsum_after_the_transpose_that_it_undoes",
     "g (float[N, 3, L] a, float[N, L, 5] b) => (float[N, 3, 5] y) "
     "{ t = Transpose<perm = [0, 2, 1]>(b) y = Einsum<equation = \"bij,bkj->bik\">(a, t) }",
     "MatMul"},
    {"einsum_takes_transposes_in",
     "g (float[N, 3, 2, L] a, float[N, 5, 2, L] b) => (float[N, 3, 2, 5] y) "
     "{ s = Transpose<perm = [0, 2, 1, 3]>(a) t = Transpose<perm = [0, 2, 1, 3]>(b) "
     "e = Einsum<equation = \"bhid,bhjd->bhij\">(s, t) y = Transpose<perm = [0, 2, 1, 3]>(e) }",
     "Einsum"},
    {"einsum_takes_transposes_in_before_it_is_matmul",
     "g (float[N, 2, 5, 6] w, float[N, 6, 2, L] v) => (float[N, 5, 2, L] y) "
     "{ t = Transpose<perm = [0, 2, 1, 3]>(v) e = Einsum<equation = \"bhij,bhjd->bhid\">(w, t) "
     "y = Transpose<perm = [0, 2, 1, 3]>(e) }",
     "Einsum"},
    {"einsum_takes_a_transpose_in_over_a_factor",
     "g (float[N, 3, L] a, float[N, L, 5] b) => (float[N, 3, 5] y) <float k = {0.5}> "
     "{ t = Transpose<perm = [0, 2, 1]>(b) s = Mul(t, k) "
     "y = Einsum<equation = \"bij,bkj->bik\">(a, s) }",
     "Mul MatMul"},
    {"transpose_used_elsewhere_stays_before_einsum",
     "g (float[N, 3, L] a, float[N, 5, L] b) => (float[N, 3, 5] y) "
     "{ t = Transpose<perm = [0, 2, 1]>(b) e = Einsum<equation = \"bij,bjk->bik\">(a, t) "
     "m = ReduceMax<axes = [1]>(t) y = Add(e, m) }",
     "Transpose MatMul ReduceMax Add"},
    {"einsum_is_a_product",
     "g (float[N, 3, 4] a, float[3, 4] b) => (float[N, 3, 4] y) "
     "{ y = Einsum<equation = \"bij,ij->bij\">(a, b) }",
     "Mul"},
    {"einsum_is_a_transpose",
     "g (float[N, 3, 4] x) => (float[4, N, 3] y) { y = Einsum<equation = \"bij->jbi\">(x) }",
     "Transpose"},
    {"einsum_is_nothing",
     "g (float[N, 3, 4] x) => (float[N, 3, 4] y) "
     "{ r = Relu(x) e = Einsum<equation = \"bij->bij\">(r) y = Neg(e) }",
     "Relu Neg"},
    {"einsum_is_a_sum",
     "g (float[N, 3, 4] x) => (float[N, 4] y) { y = Einsum<equation = \"bij->bj\">(x) }",
     "ReduceSum"},
    {"einsum_is_a_sum_before_opset_13",
     "g (float[N, 3, 4] x) => (float y) { y = Einsum<equation = \"bij->\">(x) }", "ReduceSum", 12},
    {"scale_of_an_einsum_into_the_query",
     "g (float[N, 3, 2] x) => (float[N, 3, 3] y) <float[2, 2] w = {1, 2, 3, 4}, "
     "float[2, 2] u = {2, 1, 1, 2}, float k = {8}> "
     "{ q = MatMul(x, w) v = MatMul(x, u) p = Einsum<equation = \"bid,bjd->bij\">(q, v) "
     "y = Div(p, k) }",
     "MatMul MatMul Einsum"},
    {"attention_by_einsum",
     "g (float[N, 2, 5, 4] q, float[N, 2, 6, 4] k, float[N, 2, 6, 4] v) => (float[N, 2, 5, 4] y) "
     "<float s = {2}> { p = Einsum<equation = \"bhid,bhjd->bhij\">(q, k) d = Div(p, s) "
     "w = Softmax<axis = -1>(d) y = Einsum<equation = \"bhij,bhjd->bhid\">(w, v) }",
     "Attention", 23},
    {"einsum_that_needs_a_transpose_stays",
     "g (float[N, 3, L] a, float[N, 5, L] b) => (float[N, 3, 5] y) "
     "{ y = Einsum<equation = \"bij,bkj->bik\">(a, b) }",
     "Einsum"},
    {"einsum_with_a_shared_weight_to_transpose_stays",
     "g (float[N, 2] x) => (float[N, 3] y) <float[3, 2] w = {1, 2, 3, 4, 5, 6}> "
     "{ e = Einsum<equation = \"ti,oi->to\">(x, w) f = MatMul(e, w) "
     "g = Einsum<equation = \"ti,oi->to\">(f, w) y = Sub(e, g) }",
     "Einsum MatMul Einsum Sub"},
    {"einsum_that_broadcasts_the_sum_stays",
     "g (float[N, 3, 4] a, float[N, 1, 5] b) => (float[N, 3, 5] y) "
     "{ y = Einsum<equation = \"bij,bjk->bik\">(a, b) }",
     "Einsum"},
    {"einsum_of_sizes_that_may_differ_stays",
     "g (float[N, 3, K] a, float[N, L, 5] b) => (float[N, 3, 5] y) "
     "{ y = Einsum<equation = \"bij,bjk->bik\">(a, b) }",
     "Einsum"},
    {"einsum_whose_batch_is_not_the_last_axis_stays",
     "g (float[N, 2, 3, 4] a, float[N, 4, 5] b) => (float[N, 2, 3, 5] y) "
     "{ y = Einsum<equation = \"bhij,bjk->bhik\">(a, b) }",
     "Einsum"},
    {"einsum_of_two_sums_stays",
     "g (float[N, 3, 4] a, float[3, 4, 5] b) => (float[N, 5] y) "
     "{ y = Einsum<equation = \"bij,ijk->bk\">(a, b) }",
     "Einsum"},
    {"einsum_of_a_diagonal_stays",
     "g (float[3, 3] x) => (float[3] y) { y = Einsum<equation = \"ii->i\">(x) }", "Einsum"},
    {"einsum_of_an_outer_product_stays",
     "g (float[3] a, float[4] b) => (float[3, 4] y) { y = Einsum<equation = \"i,j->ij\">(a, b) }",
     "Einsum"},
};

INSTANTIATE_TEST_SUITE_P(Table, Einsum, ::testing::ValuesIn(kPairs),
                         [](const auto& info) { return std::string(info.param.name); });

const bool kRows = add_rows(
    {
        {"einsum_to_transpose", "axes_that_move", "float[N, 3, 4] x => float[4, N, 3] y",
         "{ y = Einsum<equation = \"bij->jbi\">(x) }", "{ y = Transpose<perm = [2, 0, 1]>(x) }"},
        {"einsum_to_transpose", "nothing_moves", "float[N, 3] x => float[N, 3] y",
         "{ a = Einsum<equation = \"...i->...i\">(x) y = Relu(a) }", "{ y = Relu(x) }"},
        {"einsum_to_sum", "axes_as_input", "float[N, 3, 4] x => float[N, 4] y",
         "{ y = Einsum<equation = \"bij->bj\">(x) }",
         "<int64[1] a = {1}> { y = ReduceSum<keepdims = 0>(x, a) }"},
        {"einsum_to_sum", "axes_as_attribute", "float[N, 3] x => float y",
         "{ y = Einsum<equation = \"bi->\">(x) }",
         "{ y = ReduceSum<axes = [0, 1], keepdims = 0>(x) }", 12},
        {"einsum_to_mul", "aligned_axes", "float[N, 3, 4] a, float[3, 4] b => float[N, 3, 4] y",
         "{ y = Einsum<equation = \"bij,ij->bij\">(a, b) }", "{ y = Mul(a, b) }"},
        {"einsum_to_matmul", "in_order", "float[N, 3, 4] a, float[N, 4, 5] b => float[N, 3, 5] y",
         "{ y = Einsum<equation = \"bij,bjk->bik\">(a, b) }", "{ y = MatMul(a, b) }"},
        {"einsum_to_matmul", "in_the_other_order",
         "float[N, 4, 5] a, float[N, 3, 4] b => float[N, 3, 5] y",
         "{ y = Einsum<equation = \"bjk,bij->bik\">(a, b) }", "{ y = MatMul(b, a) }"},
        {"einsum_to_matmul", "a_weight_to_transpose", "float[N, 2] x => float[N, 3] y",
         "<float[3, 2] w = {1, 2, 3, 4, 5, 6}> { y = Einsum<equation = \"ti,oi->to\">(x, w) }",
         "<float[2, 3] w = {1, 3, 5, 2, 4, 6}> { y = MatMul(x, w) }"},
        {"einsum_to_matmul", "a_vector", "float[N, 3, 4] a, float[4] b => float[N, 3] y",
         "{ y = Einsum<equation = \"...ij,j->...i\">(a, b) }", "{ y = MatMul(a, b) }"},
        {"fuse_transpose_into_einsum", "alone",
         "float[N, 3, 4] a, float[N, 5, 4] b => float[N, 3, 5] y",
         "{ t = Transpose<perm = [0, 2, 1]>(b) y = Einsum<equation = \"bij,bjk->bik\">(a, t) }",
         "{ y = Einsum<equation = \"bij,bkj->bik\">(a, b) }"},
        {"fuse_transpose_into_einsum", "before_a_factor",
         "float[4, 3, N] a, float[N, 4, 5] b => float[N, 3, 5] y",
         "<float k = {2}> { t = Transpose(a) s = Mul(k, t) "
         "y = Einsum<equation = \"bij,bjk->bik\">(s, b) }",
         "<float k = {2}> { s = Mul(k, a) y = Einsum<equation = \"jib,bjk->bik\">(s, b) }"},
        {"fuse_einsum_and_transpose", "of_the_result",
         "float[N, 3, 4] a, float[N, 5, 4] b => float[5, N, 3] y",
         "{ e = Einsum<equation = \"bij, bkj -> bik\">(a, b) y = Transpose<perm = [2, 0, 1]>(e) }",
         "{ y = Einsum<equation = \"bij,bkj->kbi\">(a, b) }"},
    },
    {
        {"einsum_to_transpose", "not of one input", "float[3] a, float[3] b => float y",
         "{ y = Einsum<equation = \"i,i->\">(a, b) }"},
        {"einsum_to_transpose", "axes are summed", "float[N, 3] x => float[N] y",
         "{ y = Einsum<equation = \"bi->b\">(x) }"},
        {"einsum_to_sum", "not of one input", "float[3] a, float[3] b => float y",
         "{ y = Einsum<equation = \"i,i->\">(a, b) }"},
        {"einsum_to_sum", "the operator does not take this type", "uint8[N, 3] x => uint8[N] y",
         "{ y = Einsum<equation = \"bi->b\">(x) }"},
        {"einsum_to_sum", "axes move", "float[N, 3, 4] x => float[3, N] y",
         "{ y = Einsum<equation = \"bij->ib\">(x) }"},
        {"einsum_to_mul", "not of two inputs", "float[N, 3] x => float[N] y",
         "{ y = Einsum<equation = \"bi->b\">(x) }"},
        {"einsum_to_mul", "axes move, or are summed", "float[3] a, float[4] b => float[3, 4] y",
         "{ y = Einsum<equation = \"i,j->ij\">(a, b) }"},
        {"einsum_to_mul", "the operator does not take this type",
         "uint8[3] a, uint8[3] b => uint8[3] y", "{ y = Einsum<equation = \"i,i->i\">(a, b) }"},
        {"einsum_to_matmul", "not of two inputs", "float[N, 3] x => float[N] y",
         "{ y = Einsum<equation = \"bi->b\">(x) }"},
        {"einsum_to_matmul", "not one axis is summed", "float[3] a, float[4] b => float[3, 4] y",
         "{ y = Einsum<equation = \"i,j->ij\">(a, b) }"},
        {"einsum_to_matmul", "the equation takes the transposes in first",
         "float[N, 3, 4] a, float[N, 5, 4] b => float[N, 3, 5] y",
         "{ t = Transpose<perm = [0, 2, 1]>(b) y = Einsum<equation = \"bij,bjk->bik\">(a, t) }"},
        {"einsum_to_matmul", "the operator does not take this type",
         "uint8[3, 4] a, uint8[4, 5] b => uint8[3, 5] y",
         "{ y = Einsum<equation = \"ij,jk->ik\">(a, b) }"},
        {"einsum_to_matmul", "the sizes of the axis differ, or are unknown",
         "float[N, 3, K] a, float[N, L, 5] b => float[N, 3, 5] y",
         "{ y = Einsum<equation = \"bij,bjk->bik\">(a, b) }"},
        {"einsum_to_matmul", "axes would have to move",
         "float[N, 3, L] a, float[N, 5, L] b => float[N, 3, 5] y",
         "{ y = Einsum<equation = \"bij,bkj->bik\">(a, b) }"},
        {"fuse_transpose_into_einsum", "the equation has open axes",
         "float[N, 3, 4] a, float[N, 4, 5] b => float[N, 3, 5] y",
         "{ y = Einsum<equation = \"...ij,...jk->...ik\">(a, b) }"},
        {"fuse_transpose_into_einsum", "no Transpose of its own before",
         "float[3, 4] a, float[4, 5] b => float[3, 5] y",
         "{ y = Einsum<equation = \"ij,jk->ik\">(a, b) }"},
        {"fuse_einsum_and_transpose", "no Einsum before", "float[N, 3] x => float[3, N] y",
         "{ y = Transpose(x) }"},
        {"fuse_einsum_and_transpose", "the equation has open axes",
         "float[N, 3, 4] a, float[N, 4, 5] b => float[N, 5, 3] y",
         "{ e = Einsum<equation = \"...ij,...jk->...ik\">(a, b) "
         "y = Transpose<perm = [0, 2, 1]>(e) }"},
    });

}  // namespace
}  // namespace onnxport::simplify
