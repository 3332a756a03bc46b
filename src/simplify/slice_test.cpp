// Rows of the rules of slice.cpp and concat.cpp.
#include "simplify/rule_rows_test.h"

namespace onnxport::simplify {
namespace {

const bool kSlices = add_rows(
    {
        {"drop_whole_axes_of_slice", "one_of_two", "float[N, 4] x => float[N, 2] y",
         "<int64[2] s = {0, 1}, int64[2] e = {9223372036854775807, 3}, int64[2] a = {0, 1}> "
         "{ y = Slice(x, s, e, a) }",
         "<int64[1] s = {1}, int64[1] e = {3}, int64[1] a = {1}> { y = Slice(x, s, e, a) }"},
        {"drop_whole_axes_of_slice", "with_steps", "float[3, 5] x => float[3, 2] y",
         "<int64[2] s = {0, 1}, int64[2] e = {3, 5}, int64[2] a = {0, -1}, int64[2] t = {1, 2}> "
         "{ y = Slice(x, s, e, a, t) }",
         "<int64[1] s = {1}, int64[1] e = {5}, int64[1] a = {1}, int64[1] t = {2}> "
         "{ y = Slice(x, s, e, a, t) }"},
        {"merge_slices", "two_axes", "float[4, 6] x => float[2, 2] y",
         "<int64[1] s = {1}, int64[1] e = {3}, int64[1] a = {0}, int64[1] f = {-2}, "
         "int64[1] g = {6}, int64[1] b = {1}> "
         "{ p = Slice(x, s, e, a) y = Slice(p, f, g, b) }",
         "<int64[2] s = {1, -2}, int64[2] e = {3, 6}, int64[2] a = {0, 1}> "
         "{ y = Slice(x, s, e, a) }"},
        {"merge_slices", "one_axis_twice", "float[N, 9] x => float[N, 2] y",
         "<int64[1] s = {2}, int64[1] e = {8}, int64[1] a = {1}, int64[1] f = {1}, "
         "int64[1] g = {3}> { p = Slice(x, s, e, a) y = Slice(p, f, g, a) }",
         "<int64[1] s = {3}, int64[1] e = {5}, int64[1] a = {1}> { y = Slice(x, s, e, a) }"},
        {"merge_slices", "past_the_end_of_the_first", "float[N, 9] x => float[N, 1] y",
         "<int64[1] s = {2}, int64[1] e = {4}, int64[1] a = {1}, int64[1] f = {1}, "
         "int64[1] g = {99}> { p = Slice(x, s, e, a) y = Slice(p, f, g, a) }",
         "<int64[1] s = {3}, int64[1] e = {4}, int64[1] a = {1}> { y = Slice(x, s, e, a) }"},
        {"merge_slices", "to_an_open_end", "float[N, 9] x => float[N, 6] y",
         "<int64[1] s = {2}, int64[1] e = {9223372036854775807}, int64[1] a = {1}, "
         "int64[1] f = {1}> { p = Slice(x, s, e, a) y = Slice(p, f, e, a) }",
         "<int64[1] s = {3}, int64[1] e = {9223372036854775807}, int64[1] a = {1}> "
         "{ y = Slice(x, s, e, a) }"},
        {"slices_to_split", "sizes_as_input", "float[N, 5] x => float[N, 2] y, float[N, 3] z",
         "<int64[1] s = {0}, int64[1] h = {2}, int64[1] e = {9}, int64[1] a = {1}> "
         "{ y = Slice(x, s, h, a) z = Slice(x, h, e, a) }",
         "<int64[2] p = {2, 3}> { y, z = Split<axis = 1>(x, p) }"},
        {"slices_to_split", "sizes_as_attribute", "float[4, M] x => float[1, M] y, float[3, M] z",
         "<int64[1] s = {-3}, int64[1] h = {1}, int64[1] e = {4}, int64[1] o = {0}, "
         "int64[1] a = {0}> { z = Slice(x, s, e, a) y = Slice(x, o, h, a) }",
         "{ y, z = Split<axis = 0, split = [1, 3]>(x) }", 11},
        {"shape_of_what_came_before", "elementwise", "float[N, 4] x => int64[2] y",
         "{ a = Relu(x) y = Shape(a) }", "{ y = Shape(x) }"},
        {"shape_of_some_axes", "gather", "float[N, M, 4] x => int64[2] y",
         "<int64[2] i = {-2, 2}> { s = Shape(x) y = Gather(s, i) }",
         "{ y = Shape<start = 1, end = 3>(x) }"},
        {"shape_of_some_axes", "slice", "float[N, M, 4] x => int64[2] y",
         "<int64[1] s = {-2}, int64[1] e = {100}> { a = Shape(x) y = Slice(a, s, e) }",
         "{ y = Shape<start = 1, end = 3>(x) }"},
        {"gather_as_list", "unsqueeze", "float[N, 3, 4] x => float[N, 1, 4] y",
         "<int64 i = {2}, int64[1] a = {1}> { g = Gather<axis = 1>(x, i) y = Unsqueeze(g, a) }",
         "<int64[1] i = {2}> { y = Gather<axis = 1>(x, i) }"},
        {"gather_as_list", "reshape", "float[N, 3] x => float[N, 1] y",
         "<int64 i = {-1}, int64[2] s = {-1, 1}> { g = Gather<axis = -1>(x, i) y = Reshape(g, s) }",
         "<int64[1] i = {-1}> { y = Gather<axis = 1>(x, i) }"},
        {"merge_gathers_in_concat", "beside_each_other",
         "float[N, 3] x, float[N, 1] z => float[N, 4] y",
         "<int64[1] i = {2}, int64[2] j = {0, 1}> "
         "{ a = Gather<axis = 1>(x, i) b = Gather<axis = 1>(x, j) y = Concat<axis = 1>(z, a, b) }",
         "<int64[3] i = {2, 0, 1}> "
         "{ a = Gather<axis = 1>(x, i) y = Concat<axis = 1>(z, a) }"},
    },
    {
        {"drop_whole_axes_of_slice", "the bounds are attributes", "float[N, 4] x => float[N, 2] y",
         "{ y = Slice<axes = [0, 1], ends = [99, 2], starts = [0, 0]>(x) }", 9},
        {"drop_whole_axes_of_slice", "one axis, or computed bounds",
         "float[N, 4] x => float[N, 2] y",
         "<int64[1] s = {0}, int64[1] e = {2}, int64[1] a = {1}> { y = Slice(x, s, e, a) }"},
        {"drop_whole_axes_of_slice", "no axis is whole", "float[3, 4] x => float[2, 2] y",
         "<int64[2] s = {0, 0}, int64[2] e = {2, 2}> { y = Slice(x, s, e) }"},
        {"merge_slices", "the bounds are attributes", "float[4, 6] x => float[2, 2] y",
         "{ p = Slice<axes = [0], ends = [2], starts = [0]>(x) "
         "y = Slice<axes = [1], ends = [2], starts = [0]>(p) }",
         9},
        {"merge_slices", "no Slice before", "float[N, 4] x => float[N, 2] y",
         "<int64[1] s = {0}, int64[1] e = {2}, int64[1] a = {1}> { y = Slice(x, s, e, a) }"},
        {"merge_slices", "the bounds are computed", "float[4, 6] x, int64[1] e => float[A, B] y",
         "<int64[1] s = {0}, int64[1] a = {0}, int64[1] b = {1}> "
         "{ p = Slice(x, s, e, a) y = Slice(p, s, e, b) }"},
        {"merge_slices", "the same axis is cut twice", "float[N, 9] x => float[N, 2] y",
         "<int64[1] s = {2}, int64[1] e = {8}, int64[1] a = {1}, int64[1] f = {-2}> "
         "{ p = Slice(x, s, e, a) y = Slice(p, f, e, a) }"},
        {"slices_to_split", "not one axis", "float[3, 4] x => float[2, 2] y",
         "<int64[2] s = {0, 0}, int64[2] e = {2, 2}> { y = Slice(x, s, e) }"},
        {"slices_to_split", "the size is unknown, or nothing else is cut",
         "float[N, 4] x => float[N, 2] y",
         "<int64[1] s = {0}, int64[1] e = {2}, int64[1] a = {1}> { y = Slice(x, s, e, a) }"},
        {"slices_to_split", "they are not all of it, or overlap",
         "float[N, 4] x => float[N, 3] y, float[N, 3] z",
         "<int64[1] o = {0}, int64[1] s = {1}, int64[1] h = {3}, int64[1] e = {4}, "
         "int64[1] a = {1}> { y = Slice(x, o, h, a) z = Slice(x, s, e, a) }"},
        {"slices_to_split", "they are not all of it",
         "float[N, 4] x => float[N, 1] y, float[N, 2] z",
         "<int64[1] o = {0}, int64[1] s = {1}, int64[1] e = {3}, int64[1] a = {1}> "
         "{ y = Slice(x, o, s, a) z = Slice(x, s, e, a) }"},
        {"shape_of_what_came_before", "no node before", "float[N, 4] x => int64[2] y",
         "{ y = Shape(x) }"},
        {"shape_of_what_came_before", "the sizes change", "float[N, 4] x => int64[2] y",
         "{ a = Transpose<perm = [1, 0]>(x) y = Shape(a) }"},
        {"shape_of_some_axes", "Shape has no bounds in this opset", "float[N, M] x => int64[1] y",
         "<int64[1] i = {1}> { s = Shape(x) y = Gather(s, i) }", 14},
        {"shape_of_some_axes", "no Shape before", "int64[4] x => int64[1] y",
         "<int64[1] i = {1}> { y = Gather(x, i) }"},
        {"shape_of_some_axes", "the Shape has bounds already", "float[N, M, 4] x => int64[1] y",
         "<int64[1] i = {1}> { s = Shape<start = 1>(x) y = Gather(s, i) }"},
        {"shape_of_some_axes", "not a list of axes", "float[N, M] x => int64 y",
         "<int64 i = {1}> { s = Shape(x) y = Gather(s, i) }"},
        {"shape_of_some_axes", "not one after the other", "float[N, M, 4] x => int64[2] y",
         "<int64[2] i = {0, 2}> { s = Shape(x) y = Gather(s, i) }"},
        {"shape_of_some_axes", "the bounds are computed", "float[N, M] x, int64[1] e => int64[A] y",
         "<int64[1] i = {0}> { s = Shape(x) y = Slice(s, i, e) }"},
        {"shape_of_some_axes", "outside the shape", "float[N, M] x => int64[1] y",
         "<int64[1] i = {2}> { s = Shape(x) y = Gather(s, i) }"},
        {"gather_as_list", "no Gather before", "float[N] x => float[N, 1] y",
         "<int64[1] a = {1}> { y = Unsqueeze(x, a) }"},
        {"gather_as_list", "not one index", "float[N, 3] x => float[N, 1, 2] y",
         "<int64[2] i = {1, 2}, int64[1] a = {1}> { g = Gather<axis = 1>(x, i) "
         "y = Unsqueeze(g, a) }"},
        {"gather_as_list", "a bad axis", "float[N, 3] x => float[A, 1] y",
         "<int64 i = {1}, int64[2] s = {-1, 1}> { g = Gather<axis = 7>(x, i) y = Reshape(g, s) }"},
        {"gather_as_list", "another axis", "float[N, 3] x => float[1, N] y",
         "<int64 i = {1}, int64[1] a = {0}> { g = Gather<axis = 1>(x, i) y = Unsqueeze(g, a) }"},
        {"merge_gathers_in_concat", "the rank is unknown", "float[] x => float[] y",
         "{ y = Concat<axis = 0>(x, x) }"},
        {"merge_gathers_in_concat", "no Gathers of one tensor beside each other",
         "float[N, 3] x, float[N, 3] z => float[N, 2] y",
         "<int64[1] i = {0}> "
         "{ a = Gather<axis = 1>(x, i) b = Gather<axis = 1>(z, i) y = Concat<axis = 1>(a, b) }"},
    });

const bool kConcats = add_rows(
    {
        {"flatten_concats", "the_same_axis", "float[N, 1] x, float[N, 2] z => float[N, 4] y",
         "{ a = Concat<axis = -1>(x, z) y = Concat<axis = 1>(a, x) }",
         "{ y = Concat<axis = 1>(x, z, x) }"},
        {"merge_constants_in_concat", "two_lists", "int64[N] x => int64[M] y",
         "<int64[1] a = {1}, int64[2] b = {2, 3}> { y = Concat<axis = 0>(x, a, b) }",
         "<int64[3] c = {1, 2, 3}> { y = Concat<axis = 0>(x, c) }"},
        {"merge_constants_in_concat", "columns", "float[2, N] x => float[2, M] y",
         "<float[2, 1] a = {1, 2}, float[2, 1] b = {3, 4}> { y = Concat<axis = 1>(a, b, x) }",
         "<float[2, 2] c = {1, 3, 2, 4}> { y = Concat<axis = 1>(c, x) }"},
        {"concat_of_split", "all_in_order", "float[N, 4] x => float[N, 4] y",
         "<int64[2] s = {1, 3}> "
         "{ a, b = Split<axis = 1>(x, s) c = Concat<axis = -1>(a, b) y = Relu(c) }",
         "{ y = Relu(x) }"},
        {"gather_scalar", "gather_of_one", "float[N, 3, 4] x => float[N, 4] y",
         "<int64[1] i = {2}, int64[1] a = {1}> { g = Gather<axis = 1>(x, i) y = Squeeze(g, a) }",
         "<int64 i = {2}> { y = Gather<axis = 1>(x, i) }"},
        {"gather_scalar", "axes_as_attribute", "float[N, 3, 4] x => float[N, 4] y",
         "<int64[1] i = {2}> { g = Gather<axis = -2>(x, i) y = Squeeze<axes = [1]>(g) }",
         "<int64 i = {2}> { y = Gather<axis = 1>(x, i) }", 11},
        {"gather_scalar", "slice_of_the_last", "float[N, 3] x => float[N] y",
         "<int64[1] s = {-1}, int64[1] e = {9223372036854775807}, int64[1] a = {1}, "
         "int64[1] t = {-1}> { g = Slice(x, s, e, a) y = Reshape(g, t) }",
         "<int64 i = {-1}> { y = Gather<axis = 1>(x, i) }"},
    },
    {
        {"flatten_concats", "the rank is unknown", "float[] x => float[] y",
         "{ y = Concat<axis = 0>(x, x) }"},
        {"flatten_concats", "no Concat of the same axis before", "float[N, 2] x => float[A, 4] y",
         "{ a = Concat<axis = 0>(x, x) y = Concat<axis = 1>(a, a) }"},
        {"merge_constants_in_concat", "no constants beside each other", "int64[N] x => int64[M] y",
         "<int64[1] a = {1}> { y = Concat<axis = 0>(a, x, a) }"},
        {"merge_constants_in_concat", "the constants do not fold", "float[N, 2] x => float[M, 2] y",
         "<float[1, 2] a = {1, 2}, float[1, 3] b = {1, 2, 3}> { y = Concat<axis = 0>(x, a, b) }"},
        {"concat_of_split", "not all parts in order", "float[N, 4] x => float[N, 4] y",
         "{ a, b = Split<axis = 1>(x) y = Concat<axis = 1>(b, a) }"},
        {"concat_of_split", "the rank is unknown", "float[] x => float[] y",
         "{ a, b = Split<axis = 0>(x) y = Concat<axis = 0>(a, b) }"},
        {"concat_of_split", "the axes differ", "float[N, 4] x => float[M, 2] y",
         "{ a, b = Split<axis = 1>(x) y = Concat<axis = 0>(a, b) }"},
        {"gather_scalar", "nothing to gather before", "float[N, 1] x => float[N] y",
         "<int64[1] a = {1}> { y = Squeeze(x, a) }"},
        {"gather_scalar", "nothing to gather before", "float[N, 1] x => float[N] y",
         "<int64[1] a = {1}> { b = Relu(x) y = Squeeze(b, a) }"},
        {"gather_scalar", "the shape is unknown", "float[N, 3] x, int64[1] a => float[] y",
         "<int64[1] i = {2}> { g = Gather<axis = 1>(x, i) y = Squeeze(g, a) }"},
        {"gather_scalar", "not one index", "float[N, 3] x => float[A] y",
         "<int64[2] i = {0, 2}, int64[1] s = {-1}> { g = Gather<axis = 1>(x, i) y = Reshape(g, s) }"},
        {"gather_scalar", "not one element", "float[N, 3] x => float[A] y",
         "<int64[1] b = {0}, int64[1] e = {2}, int64[1] a = {1}, int64[1] s = {-1}> "
         "{ g = Slice(x, b, e, a) y = Reshape(g, s) }"},
        {"gather_scalar", "not one element", "float[N, 3] x => float[A] y",
         "<int64[2] b = {0, 0}, int64[2] e = {1, 1}, int64[1] s = {-1}> "
         "{ g = Slice(x, b, e) y = Reshape(g, s) }"},
        {"gather_scalar", "the element may be clamped", "float[N, M] x => float[N] y",
         "<int64[1] b = {0}, int64[1] e = {1}, int64[1] a = {1}, float[N, 1] g> "
         "{ g = Slice(x, b, e, a) y = Squeeze(g, a) }"},
        {"gather_scalar", "a bad axis", "float[N, 3] x => float[A] y",
         "<int64[1] i = {1}, int64[1] s = {-1}> { g = Gather<axis = 7>(x, i) y = Reshape(g, s) }"},
        {"gather_scalar", "other axes change too", "float[N, 3, 4] x => float[N, 2, 2] y",
         "<int64[1] i = {1}, int64[3] s = {-1, 2, 2}> { g = Gather<axis = 1>(x, i) "
         "y = Reshape(g, s) }"},
    });

}  // namespace
}  // namespace onnxport::simplify
