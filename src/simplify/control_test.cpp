// Rows of the rules of control.cpp and space_to_depth.cpp.
#include <gtest/gtest.h>

#include <set>

#include "simplify/rule_rows_test.h"
#include "simplify/table_test.h"

namespace onnxport::simplify {
namespace {

const bool kControl = add_rows(
    {
        {"inline_constant_if", "then", "float[N] x => float[N] y",
         "<bool c = {1}> { y = If<then_branch = t () => (float[N] a) { b = Relu(x) a = Neg(b) }, "
         "else_branch = e () => (float[N] d) { d = Abs(x) }>(c) }",
         "{ b = Relu(x) y = Neg(b) }"},
        {"inline_constant_if", "else", "float[N] x => float[N] y",
         "<bool[1] c = {0}> { y = If<then_branch = t () => (float[N] a) { a = Relu(x) }, "
         "else_branch = e () => (float[N] d) <float[1] k = {3}> { d = Add(x, k) }>(c) }",
         "<float[1] k = {3}> { y = Add(x, k) }"},
    },
    {
        {"inline_constant_if", "the condition is not constant", "bool c, float[N] x => float[N] y",
         "{ y = If<then_branch = t () => (float[N] a) { a = Relu(x) }, "
         "else_branch = e () => (float[N] d) { d = Abs(x) }>(c) }"},
        {"inline_constant_if", "its bodies are not an If's", "float[N] x => float[N] y",
         "<bool c = {1}> { y = If<then_branch = t () => (float[N] a) { a = Relu(x) }>(c) }"},
        {"inline_constant_if", "more nodes than before",
         "float[N] x => float[1] u, float[1] v, float[1] w",
         "<bool c = {1}> { u, v, w = If<"
         "then_branch = t () => (float[1] a, float[1] b, float[1] d) "
         "<float[1] a = {1}, float[1] b = {2}, float[1] d = {3}> { }, "
         "else_branch = e () => (float[1] f, float[1] h, float[1] i) "
         "<float[1] f = {1}, float[1] h = {2}, float[1] i = {3}> { }>(c) }"},
    });

const bool kSpaceToDepth = add_rows(
    {
        {"slices_to_space_to_depth", "in_order", "float[N, 2, 4, 6] x => float[N, 8, 2, 3] y",
         "<int64[2] oo = {0, 0}, int64[2] oi = {0, 1}, int64[2] io = {1, 0}, int64[2] ii = {1, 1}, "
         "int64[2] e = {4, 6}, int64[2] a = {2, 3}, int64[2] t = {2, 2}> "
         "{ p = Slice(x, oo, e, a, t) q = Slice(x, oi, e, a, t) u = Slice(x, io, e, a, t) "
         "v = Slice(x, ii, e, a, t) y = Concat<axis = 1>(p, q, u, v) }",
         "{ y = SpaceToDepth<blocksize = 2>(x) }"},
        {"slices_to_space_to_depth", "in_another_order",
         "float[N, 2, 4, 6] x => float[N, 8, 2, 3] y",
         "<int64[2] oo = {0, 0}, int64[2] oi = {0, 1}, int64[2] io = {1, 0}, int64[2] ii = {1, 1}, "
         "int64[2] e = {99999999999, 99999999999}, int64[2] a = {2, 3}, int64[2] t = {2, 2}> "
         "{ p = Slice(x, oo, e, a, t) q = Slice(x, io, e, a, t) u = Slice(x, oi, e, a, t) "
         "v = Slice(x, ii, e, a, t) y = Concat<axis = 1>(p, q, u, v) }",
         "<int64[8] c = {0, 1, 4, 5, 2, 3, 6, 7}> "
         "{ s = SpaceToDepth<blocksize = 2>(x) y = Gather<axis = 1>(s, c) }"},
        {"reorder_weight_not_channels", "three_channels", "float[N, 3, H] x => float[N, 1, H] y",
         "<float[1, 3, 1] w = {1, 2, 3}, int64[3] c = {2, 0, 1}> "
         "{ a = Gather<axis = 1>(x, c) y = Conv(a, w) }",
         "<float[1, 3, 1] w = {2, 3, 1}> { y = Conv(x, w) }"},
    },
    {
        {"slices_to_space_to_depth", "not the pixels of a block", "float[N, 2] x => float[N, 4] y",
         "{ y = Concat<axis = 1>(x, x) }"},
        {"slices_to_space_to_depth", "not the pixels of a block",
         "float[N, 2, 4, 4] x => float[N, 8, A, B] y",
         "<int64[1] s = {0}, int64[1] e = {4}, int64[1] a = {2}, int64[1] t = {2}> "
         "{ p = Slice(x, s, e, a, t) q = Slice(x, s, e, a, t) u = Slice(x, s, e, a, t) "
         "v = Slice(x, s, e, a, t) y = Concat<axis = 1>(p, q, u, v) }"},
        {"slices_to_space_to_depth", "not slices of one tensor",
         "float[N, 2, 4, 4] x => float[N, 8, 4, 4] y", "{ y = Concat<axis = 1>(x, x, x, x) }"},
        {"slices_to_space_to_depth", "unknown channels",
         "int64[N, 2, 4, 4] x => int64[N, 8, 2, 2] y",
         "<int64[2] oo = {0, 0}, int64[2] oi = {0, 1}, int64[2] io = {1, 0}, int64[2] ii = {1, 1}, "
         "int64[2] e = {4, 4}, int64[2] a = {2, 3}, int64[2] t = {2, 2}> "
         "{ p = Slice(x, oo, e, a, t) q = Slice(x, oi, e, a, t) u = Slice(x, io, e, a, t) "
         "v = Slice(x, ii, e, a, t) y = Concat<axis = 1>(p, q, u, v) }"},
        {"reorder_weight_not_channels", "no Gather before", "float[N, 3, H] x => float[N, 1, H] y",
         "<float[1, 3, 1] w = {1, 2, 3}> { y = Conv(x, w) }"},
        {"reorder_weight_not_channels", "the weight is grouped, or used elsewhere",
         "float[N, 2, H] x => float[N, 2, H] y",
         "<float[2, 1, 1] w = {1, 2}, int64[2] c = {1, 0}> "
         "{ a = Gather<axis = 1>(x, c) y = Conv<group = 2>(a, w) }"},
        {"reorder_weight_not_channels", "the order is computed",
         "float[N, 3, H] x, int64[3] c => float[N, 1, H] y",
         "<float[1, 3, 1] w = {1, 2, 3}> { a = Gather<axis = 1>(x, c) y = Conv(a, w) }"},
        {"reorder_weight_not_channels", "not the channels", "float[N, 3, 2] x => float[N, 1, 2] y",
         "<float[1, 3, 1] w = {1, 2, 3}, int64[2] c = {1, 0}> "
         "{ a = Gather<axis = 2>(x, c) y = Conv(a, w) }"},
        {"reorder_weight_not_channels", "not all channels", "float[N, 4, H] x => float[N, 1, H] y",
         "<float[1, 3, 1] w = {1, 2, 3}, int64[3] c = {2, 0, 1}> "
         "{ a = Gather<axis = 1>(x, c) y = Conv(a, w) }"},
        {"reorder_weight_not_channels", "not all channels", "float[N, 3, H] x => float[N, 1, H] y",
         "<float[1, 3, 1] w = {1, 2, 3}, int64[3] c = {2, 0, 0}> "
         "{ a = Gather<axis = 1>(x, c) y = Conv(a, w) }"},
        {"reorder_weight_not_channels", "counted from the back",
         "float[N, 3, H] x => float[N, 1, H] y",
         "<float[1, 3, 1] w = {1, 2, 3}, int64[3] c = {-1, 0, 1}> "
         "{ a = Gather<axis = 1>(x, c) y = Conv(a, w) }"},
    });

class Control : public GraphText {};

// They are kept as bytes, with names in them that would change.
TEST_F(Control, ABodyWithSparseInitializersStays) {
  onnx::Model model = parse(
      "g (float[N] x) => (float[N] y) <bool c = {1}> "
      "{ y = If<then_branch = t () => (float[N] a) { a = Relu(x) }, "
      "else_branch = e () => (float[N] d) { d = Abs(x) }>(c) }");
  onnx::subgraphs(*model.graph->first())[0]->sparse_initializers.emplace_back("bytes");
  std::set<std::string> reasons;
  Options options;
  options.refused = [&](const Refusal& refusal) { reasons.insert(refusal.reason); };
  ASSERT_TRUE(simplify(model, options).ok());
  EXPECT_EQ(operators(model), "If");
  EXPECT_EQ(reasons.count("the body has sparse initializers or annotations"), 1U);
}

}  // namespace
}  // namespace onnxport::simplify
