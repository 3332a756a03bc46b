// Padding that becomes that of a pool, as a table: a graph before, the operators that are left
// after.
#include <gtest/gtest.h>

#include "simplify/rule_rows_test.h"
#include "simplify/table_test.h"

namespace onnxport::simplify {
namespace {

class PadInto : public GraphText, public ::testing::WithParamInterface<Pair> {};

TEST_P(PadInto, GivesTheOperatorsOfTheTable) { expect_operators(GetParam()); }

TEST_P(PadInto, ChangesNothingTheSecondTime) { expect_settled(GetParam()); }

constexpr Pair kPairs[] = {
    // --- MaxPool
    {"infinity_into_max_pool",
     "g (float[N, 1, H, W] x) => (float[N, 1, H2, W2] y) <int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}, "
     "float v = {-inf}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [3, 3], strides = [2, 2]>(a) }",
     "MaxPool"},
    {"lowest_into_a_padded_max_pool",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 0}, "
     "float v = {-3.4028234663852886e38}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [3], pads = [1, 2]>(a) }",
     "MaxPool"},
    {"zeros_after_relu_into_max_pool",
     "g (float[N, 1, H, W] x) => (float[N, 1, H2, W2] y) <int64[8] p = {0, 0, 0, 0, 0, 0, 1, 1}> "
     "{ r = Relu(x) a = Pad(r, p) y = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(a) }",
     "Relu MaxPool"},
    {"zeros_after_a_clip_that_moves_into_max_pool",
     "g (float[N, H, W, 2] x) => (float[N, 2, H2, W2] y) <int64[8] p = {0, 0, 0, 0, 0, 0, 1, 1}, "
     "float l = {0.5}, float u = {6}> "
     "{ r = Clip(x, l, u) t = Transpose<perm = [0, 3, 1, 2]>(r) a = Pad(t, p) "
     "y = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(a) }",
     "Clip Transpose MaxPool"},
    {"zeros_after_concat_of_activations_into_max_pool",
     "g (float[N, 2, H] x) => (float[N, 4, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
     "{ r = Relu(x) s = Sigmoid(x) c = Concat<axis = 1>(r, s) a = Pad(c, p) "
     "y = MaxPool<kernel_shape = [2]>(a) }",
     "Relu Sigmoid Concat MaxPool"},
    {"zeros_before_unsigned_numbers_into_max_pool",
     "g (uint8[N, 1, H] x) => (uint8[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
     "{ a = Pad(x, p) y = MaxPool<kernel_shape = [2]>(a) }",
     "MaxPool"},
    {"padding_of_some_axes_into_max_pool",
     "g (float[N, 1, H, W] x) => (float[N, 1, H, W2] y) <int64[2] p = {1, 1}, float v = {-inf}, "
     "int64[1] k = {-1}> { a = Pad(x, p, v, k) y = MaxPool<kernel_shape = [1, 3]>(a) }",
     "MaxPool", 18},
    {"ceiling_of_a_known_size_into_max_pool",
     "g (float[N, 1, 7] x) => (float[N, 1, 4] y) <int64[6] p = {0, 0, 1, 0, 0, 0}, float v = {-inf}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [3], strides = [2], ceil_mode = 1>(a) }",
     "MaxPool"},
    {"zeros_before_max_pool_of_anything_stay",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
     "{ a = Pad(x, p) y = MaxPool<kernel_shape = [3]>(a) }",
     "Pad MaxPool"},
    {"padding_above_the_clip_stays",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}, "
     "float l = {-1}, float u = {1}> "
     "{ r = Clip(x, l, u) a = Pad(r, p) y = MaxPool<kernel_shape = [3]>(a) }",
     "Clip Pad MaxPool"},
    {"zeros_after_a_leaky_relu_stay",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
     "{ r = LeakyRelu(x) a = Pad(r, p) y = MaxPool<kernel_shape = [3]>(a) }",
     "LeakyRelu Pad MaxPool"},
    {"padding_as_wide_as_the_window_stays",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 2, 0, 0, 0}, float v = {-inf}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [2]>(a) }",
     "Pad MaxPool"},
    {"padding_that_is_as_wide_together_stays",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 0}, float v = {-inf}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [2], pads = [1, 0]>(a) }",
     "Pad MaxPool"},
    {"ceiling_of_an_unknown_size_stays",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 2}, float v = {-inf}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [3], strides = [2], ceil_mode = 1>(a) }",
     "Pad MaxPool"},
    {"a_window_that_starts_in_the_padding_stays",  // at 6, where the input ends
     "g (float[N, 1, 6] x) => (float[N, 1, 4] y) <int64[6] p = {0, 0, 0, 0, 0, 2}, float v = {-inf}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [3], strides = [2], ceil_mode = 1>(a) }",
     "Pad MaxPool"},
    {"gaps_wider_than_the_input_stay",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}, float v = {-inf}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [2], dilations = [2]>(a) }",
     "Pad MaxPool"},
    {"padded_channels_stay",
     "g (float[N, 1, H] x) => (float[N, 2, H2] y) <int64[6] p = {0, 1, 1, 0, 0, 1}, float v = {-inf}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [3]>(a) }",
     "Pad MaxPool"},
    {"padding_used_elsewhere_stays",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}, float v = {-inf}> "
     "{ a = Pad(x, p, v) q = MaxPool<kernel_shape = [3], strides = [1], pads = [1, 1]>(a) "
     "y = Sub(q, a) }",
     "Pad MaxPool Sub"},
    {"edges_before_max_pool_stay",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
     "{ r = Relu(x) a = Pad<mode = \"edge\">(r, p) y = MaxPool<kernel_shape = [3]>(a) }",
     "Relu Pad MaxPool"},
    {"padding_cut_off_stays",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, -1, 0, 0, 1}, float v = {-inf}> "
     "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [3]>(a) }",
     "Pad MaxPool"},
    // --- AveragePool
    {"zeros_into_average_pool",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
     "{ a = Pad(x, p) y = AveragePool<kernel_shape = [3]>(a) }",
     "AveragePool"},
    {"zeros_into_an_average_pool_whose_padding_counts",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
     "{ a = Pad(x, p) y = AveragePool<kernel_shape = [3], pads = [1, 0], count_include_pad = 1>(a) }",
     "AveragePool"},
    {"zeros_into_an_average_pool_that_is_filled",
     "g (float[N, 1, 6] x) => (float[N, 1, 4] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
     "{ a = Pad(x, p) y = AveragePool<kernel_shape = [2], strides = [2], ceil_mode = 1>(a) }",
     "AveragePool"},
    {"zeros_before_an_average_pool_whose_padding_does_not_count_stay",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
     "{ a = Pad(x, p) y = AveragePool<kernel_shape = [3], pads = [1, 0]>(a) }",
     "Pad AveragePool"},
    {"zeros_before_an_average_pool_with_a_last_window_cut_off_stay",
     "g (float[N, 1, 6] x) => (float[N, 1, 4] y) <int64[6] p = {0, 0, 1, 0, 0, 0}> "
     "{ a = Pad(x, p) y = AveragePool<kernel_shape = [2], strides = [2], ceil_mode = 1>(a) }",
     "Pad AveragePool"},
    {"ones_before_average_pool_stay",
     "g (float[N, 1, H] x) => (float[N, 1, H2] y) <int64[6] p = {0, 0, 1, 0, 0, 1}, float v = {1}> "
     "{ a = Pad(x, p, v) y = AveragePool<kernel_shape = [3]>(a) }",
     "Pad AveragePool"},
};

