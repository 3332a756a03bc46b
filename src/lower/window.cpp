// Sliding windows of images as data: im2col (nn.Unfold) and col2im (nn.Fold). Windows are read by
// constant index tables.
#include "lower/rule.h"

namespace onnxport::lower {

namespace {

using Ints = std::vector<int64_t>;

// [windows, size]: position of element j of window i.
Value table(Builder& g, int64_t windows, int64_t size, int64_t step, int64_t dilation) {
  Ints values;
  for (int64_t i = 0; i < windows; ++i) {
    for (int64_t j = 0; j < size; ++j) values.push_back(i * step + j * dilation);
  }
  return g.constant(Tensor::of<int64_t>(DType::kInt64, {windows, size}, values), "windows");
}

struct Image {
  Ints kernel, dilation, padding, stride;
  int64_t positions(int64_t size, size_t i) const {
    return (size + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1;
  }
};

Ints pair(Ints values) {
  if (values.size() == 1) values.push_back(values[0]);
  return values;
}

// [N, C, H, W] -> [N, C*kh*kw, oh*ow]
Value im2col(Builder& g, Value x, Ints kernel, Ints dilation, Ints padding, Ints stride) {
  const Image w{pair(kernel), pair(dilation), pair(padding), pair(stride)};
  const bool single = Builder::rank(x) == 3;
  if (single) x = g.unsqueeze(x, {0});
  const Shape sizes = Builder::shape(x);
  if (!sizes[2].is_const() || !sizes[3].is_const()) {
    refuse("im2col (nn.Unfold) of an image whose size is not a known number");
  }
  const int64_t oh = w.positions(sizes[2].value(), 0);
  const int64_t ow = w.positions(sizes[3].value(), 1);
  const std::vector<Expr> pads = {0, 0, w.padding[0], w.padding[1]};
  Value y = g.pad(x, pads, pads, "constant");
  Shape split = {sizes[0], sizes[1], oh, w.kernel[0], ow, w.kernel[1]};
  if (Builder::shape(y)[2] == Expr(oh * w.kernel[0]) &&
      Builder::shape(y)[3] == Expr(ow * w.kernel[1]) && w.stride == w.kernel &&
      w.dilation == Ints{1, 1}) {
    y = g.reshape(y, split);  // the windows tile the image
  } else {
    y = g.gather(y, table(g, oh, w.kernel[0], w.stride[0], w.dilation[0]), 2);
    y = g.gather(y, table(g, ow, w.kernel[1], w.stride[1], w.dilation[1]), 4);
  }
  y = g.transpose(y, {0, 1, 3, 5, 2, 4});
  y = g.reshape(y, {sizes[0], sizes[1] * Expr(w.kernel[0] * w.kernel[1]), Expr(oh * ow)});
  return single ? g.squeeze(y, {0}) : y;
}

// Below opset 18: a ConvTranspose whose kernel puts each of the kh*kw channels where it belongs,
// and adds up where windows overlap.
Value by_conv_transpose(Builder& g, Value x, const Expr& batch, const Expr& channels,
                        const Ints& size, const Image& w) {
  const int64_t elements = w.kernel[0] * w.kernel[1];
  Ints out_padding;
  Ints positions;
  for (size_t i = 0; i < 2; ++i) {
    positions.push_back(w.positions(size[i], i));
    out_padding.push_back(size[i] - ((positions[i] - 1) * w.stride[i] - 2 * w.padding[i] +
                                     w.dilation[i] * (w.kernel[i] - 1) + 1));
  }
  std::vector<double> eye(static_cast<size_t>(elements * elements), 0.0);
  for (int64_t i = 0; i < elements; ++i) eye[static_cast<size_t>(i * elements + i)] = 1;
  Value weight =
      g.constant(Tensor::of<double>(DType::kDouble, {elements, 1, w.kernel[0], w.kernel[1]}, eye)
                     .cast(x->dtype),
                 "col2im");
  Value y =
      g.reshape(x, {batch * channels, Expr(elements), Expr(positions[0]), Expr(positions[1])});
  y = g.op("ConvTranspose", {y, weight},
           {{"dilations", w.dilation},
            {"kernel_shape", w.kernel},
            {"output_padding", out_padding},
            {"pads", Ints{w.padding[0], w.padding[1], w.padding[0], w.padding[1]}},
            {"strides", w.stride}});
  return g.reshape(y, {batch, channels, Expr(size[0]), Expr(size[1])});
}

// [N, C*kh*kw, L] -> [N, C, H, W]
Value col2im(Builder& g, Value x, Ints size, Ints kernel, Ints dilation, Ints padding,
             Ints stride) {
  const Image w{pair(kernel), pair(dilation), pair(padding), pair(stride)};
  size = pair(size);
  const bool single = Builder::rank(x) == 2;
  if (single) x = g.unsqueeze(x, {0});
  const Shape sizes = Builder::shape(x);
  auto channels = exact_div(sizes[1], Expr(w.kernel[0] * w.kernel[1]));
  if (!channels) refuse("col2im (nn.Fold): the channels are not a multiple of the kernel's size");
  Value y = nullptr;
  if (g.opset() >= 18) {
    y = g.op("Col2Im", {x, g.ints(size), g.ints(w.kernel)},
             {{"dilations", w.dilation},
              {"pads", Ints{w.padding[0], w.padding[1], w.padding[0], w.padding[1]}},
              {"strides", w.stride}});
  } else {
    y = by_conv_transpose(g, x, sizes[0], *channels, size, w);
  }
  return single ? g.squeeze(y, {0}) : y;
}

}  // namespace

LOWER(
    "aten::im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor",
    im2col);
LOWER(
    "aten::col2im(Tensor self, SymInt[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor",
    col2im);

}  // namespace onnxport::lower
