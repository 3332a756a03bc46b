// Convolutions. A weight keeps PyTorch's layout: it is ONNX's too, for Conv and for ConvTranspose.
#include <fmt/format.h>

#include "lower/rule.h"

namespace onnxport::lower {

namespace {

using Ints = std::vector<int64_t>;

struct Window {
  Ints stride;
  Ints begins;
  Ints ends;
  Ints dilation;
  Ints output_padding;
  int64_t groups = 1;
};

// PyTorch accepts one number for all axes.
Ints repeated(Ints values, int64_t n) {
  if (values.size() == 1) values.resize(static_cast<size_t>(n), values[0]);
  return values;
}

Ints concat(Ints a, const Ints& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Attributes attributes_of(const Window& w, Value weight) {
  Attributes out = {{"dilations", w.dilation}, {"group", w.groups}};
  const Shape& kernel = Builder::shape(weight);
  Ints sizes;
  for (size_t i = 2; i < kernel.size() && kernel[i].is_const(); ++i)
    sizes.push_back(kernel[i].value());
  if (sizes.size() + 2 == kernel.size()) out.emplace_back("kernel_shape", sizes);
  out.emplace_back("pads", concat(w.begins, w.ends));
  out.emplace_back("strides", w.stride);
  return out;
}

// x may come without its batch axis.
Value convolve(Builder& g, Value x, Value weight, const std::optional<Value>& bias, const Window& w,
               bool transposed) {
  const bool single = Builder::rank(x) == Builder::rank(weight) - 1;
  if (single) x = g.unsqueeze(x, {0});
  Attributes attributes = attributes_of(w, weight);
  if (transposed) attributes.emplace_back("output_padding", w.output_padding);
  Value out = g.op(transposed ? "ConvTranspose" : "Conv", {x, weight, bias.value_or(nullptr)},
                   std::move(attributes));
  return single ? g.squeeze(out, {0}) : out;
}

Value conv(Builder& g, Value x, Value weight, std::optional<Value> bias, Ints stride, Ints padding,
           Ints dilation, int64_t groups) {
  const int64_t n = Builder::rank(weight) - 2;
  padding = repeated(std::move(padding), n);
  return convolve(g, x, weight, bias,
                  Window{repeated(std::move(stride), n),
                         padding,
                         padding,
                         repeated(std::move(dilation), n),
                         {},
                         groups},
                  false);
}

// padding="same" puts the odd element at the end.
Value conv_padded_by_name(Builder& g, Value x, Value weight, std::optional<Value> bias, Ints stride,
                          std::string padding, Ints dilation, int64_t groups) {
  const int64_t n = Builder::rank(weight) - 2;
  Window w{repeated(std::move(stride), n),   Ints(n, 0), Ints(n, 0),
           repeated(std::move(dilation), n), {},         groups};
  if (padding == "same") {
    for (int64_t i = 0; i < n; ++i) {
      const Expr& kernel = Builder::shape(weight)[static_cast<size_t>(i + 2)];
      if (!kernel.is_const()) refuse("padding=\"same\" needs a kernel of known size");
      const int64_t total = w.dilation[i] * (kernel.value() - 1);
      w.begins[i] = total / 2;
      w.ends[i] = total - total / 2;
    }
  } else if (padding != "valid") {
    refuse(fmt::format("unknown padding \"{}\"", padding));
  }
  return convolve(g, x, weight, bias, w, false);
}

Value conv_transpose(Builder& g, Value x, Value weight, std::optional<Value> bias, Ints stride,
                     Ints padding, Ints output_padding, int64_t groups, Ints dilation) {
  const int64_t n = Builder::rank(weight) - 2;
  padding = repeated(std::move(padding), n);
  return convolve(
      g, x, weight, bias,
      Window{repeated(std::move(stride), n), padding, padding, repeated(std::move(dilation), n),
             repeated(std::move(output_padding), n), groups},
      true);
}

Value convolution(Builder& g, Value x, Value weight, std::optional<Value> bias, Ints stride,
                  Ints padding, Ints dilation, bool transposed, Ints output_padding,
                  int64_t groups) {
  if (transposed) {
    return conv_transpose(g, x, weight, bias, std::move(stride), std::move(padding),
                          std::move(output_padding), groups, std::move(dilation));
  }
  return conv(g, x, weight, bias, std::move(stride), std::move(padding), std::move(dilation),
              groups);
}

}  // namespace

LOWER(
    "aten::conv1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], SymInt[1] padding=[0], SymInt[1] dilation=[1], SymInt groups=1) -> Tensor",
    conv);
LOWER(
    "aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor",
    conv);
LOWER(
    "aten::conv3d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] padding=[0, 0, 0], SymInt[3] dilation=[1, 1, 1], SymInt groups=1) -> Tensor",
    conv);

LOWER(
    "aten::conv1d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], str padding=\"valid\", SymInt[1] dilation=[1], SymInt groups=1) -> Tensor",
    conv_padded_by_name);
LOWER(
    "aten::conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], str padding=\"valid\", SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor",
    conv_padded_by_name);
LOWER(
    "aten::conv3d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], str padding=\"valid\", SymInt[3] dilation=[1, 1, 1], SymInt groups=1) -> Tensor",
    conv_padded_by_name);

// What a trace records of them.
LOWER(
    "aten::_convolution_mode(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, str padding, SymInt[] dilation, SymInt groups) -> Tensor",
    conv_padded_by_name);

LOWER(
    "aten::conv_transpose1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], SymInt[1] padding=[0], SymInt[1] output_padding=[0], SymInt groups=1, SymInt[1] dilation=[1]) -> Tensor",
    conv_transpose);
LOWER(
    "aten::conv_transpose2d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] output_padding=[0, 0], SymInt groups=1, SymInt[2] dilation=[1, 1]) -> Tensor",
    conv_transpose);
LOWER(
    "aten::conv_transpose3d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] padding=[0, 0, 0], SymInt[3] output_padding=[0, 0, 0], SymInt groups=1, SymInt[3] dilation=[1, 1, 1]) -> Tensor",
    conv_transpose);

LOWER(
    "aten::convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups) -> Tensor",
    convolution);
LOWER(
    "aten::_convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups, bool benchmark, bool deterministic, bool cudnn_enabled, bool allow_tf32) -> Tensor",
    [](Builder& g, Value x, Value weight, std::optional<Value> bias, Ints stride, Ints padding,
       Ints dilation, bool transposed, Ints output_padding, int64_t groups, Ignored, Ignored,
       Ignored, Ignored) {
      return convolution(g, x, weight, bias, stride, padding, dilation, transposed, output_padding,
                         groups);
    });
LOWER(
    "aten::_convolution.deprecated(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, int[] output_padding, SymInt groups, bool benchmark, bool deterministic, bool cudnn_enabled) -> Tensor",
    [](Builder& g, Value x, Value weight, std::optional<Value> bias, Ints stride, Ints padding,
       Ints dilation, bool transposed, Ints output_padding, int64_t groups, Ignored, Ignored,
       Ignored) {
      return convolution(g, x, weight, bias, stride, padding, dilation, transposed, output_padding,
                         groups);
    });

}  // namespace onnxport::lower
