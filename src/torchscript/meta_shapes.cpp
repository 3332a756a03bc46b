// Sizes of results where libtorch has no meta kernel (in Python, PyTorch has them as Python code).
#include <ATen/ExpandUtils.h>
#include <ATen/WrapDimUtils.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "torchscript/sample_runs.h"

namespace onnxport::torchscript {
namespace {

at::Tensor made(const Ints& sizes, const at::Tensor& like) {
  for (int64_t s : sizes) {
    if (s < 0) throw Refusal("the result would have a negative size");
  }
  return at::empty(sizes, at::TensorOptions(like.scalar_type()).device(at::kMeta));
}

int64_t at_or_last(const Ints& v, size_t i) { return v.empty() ? 1 : v[std::min(i, v.size() - 1)]; }

struct Window {
  Ints stride, padding, dilation;
  bool transposed = false;
  Ints output_padding;
  int64_t groups = 1;
};

at::Tensor convolved(const at::Tensor& x, const at::Tensor& weight, const Window& w) {
  const auto spatial = static_cast<size_t>(weight.dim()) - 2;
  const bool batched = static_cast<size_t>(x.dim()) == spatial + 2;
  if (!batched && static_cast<size_t>(x.dim()) != spatial + 1) {
    throw Refusal(fmt::format("convolves a tensor of {} dimensions with a kernel for {}", x.dim(),
                              weight.dim()));
  }
  const int64_t channels = x.size(batched ? 1 : 0);
  const int64_t want = w.transposed ? weight.size(0) : weight.size(1) * w.groups;
  if (channels != want) {
    throw Refusal(fmt::format("convolves {} channels with a kernel for {}", channels, want));
  }
  constexpr int64_t kLargest = int64_t{1} << 31;
  for (const auto& [numbers, least] : {std::pair{&w.stride, int64_t{1}},
                                       {&w.dilation, int64_t{1}},
                                       {&w.padding, int64_t{0}},
                                       {&w.output_padding, int64_t{0}}}) {
    for (int64_t n : *numbers) {
      if (n < least || n > kLargest) {
        throw Refusal(fmt::format("convolves with a stride, padding or dilation of {}", n));
      }
    }
  }
  Ints out;
  if (batched) out.push_back(x.size(0));
  out.push_back(w.transposed ? weight.size(1) * w.groups : weight.size(0));
  for (size_t i = 0; i < spatial; ++i) {
    const auto axis = static_cast<int64_t>(i + 2);
    const int64_t size = x.size(batched ? axis : axis - 1);
    const int64_t span = at_or_last(w.dilation, i) * (weight.size(axis) - 1) + 1;
    const int64_t stride = at_or_last(w.stride, i);
    const int64_t pad = w.padding.empty() ? 0 : at_or_last(w.padding, i);
    if (w.transposed) {
      out.push_back((size - 1) * stride - 2 * pad + span +
                    (w.output_padding.empty() ? 0 : at_or_last(w.output_padding, i)));
    } else if (size + 2 * pad < span) {
      throw Refusal("the kernel is larger than its input");
    } else {
      out.push_back((size + 2 * pad - span) / stride + 1);
    }
  }
  return made(out, x);
}

// conv{1,2,3}d(input, weight, bias, stride, padding, dilation, groups)
void conv(Stack& s) {
  Window w;
  w.stride = s[3].toIntVector();
  w.dilation = s[5].toIntVector();
  w.groups = s[6].toInt();
  if (s[4].isString()) {
    const at::Tensor& weight = s[1].toTensor();
    if (s[4].toStringRef() == "same") {
      at::Tensor x = s[0].toTensor();
      Ints out = x.sizes().vec();
      out[out.size() - static_cast<size_t>(weight.dim()) + 1] = weight.size(0);
      s = {made(out, x)};
      return;
    }
  } else {
    w.padding = s[4].toIntVector();
  }
  s = {convolved(s[0].toTensor(), s[1].toTensor(), w)};
}

// conv_transpose{1,2,3}d(input, weight, bias, stride, padding, output_padding, groups, dilation)
void conv_transpose(Stack& s) {
  Window w{s[3].toIntVector(), s[4].toIntVector(), s[7].toIntVector(), true,
           s[5].toIntVector(), s[6].toInt()};
  s = {convolved(s[0].toTensor(), s[1].toTensor(), w)};
}

// convolution, _convolution(input, weight, bias, stride, padding, dilation, transposed,
// output_padding, groups, ...)
void convolution(Stack& s) {
  Window w{s[3].toIntVector(), s[4].toIntVector(), s[5].toIntVector(),
           s[6].toBool(),      s[7].toIntVector(), s[8].toInt()};
  s = {convolved(s[0].toTensor(), s[1].toTensor(), w)};
}

void like_first(Stack& s) {
  const at::Tensor x = s[0].toTensor();
  s = {made(x.sizes().vec(), x)};
}
void first(Stack& s) { s = {s[0]}; }

// Element by element, in the order that the argument has in memory.
void like_first_in_memory(Stack& s) { s = {at::empty_like(s[0].toTensor())}; }

void logical(Stack& s) {
  std::vector<int64_t> sizes = s[0].toTensor().sizes().vec();
  if (s.size() > 1) sizes = at::infer_size(sizes, s[1].toTensor().sizes());
  s = {at::empty(sizes, at::TensorOptions(at::kBool).device(at::kMeta))};
}

// For averages: the last dimensions become these.
void adaptive(Stack& s) {
  const at::Tensor x = s[0].toTensor();
  Ints want = s[1].toIntVector();
  Ints out = x.sizes().vec();
  std::copy(want.begin(), want.end(), out.end() - static_cast<int64_t>(want.size()));
  s = {made(out, x)};
}

// scaled_dot_product_attention(query, key, value, ...)
void attention(Stack& s) {
  const at::Tensor q = s[0].toTensor();
  const at::Tensor v = s[2].toTensor();
  if (q.dim() < 2 || q.size(-1) != s[1].toTensor().size(-1)) throw Refusal("query and key differ");
  Ints out = q.sizes().vec();
  out.back() = v.size(-1);
  s = {made(out, q)};
}

// roi_align and its kind(input, rois, scale, height, width, ...)
void pooled_rois(Stack& s) {
  const at::Tensor x = s[0].toTensor();
  at::Tensor out = made({s[1].toTensor().size(0), x.size(1), s[3].toInt(), s[4].toInt()}, x);
  s = {out};
}
void rois_and_places(Stack& s) {
  pooled_rois(s);
  const at::Tensor out = s[0].toTensor();
  s.push_back(at::empty(out.sizes(), at::TensorOptions(at::kInt).device(at::kMeta)));
}
void position_rois(Stack& s) {
  const at::Tensor x = s[0].toTensor();
  const int64_t h = s[3].toInt();
  const int64_t w = s[4].toInt();
  at::Tensor out = made({s[1].toTensor().size(0), x.size(1) / (h * w), h, w}, x);
  s = {out, at::empty(out.sizes(), at::TensorOptions(at::kInt).device(at::kMeta))};
}

// grid_sampler(input, grid, ...)
void sampled(Stack& s) {
  const at::Tensor x = s[0].toTensor();
  const at::Tensor grid = s[1].toTensor();
  Ints out = {x.size(0), x.size(1)};
  for (int64_t i = 1; i + 1 < grid.dim(); ++i) out.push_back(grid.size(i));
  s = {made(out, x)};
}

// embedding(weight, indices, ...)
void embedded(Stack& s) {
  const at::Tensor weight = s[0].toTensor();
  Ints out = s[1].toTensor().sizes().vec();
  out.insert(out.end(), weight.sizes().begin() + 1, weight.sizes().end());
  s = {made(out, weight)};
}

// index_select(input, dim, index)
void selected(Stack& s) {
  const at::Tensor x = s[0].toTensor();
  const at::Tensor index = s[2].toTensor();
  Ints out = x.sizes().vec();
  if (!out.empty())
    out[static_cast<size_t>(at::maybe_wrap_dim(s[1].toInt(), x.dim()))] = index.numel();
  s = {made(out, x)};
}

// lstm.input(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
void lstm(Stack& s) {
  if (!s[1].isTensorList() || !s[3].isBool()) throw Refusal("packed sequences are not supported");
  const at::Tensor x = s[0].toTensor();
  const auto state = s[1].toTensorVector();
  const int64_t ways = s[7].toBool() ? 2 : 1;
  Ints out = x.sizes().vec();
  out.back() = state[0].size(-1) * ways;
  s = {made(out, x), made(state[0].sizes().vec(), x), made(state[1].sizes().vec(), x)};
}
// gru.input, rnn_tanh.input: one state.
void gru(Stack& s) {
  if (!s[1].isTensor() || !s[3].isBool()) throw Refusal("packed sequences are not supported");
  const at::Tensor x = s[0].toTensor();
  const at::Tensor state = s[1].toTensor();
  Ints out = x.sizes().vec();
  out.back() = state.size(-1) * (s[7].toBool() ? 2 : 1);
  s = {made(out, x), made(state.sizes().vec(), x)};
}

}  // namespace

bool shapes_of(const std::string& op, Stack& stack) {
  static const std::unordered_map<std::string_view, void (*)(Stack&)> kRules = {
      {"aten::conv1d", conv},
      {"aten::conv2d", conv},
      {"aten::conv3d", conv},
      {"aten::conv_transpose1d", conv_transpose},
      {"aten::conv_transpose2d", conv_transpose},
      {"aten::conv_transpose3d", conv_transpose},
      {"aten::convolution", convolution},
      {"aten::_convolution", convolution},
      {"aten::batch_norm", like_first},
      {"aten::layer_norm", like_first},
      {"aten::group_norm", like_first},
      {"aten::instance_norm", like_first},
      {"aten::dropout", like_first},
      {"aten::relu", like_first_in_memory},
      {"aten::relu_", first},
      {"aten::abs", like_first_in_memory},
      {"aten::roll", like_first},
      {"aten::flip", like_first},
      {"aten::logical_not", logical},
      {"aten::logical_and", logical},
      {"aten::logical_or", logical},
      {"aten::logical_xor", logical},
      {"aten::feature_dropout", like_first},
      {"aten::hardswish", like_first},
      {"aten::adaptive_avg_pool1d", adaptive},
      {"aten::adaptive_avg_pool2d", adaptive},
      {"aten::adaptive_avg_pool3d", adaptive},
      {"aten::scaled_dot_product_attention", attention},
      {"aten::index_put_", first},
      {"aten::_index_put_impl_", first},
      {"aten::index_put", like_first},
      {"aten::masked_scatter_", first},
      {"aten::masked_scatter", like_first},
      {"torchvision::roi_align", pooled_rois},
      {"torchvision::roi_pool", rois_and_places},
      {"torchvision::ps_roi_align", position_rois},
      {"torchvision::ps_roi_pool", position_rois},
      {"aten::grid_sampler", sampled},
      {"aten::embedding", embedded},
      {"aten::index_select", selected},
      {"aten::lstm", lstm},
      {"aten::gru", gru},
      {"aten::rnn_tanh", gru},
      {"aten::rnn_relu", gru},
  };
  auto it = kRules.find(op);
  if (it == kRules.end()) return false;
  it->second(stack);
  return true;
}

}  // namespace onnxport::torchscript