INSTANTIATE_TEST_SUITE_P(Table, PadInto, ::testing::ValuesIn(kPairs),
                         [](const auto& info) { return std::string(info.param.name); });

const bool kRows = add_rows(
    {
        {"fuse_pad_into_conv", "amounts_as_input", "float[N, 1, H, W] x => float[N, 1, A, B] y",
         "<float[1, 1, 2, 2] w = {1, 2, 3, 4}, int64[8] p = {0, 0, 1, 2, 0, 0, 0, 1}> "
         "{ a = Pad(x, p) y = Conv<pads = [1, 0, 1, 0], strides = [2, 1]>(a, w) }",
         "<float[1, 1, 2, 2] w = {1, 2, 3, 4}> "
         "{ y = Conv<pads = [2, 2, 1, 1], strides = [2, 1]>(x, w) }"},
        {"fuse_pad_into_conv", "amounts_as_attribute", "float[N, 1, H] x => float[N, 1, A] y",
         "<float[1, 1, 2] w = {1, 2}> "
         "{ a = Pad<pads = [0, 0, 1, 0, 0, 2]>(x) y = Conv<auto_pad = \"VALID\">(a, w) }",
         "<float[1, 1, 2] w = {1, 2}> { y = Conv<pads = [1, 2]>(x, w) }", 10},
        {"fuse_pad_into_conv", "amounts_of_some_axes", "float[N, 1, H, W] x => float[N, 1, A, B] y",
         "<float[1, 1, 1, 2] w = {1, 2}, int64[2] p = {1, 2}, float v = {0}, int64[1] k = {-1}> "
         "{ a = Pad(x, p, v, k) y = Conv(a, w) }",
         "<float[1, 1, 1, 2] w = {1, 2}> { y = Conv<pads = [0, 1, 0, 2]>(x, w) }", 18},
        {"fuse_pad_into_average_pool", "that_has_no_padding",
         "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 2}> { a = Pad(x, p) y = AveragePool<kernel_shape = [3]>(a) }",
         "{ y = AveragePool<count_include_pad = 1, kernel_shape = [3], pads = [1, 2]>(x) }"},
        {"fuse_pad_into_average_pool", "whose_padding_counts",
         "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 1}> { a = Pad(x, p) "
         "y = AveragePool<count_include_pad = 1, kernel_shape = [3], pads = [1, 0]>(a) }",
         "{ y = AveragePool<count_include_pad = 1, kernel_shape = [3], pads = [2, 1]>(x) }"},
        {"fuse_pad_into_max_pool", "infinity", "float[N, 1, H, W] x => float[N, 1, A, B] y",
         "<int64[8] p = {0, 0, 1, 1, 0, 0, 1, 0}, float v = {-inf}> "
         "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [3, 3], strides = [2, 2]>(a) }",
         "{ y = MaxPool<kernel_shape = [3, 3], pads = [1, 1, 1, 0], strides = [2, 2]>(x) }"},
        {"fuse_pad_into_max_pool", "zeros_after_relu", "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 0, 0, 0, 1}> "
         "{ r = Relu(x) a = Pad(r, p) y = MaxPool<kernel_shape = [2], pads = [1, 0]>(a) }",
         "{ r = Relu(x) y = MaxPool<kernel_shape = [2], pads = [1, 1]>(r) }"},
        {"fuse_pad_into_max_pool", "unsigned_numbers", "uint8[N, 1, H] x => uint8[N, 1, A] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 1}> { a = Pad(x, p) y = MaxPool<kernel_shape = [2]>(a) }",
         "{ y = MaxPool<kernel_shape = [2], pads = [1, 1]>(x) }", 17, 0, 200},
        {"fuse_pad_into_max_pool", "ceiling_of_a_known_size",
         "float[N, 1, 7] x => float[N, 1, 4] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 0}, float v = {-inf}> "
         "{ a = Pad(x, p, v) y = MaxPool<ceil_mode = 1, kernel_shape = [3], strides = [2]>(a) }",
         "{ y = MaxPool<ceil_mode = 1, kernel_shape = [3], pads = [1, 0], strides = [2]>(x) }"},
    },
    {
        {"fuse_pad_into_conv", "no zeros padded before", "float[N, 1, H] x => float[N, 1, A] y",
         "<float[1, 1, 2] w = {1, 2}, int64[6] p = {0, 0, 1, 0, 0, 1}, float v = {1}> "
         "{ a = Pad(x, p, v) y = Conv(a, w) }"},
        {"fuse_pad_into_conv", "automatic padding", "float[N, 1, H] x => float[N, 1, A] y",
         "<float[1, 1, 2] w = {1, 2}, int64[6] p = {0, 0, 1, 0, 0, 1}> "
         "{ a = Pad(x, p) y = Conv<auto_pad = \"SAME_UPPER\">(a, w) }"},
        {"fuse_pad_into_average_pool", "no zeros padded before",
         "float[N, 1, H] x => float[N, 1, A] y", "{ y = AveragePool<kernel_shape = [3]>(x) }"},
        {"fuse_pad_into_average_pool", "automatic padding", "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 1}> "
         "{ a = Pad(x, p) y = AveragePool<auto_pad = \"SAME_LOWER\", kernel_shape = [3]>(a) }"},
        {"fuse_pad_into_average_pool", "its own padding does not count",
         "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 1}> "
         "{ a = Pad(x, p) y = AveragePool<kernel_shape = [3], pads = [1, 0]>(a) }"},
        {"fuse_pad_into_average_pool", "more padding than a window",
         "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 2, 0, 0, 0}> { a = Pad(x, p) y = AveragePool<kernel_shape = [2]>(a) }"},
        {"fuse_pad_into_average_pool", "the last window is cut off",
         "float[N, 1, 6] x => float[N, 1, 4] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 0}> "
         "{ a = Pad(x, p) y = AveragePool<ceil_mode = 1, kernel_shape = [2], strides = [2]>(a) }"},
        {"fuse_pad_into_max_pool", "no Pad before", "float[N, 1, H] x => float[N, 1, A] y",
         "{ y = MaxPool<kernel_shape = [3]>(x) }"},
        {"fuse_pad_into_max_pool", "the indices count the padding",
         "float[N, 1, H] x => float[N, 1, A] y, int64[N, 1, A] i",
         "<int64[6] p = {0, 0, 1, 0, 0, 1}, float v = {-inf}> "
         "{ a = Pad(x, p, v) y, i = MaxPool<kernel_shape = [3]>(a) }"},
        {"fuse_pad_into_max_pool", "automatic padding", "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 1}, float v = {-inf}> "
         "{ a = Pad(x, p, v) y = MaxPool<auto_pad = \"SAME_UPPER\", kernel_shape = [3]>(a) }"},
        {"fuse_pad_into_max_pool", "more padding than a window",
         "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 2, 0, 0, 0}, float v = {-inf}> "
         "{ a = Pad(x, p, v) y = MaxPool<kernel_shape = [2]>(a) }"},
        {"fuse_pad_into_max_pool", "the last window is in the padding",
         "float[N, 1, 6] x => float[N, 1, 4] y",
         "<int64[6] p = {0, 0, 0, 0, 0, 2}, float v = {-inf}> "
         "{ a = Pad(x, p, v) y = MaxPool<ceil_mode = 1, kernel_shape = [3], strides = [2]>(a) }"},
        {"fuse_pad_into_max_pool", "the type is unknown", "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 1}> { z = com.foo.Make(x) a = Pad(z, p) "
         "y = MaxPool<kernel_shape = [2]>(a) }"},
        {"fuse_pad_into_max_pool", "something may be less than the padding",
         "float[N, 1, H] x => float[N, 1, A] y",
         "<int64[6] p = {0, 0, 1, 0, 0, 1}> { a = Pad(x, p) y = MaxPool<kernel_shape = [2]>(a) }"},
    });

}  // namespace
}  // namespace onnxport::simplify
