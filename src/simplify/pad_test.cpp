// Padding that becomes that of a pool, as a table: a graph before, the operators that are left
// after.
#include <gtest/gtest.h>

#include "simplify/simplify.h"
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

}  // namespace
}  // namespace onnxport::simplify
