#include <gtest/gtest.h>

#include "onnx/ops/infer_table_test.h"

namespace onnxport::onnx::ops {
namespace {

constexpr InferCase kConvolution[] = {
    {"conv", "float[N, 3, H, 224] x, float[8, 3, 3, 3] w) => (y)",
     "y = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(x, w)", "float32[N, 8, (H + 1)//2, 112]"},
    {"conv_same", "float[N, 3, H] x, float[8, 3, 3] w) => (y)",
     "y = Conv<auto_pad = \"SAME_UPPER\">(x, w)", "float32[N, 8, H]"},
    {"conv_of_other_channels", "float[N, 4, H] x, float[8, 3, 3] w) => (y)", "y = Conv(x, w)",
     "refused: differ in channels"},
    {"conv_integer", "uint8[N, 3, H] x, uint8[8, 3, 1] w) => (y)", "y = ConvInteger(x, w)",
     "int32[N, 8, H]"},
    {"conv_transpose", "float[N, 3, H] x, float[3, 8, 2] w) => (y)",
     "y = ConvTranspose<strides = [2]>(x, w)", "float32[N, 8, 2*H]"},
    {"conv_transpose_of_a_given_size", "float[N, 3, H] x, float[3, 8, 2] w) => (y)",
     "y = ConvTranspose<output_shape = [9]>(x, w)", "float32[N, 8, 9]"},
    {"max_pool", "float[N, 3, 9] x) => (y)",
     "y = MaxPool<kernel_shape = [2], strides = [2], ceil_mode = 1>(x)", "float32[N, 3, 5]"},
    {"max_pool_indices", "float[N, 3, 9] x) => (v, y)",
     "v, y = MaxPool<kernel_shape = [3], strides = [3]>(x)", "int64[N, 3, 3]"},
    {"average_pool_of_a_bad_kernel", "float[N, 3, 9] x) => (y)",
     "y = AveragePool<kernel_shape = [2, 2]>(x)", "refused: do not fit"},
    {"global_pool", "float[N, 3, H, W] x) => (y)", "y = GlobalAveragePool(x)",
     "float32[N, 3, 1, 1]"},
    {"max_roi_pool", "float[1, 3, H, W] x, float[R, 5] r) => (y)",
     "y = MaxRoiPool<pooled_shape = [2, 3]>(x, r)", "float32[R, 3, 2, 3]"},
    {"roi_align", "float[N, 3, H, W] x, float[R, 4] r, int64[R] b) => (y)",
     "y = RoiAlign<output_height = 7, output_width = 5>(x, r, b)", "float32[R, 3, 7, 5]"},
    {"col2im", "float[N, 12, L] x) => (y) <int64[2] i = {8, 9}, int64[2] b = {2, 2}>",
     "y = Col2Im(x, i, b)", "float32[N, 3, 8, 9]", "", 18},
};
INFER_TABLE(InferConvolution, kConvolution);

constexpr InferCase kSampling[] = {
    {"resize", "float[N, 3, H, 7] x) => (y) <float[4] s = {1, 1, 2, 2}>", "y = Resize(x, , s)",
     "float32[N, 3, 2*H, 14]"},
    {"resize_down", "float[N, 3, H, 7] x) => (y) <float[4] s = {1, 1, 0.5, 0.5}>",
     "y = Resize(x, , s)", "float32[N, 3, H//2, 3]"},
    {"resize_to_sizes", "float[N, 3, H, 7] x) => (y) <int64[4] s = {1, 3, 5, 6}>",
     "y = Resize(x, , , s)", "float32[1, 3, 5, 6]"},
    {"upsample", "float[N, 3, H] x) => (y) <float[3] s = {1, 1, 3}>", "y = Upsample(x, s)",
     "float32[N, 3, 3*H]", "", 9},
    {"grid_sample", "float[N, 3, H, W] x, float[N, 5, 6, 2] g) => (y)", "y = GridSample(x, g)",
     "float32[N, 3, 5, 6]"},
    {"affine_grid", "float[N, 2, 3] t) => (y) <int64[4] s = {2, 3, 5, 6}>", "y = AffineGrid(t, s)",
     "float32[2, 5, 6, 2]", "", 20},
};
INFER_TABLE(InferSampling, kSampling);

constexpr InferCase kNormalization[] = {
    {"batch_normalization",
     "float[N, 3, H] x, float[3] s, float[3] b, float[3] m, float[3] v) => (y)",
     "y = BatchNormalization(x, s, b, m, v)", "float32[N, 3, H]"},
    {"layer_normalization", "float[N, 4] x, float[4] s) => (y)", "y = LayerNormalization(x, s)",
     "float32[N, 4]"},
    {"layer_normalization_mean", "float16[N, 4] x, float16[4] s) => (v, y)",
     "v, y = LayerNormalization(x, s)", "float32[N, 1]"},
    {"group_normalization", "float[N, 6, H] x, float[6] s, float[6] b) => (y)",
     "y = GroupNormalization<num_groups = 2>(x, s, b)", "float32[N, 6, H]", "", 21},
    {"softmax", "float[N, 4] x) => (y)", "y = Softmax(x)", "float32[N, 4]"},
    {"cum_sum", "float[N, 4] x, int64 a) => (y)", "y = CumSum(x, a)", "float32[N, 4]"},
};
INFER_TABLE(InferNormalization, kNormalization);

}  // namespace
}  // namespace onnxport::onnx::ops
