// Rows of the rules of arithmetic.cpp and cast.cpp.
#include <gtest/gtest.h>

#include <set>

#include "simplify/rule_rows_test.h"
#include "simplify/simplify.h"

namespace onnxport::simplify {
namespace {

const bool kArithmetic = add_rows(
    {
        {"drop_neutral_operand", "of_every_operator", "float[N] x => float[N] y",
         "<float z = {0}, float o = {1}> { a = Add(z, x) b = Sub(a, z) c = Mul(o, b) d = Div(c, o) "
         "e = Pow(d, o) y = Relu(e) }",
         "{ y = Relu(x) }"},
        {"drop_neutral_operand", "a_list_of_integers", "int64[N, 2] x => int64[N, 2] y",
         "<int64[2] z = {0, 0}> { a = Add(x, z) y = Neg(a) }", "{ y = Neg(x) }"},
        {"merge_constant_operands", "sum", "float[N, 2] x => float[N, 2] y",
         "<float a = {1}, float[2] b = {2, 3}> { p = Add(x, a) y = Add(b, p) }",
         "<float[2] c = {3, 4}> { y = Add(x, c) }"},
        {"merge_constant_operands", "product", "float[N, 2] x => float[N, 2] y",
         "<float[2] a = {3, 5}, float b = {2}> { p = Mul(a, x) y = Mul(p, b) }",
         "<float[2] c = {6, 10}> { y = Mul(x, c) }"},
        {"merge_unlike_constant_operands", "quotient_and_product", "float[N] x => float[N] y",
         "<float a = {2}, float b = {6}> { p = Div(x, a) y = Mul(p, b) }",
         "<float c = {3}> { y = Mul(x, c) }"},
        {"merge_unlike_constant_operands", "product_and_quotient", "float[N] x => float[N] y",
         "<float a = {2}, float b = {8}> { p = Mul(x, a) y = Div(p, b) }",
         "<float c = {0.25}> { y = Mul(x, c) }"},
        {"merge_unlike_constant_operands", "two_quotients", "float[N] x => float[N] y",
         "<float a = {2}, float b = {5}> { p = Div(x, a) y = Div(p, b) }",
         "<float c = {10}> { y = Div(x, c) }"},
        {"merge_unlike_constant_operands", "difference_and_sum", "float[N] x => float[N] y",
         "<float a = {2}, float b = {5}> { p = Sub(x, a) y = Add(b, p) }",
         "<float c = {3}> { y = Add(x, c) }"},
        {"merge_unlike_constant_operands", "sum_and_difference", "int64[N] x => int64[N] y",
         "<int64 a = {2}, int64 b = {5}> { p = Add(a, x) y = Sub(p, b) }",
         "<int64 c = {-3}> { y = Add(x, c) }"},
        {"merge_unlike_constant_operands", "two_differences", "float[N] x => float[N] y",
         "<float a = {2}, float b = {5}> { p = Sub(x, a) y = Sub(p, b) }",
         "<float c = {7}> { y = Sub(x, c) }"},
        {"add_of_negated", "first", "float[N] x, float[N] z => float[N] y",
         "{ a = Neg(z) y = Add(a, x) }", "{ y = Sub(x, z) }"},
        {"add_of_negated", "second", "float[N] x, float[N] z => float[N] y",
         "{ a = Neg(z) y = Add(x, a) }", "{ y = Sub(x, z) }"},
        {"multiply_by_reciprocal", "first", "float[N] x, float[N] z => float[N] y",
         "{ a = Reciprocal(z) y = Mul(a, x) }", "{ y = Div(x, z) }", 17, 0.5, 2},
        {"multiply_by_reciprocal", "second", "float[N] x, float[N] z => float[N] y",
         "{ a = Reciprocal(z) y = Mul(x, a) }", "{ y = Div(x, z) }", 17, 0.5, 2},
    },
    {
        {"drop_neutral_operand", "no constant operand", "float[N] x, float[N] z => float[N] y",
         "{ y = Add(x, z) }"},
        {"drop_neutral_operand", "the constant comes first", "float[N] x => float[N] y",
         "<float z = {0}> { y = Sub(z, x) }"},
        {"drop_neutral_operand", "not neutral", "float[N] x => float[N] y",
         "<float z = {1}> { y = Add(x, z) }"},
        {"drop_neutral_operand", "x is broadcast", "float[2] x => float[3, 2] y",
         "<float[3, 1] z = {0, 0, 0}> { y = Add(x, z) }"},
        {"merge_constant_operands", "no constant operand", "float[N] x, float[N] z => float[N] y",
         "{ y = Add(x, z) }"},
        {"merge_constant_operands", "no such node before", "float[N] x => float[N] y",
         "<float c = {2}> { p = Mul(x, c) y = Add(p, c) }"},
        {"merge_constant_operands", "the node before has no constant operand",
         "float[N] x, float[N] z => float[N] y", "<float c = {2}> { p = Add(x, z) y = Add(p, c) }"},
        {"merge_constant_operands", "the constants do not fold",
         "float[N, 3, 4] x => float[N, 3, 4] y",
         "<float[2] a = {1, 2}, float[3] b = {1, 2, 3}> { p = Add(x, a) y = Add(p, b) }"},
        {"merge_constant_operands", "the constant would grow",
         "float[N, 3, 4] x => float[N, 3, 4] y",
         "<float[4] a = {1, 2, 3, 4}, float[3, 1] b = {5, 6, 7}> { p = Add(x, a) y = Add(p, b) }"},
        {"merge_unlike_constant_operands", "no constant comes last", "float[N] x => float[N] y",
         "<float c = {2}> { y = Sub(c, x) }"},
        {"merge_unlike_constant_operands", "no such node before", "float[N] x => float[N] y",
         "<float c = {2}> { y = Sub(x, c) }"},
        {"merge_unlike_constant_operands", "no such node before", "float[N] x => float[N] y",
         "<float c = {2}> { p = Div(x, c) y = Add(p, c) }"},
        {"merge_unlike_constant_operands", "alike, or another operator before",
         "float[N] x => float[N] y", "<float c = {2}> { p = Add(x, c) y = Add(p, c) }"},
        {"merge_unlike_constant_operands", "no constant last", "float[N] x => float[N] y",
         "<float c = {2}> { p = Sub(c, x) y = Add(p, c) }"},
        {"merge_unlike_constant_operands", "integers are cut off", "int64[N] x => int64[N] y",
         "<int64 a = {3}, int64 b = {2}> { p = Div(x, a) y = Mul(p, b) }"},
        {"merge_unlike_constant_operands", "the constants do not fold",
         "float[N, 3, 4] x => float[N, 3, 4] y",
         "<float[4] a = {1, 2, 3, 4}, float[3, 1] b = {5, 6, 7}> { p = Div(x, a) y = Mul(p, b) }"},
        {"add_of_negated", "nothing negated", "float[N] x, float[N] z => float[N] y",
         "{ y = Add(x, z) }"},
        {"multiply_by_reciprocal", "no Reciprocal", "float[N] x, float[N] z => float[N] y",
         "{ y = Mul(x, z) }"},
        {"multiply_by_reciprocal", "a size is computed from it: its last digit counts",
         "float[N, 2] x => int64[1] y",
         "<float c = {48}> { s = Shape<end = 1>(x) f = Cast<to = 1>(s) r = Reciprocal(f) "
         "m = Mul(r, c) y = Cast<to = 7>(m) }"},
    });

const bool kCasts = add_rows(
    {
        {"drop_same_type_cast", "float", "float[N] x => float[N] y",
         "{ a = Cast<to = 1>(x) y = Relu(a) }", "{ y = Relu(x) }"},
        {"merge_casts", "wider_first", "float[N] x => int32[N] y",
         "{ a = Cast<to = 11>(x) y = Cast<to = 6>(a) }", "{ y = Cast<to = 6>(x) }"},
        {"merge_casts", "unsigned_to_signed", "uint8[N] x => float[N] y",
         "{ a = Cast<to = 5>(x) y = Cast<to = 1>(a) }", "{ y = Cast<to = 1>(x) }", 17, 0, 200},
        {"merge_casts", "truths", "bool[N] x => bool[N] y",
         "{ a = Cast<to = 1>(x) b = Cast<to = 9>(a) y = Not(b) }",
         "{ a = Cast<to = 9>(x) y = Not(a) }"},
        {"cast_like_to_cast", "to_an_integer", "float[N] x, int64[M] z => int64[N] y",
         "{ y = CastLike(x, z) }", "{ y = Cast<to = 7>(x) }"},
    },
    {
        {"drop_same_type_cast", "the types differ", "float[N] x => int64[N] y",
         "{ y = Cast<to = 7>(x) }"},
        {"merge_casts", "no cast before", "float[N] x => int64[N] y", "{ y = Cast<to = 7>(x) }"},
        {"merge_casts", "the cast before may lose something", "float[N] x => float[N] y",
         "{ a = Cast<to = 10>(x) y = Cast<to = 1>(a) }"},
        {"merge_casts", "to bool", "float[N] x => bool[N] y",
         "{ a = Cast<to = 11>(x) y = Cast<to = 9>(a) }"},
        {"cast_like_to_cast", "the type is unknown", "float[N] x => float[N] y",
         "{ z = com.foo.Make(x) y = CastLike(x, z) }"},
    });

TEST(Arithmetic, ConstantsOfManyElementsStayApart) {
  constexpr int64_t kMany = (int64_t{1} << 18) + 1;
  for (const char* second : {"Add", "Sub"}) {
    onnx::Model model;
    model.opset_imports[""] = 17;
    onnx::Graph& g = *model.graph;
    onnx::Value* x = g.add_input("x", DType::kFloat, Shape{kMany});
    onnx::Value* a = g.add_initializer("a", Tensor::filled(DType::kFloat, {kMany}, 2));
    onnx::Value* b = g.add_initializer("b", Tensor::filled(DType::kFloat, {kMany}, 3));
    onnx::Value* sum = g.add_node("Add", {x, a})->output();
    g.add_output(g.add_node(second, {sum, b})->output());
    std::set<std::string> reasons;
    Options options;
    options.refused = [&](const Refusal& refusal) { reasons.insert(refusal.reason); };
    ASSERT_TRUE(simplify(model, options).ok());
    EXPECT_EQ(reasons.count("large constants"), 1U) << second;
    EXPECT_EQ(g.node_count(), 2U);
  }
}

}  // namespace
}  // namespace onnxport::simplify
