// Convolutions, pools and what else slides over N x C x spatial.
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

struct WindowAttributes {
  Attribute::Ints kernel, strides, dilations, pads;
  std::string auto_pad;
  bool ceil = false;
};

// Attributes with their defaults; false when their lengths do not fit.
bool read_window(Context& c, size_t spatial, Attribute::Ints kernel, WindowAttributes& w) {
  w.kernel = std::move(kernel);
  w.strides = c.attrs("strides");
  w.dilations = c.attrs("dilations");
  w.pads = c.attrs("pads");
  w.auto_pad = c.text("auto_pad", "NOTSET");
  w.ceil = c.attr("ceil_mode", 0) != 0;
  if (w.strides.empty()) w.strides.assign(spatial, 1);
  if (w.dilations.empty()) w.dilations.assign(spatial, 1);
  if (w.pads.empty()) w.pads.assign(2 * spatial, 0);
  for (const Attribute::Ints* list : {&w.kernel, &w.strides, &w.dilations, &w.pads}) {
    for (const int64_t x : *list) {
      if (x > INT32_MAX || x < INT32_MIN) return false;  // products of them must fit
    }
  }
  for (int64_t s : w.strides) {
    if (s < 1) return false;
  }
  return w.kernel.size() == spatial && w.strides.size() == spatial &&
         w.dilations.size() == spatial && w.pads.size() == 2 * spatial;
}

// One spatial axis of a convolution or pool.
Expr window_size(const Expr& in, const WindowAttributes& w, size_t i) {
  const size_t n = w.kernel.size();
  const int64_t stride = w.strides[i];
  if (w.auto_pad == "SAME_UPPER" || w.auto_pad == "SAME_LOWER") return ceildiv(in, Expr(stride));
  const bool valid = w.auto_pad == "VALID";
  const int64_t before = valid ? 0 : w.pads[i], after = valid ? 0 : w.pads[n + i];
  const int64_t extent = w.dilations[i] * (w.kernel[i] - 1) + 1;
  const Expr room = in + Expr(before + after - extent);
  if (room.is_const() && room.value() < 0) return Expr(0);
  if (!w.ceil) return floordiv(room, Expr(stride)) + Expr(1);
  Expr out = ceildiv(room, Expr(stride)) + Expr(1);
  // The last window must start inside the input or the padding before it.
  if (out.is_const() && in.is_const()) {
    if ((out.value() - 1) * stride >= in.value() + before) out = out - Expr(1);
  } else if (stride + after > extent) {
    return unknown_size();
  }
  return out;
}

Result<std::optional<Attribute::Ints>> kernel_of(Context& c, size_t weight, size_t spatial) {
  if (c.node.find("kernel_shape") != nullptr) return std::optional(c.attrs("kernel_shape"));
  const Shape* w = c.shape(weight);
  if (w == nullptr) return std::optional<Attribute::Ints>();
  if (w->size() != spatial + 2) {
    return c.wrong("weight " + to_string(*w) + " does not fit the input's rank").error();
  }
  Attribute::Ints kernel;
  for (size_t i = 2; i < w->size(); ++i) {
    if (!(*w)[i].is_const()) return std::optional<Attribute::Ints>();
    kernel.push_back((*w)[i].value());
  }
  return std::optional(kernel);
}

Status convolve(Context& c, size_t weight, DType dtype) {
  const Shape *x = c.shape(0), *w = c.shape(weight);
  c.out(0, dtype);
  if (x == nullptr || x->size() < 2) return {};
  const size_t spatial = x->size() - 2;
  TRY_ASSIGN(auto kernel, kernel_of(c, weight, spatial));
  Shape out = *x;
  if (w != nullptr && w->size() >= 2) {
    const Expr channels = (*w)[1] * Expr(c.attr("group", 1));
    if ((*x)[1].is_const() && channels.is_const() && (*x)[1] != channels) {
      return c.wrong("input " + to_string(*x) + " and weight " + to_string(*w) +
                     " differ in channels");
    }
    out[1] = (*w)[0];
  } else {
    out[1] = unknown_size();
  }
  WindowAttributes window;
  const bool known = kernel && read_window(c, spatial, *kernel, window);
  for (size_t i = 0; i < spatial; ++i) {
    out[2 + i] = known ? window_size((*x)[2 + i], window, i) : unknown_size();
  }
  c.out(0, dtype, out);
  return {};
}

Status infer_conv(Context& c) { return convolve(c, 1, c.dtype(0)); }
Status infer_conv_integer(Context& c) { return convolve(c, 1, DType::kInt32); }
Status infer_qlinear_conv(Context& c) { return convolve(c, 3, c.dtype(7)); }

OP("Conv", {.infer = infer_conv});
OP("ConvInteger", {.infer = infer_conv_integer});
OP("QLinearConv", {.infer = infer_qlinear_conv});

Status infer_conv_transpose(Context& c) {
  const Shape *x = c.shape(0), *w = c.shape(1);
  c.out(0, c.dtype(0));
  if (x == nullptr || x->size() < 2) return {};
  const size_t spatial = x->size() - 2;
  TRY_ASSIGN(auto kernel, kernel_of(c, 1, spatial));
  WindowAttributes window;
  if (!kernel || !read_window(c, spatial, *kernel, window)) return {};
  Shape out = *x;
  out[1] = w != nullptr && w->size() >= 2 ? (*w)[1] * Expr(c.attr("group", 1)) : unknown_size();
  Attribute::Ints extra = c.attrs("output_padding");
  const Attribute::Ints sizes = c.attrs("output_shape");
  if (extra.empty()) extra.assign(spatial, 0);
  if (extra.size() != spatial) return c.wrong("output_padding has the wrong length");
  for (const int64_t e : extra) {
    if (e > INT32_MAX || e < INT32_MIN) return c.wrong("output_padding is too large");
  }
  for (size_t i = 0; i < spatial; ++i) {
    const Expr& in = (*x)[2 + i];
    const int64_t extent = window.dilations[i] * (window.kernel[i] - 1) + 1;
    if (sizes.size() >= spatial) {
      out[2 + i] = Expr(sizes[sizes.size() - spatial + i]);
    } else if (window.auto_pad == "SAME_UPPER" || window.auto_pad == "SAME_LOWER") {
      out[2 + i] = in * Expr(window.strides[i]);
    } else {
      const bool valid = window.auto_pad == "VALID";
      const int64_t pads = valid ? 0 : window.pads[i] + window.pads[spatial + i];
      out[2 + i] = (in - Expr(1)) * Expr(window.strides[i]) + Expr(extra[i] + extent - pads);
    }
  }
  c.out(0, c.dtype(0), out);
  return {};
}
OP("ConvTranspose", {.infer = infer_conv_transpose});

Status infer_pool(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (c.node.is("MaxPool")) c.out(1, DType::kInt64);
  if (x == nullptr || x->size() < 2) return {};
  const size_t spatial = x->size() - 2;
  WindowAttributes window;
  if (!read_window(c, spatial, c.attrs("kernel_shape"), window)) {
    return c.wrong("kernel, strides or pads do not fit " + to_string(*x));
  }
  Shape out = *x;
  for (size_t i = 0; i < spatial; ++i) out[2 + i] = window_size((*x)[2 + i], window, i);
  c.out(0, c.dtype(0), out);
  if (c.node.is("MaxPool")) c.out(1, DType::kInt64, out);
  return {};
}
OP("AveragePool", {.infer = infer_pool, .traits = kKeepsNonNegative});
OP({"MaxPool", "LpPool"}, {.infer = infer_pool});

Status infer_global_pool(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr || x->size() < 2) return {};
  Shape out = *x;
  for (size_t i = 2; i < out.size(); ++i) out[i] = Expr(1);
  c.out(0, c.dtype(0), out);
  return {};
}
OP("GlobalAveragePool", {.infer = infer_global_pool, .traits = kKeepsNonNegative});
OP("GlobalMaxPool", {.infer = infer_global_pool, .traits = kSelects});
OP("GlobalLpPool", {.infer = infer_global_pool});

Status infer_max_roi_pool(Context& c) {
  const Shape *x = c.shape(0), *rois = c.shape(1);
  c.out(0, c.dtype(0));
  const Attribute::Ints pooled = c.attrs("pooled_shape");
  if (x == nullptr || rois == nullptr || x->size() != 4 || rois->empty() || pooled.size() != 2) {
    return {};
  }
  c.out(0, c.dtype(0), Shape{(*rois)[0], (*x)[1], pooled[0], pooled[1]});
  return {};
}
OP("MaxRoiPool", {.infer = infer_max_roi_pool});

Status infer_roi_align(Context& c) {
  const Shape *x = c.shape(0), *rois = c.shape(1);
  c.out(0, c.dtype(0));
  if (x == nullptr || rois == nullptr || x->size() != 4 || rois->empty()) return {};
  c.out(0, c.dtype(0),
        Shape{(*rois)[0], (*x)[1], c.attr("output_height", 1), c.attr("output_width", 1)});
  return {};
}
OP("RoiAlign", {.infer = infer_roi_align});

Status infer_col2im(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  auto image = c.ints(1), block = c.ints(2);
  if (x == nullptr || x->size() != 3 || !image || !block) return {};
  Expr area(1);
  for (const Expr& b : *block) area *= b;
  Shape out{(*x)[0], floordiv((*x)[1], area)};
  out.insert(out.end(), image->begin(), image->end());
  c.out(0, c.dtype(0), out);
  return {};
}
OP("Col2Im", {.infer = infer_col2im});

}  // namespace
}  // namespace onnxport::onnx::ops
