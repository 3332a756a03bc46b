// Resize, and sampling at places that a grid gives.
#include <cmath>

#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

Expr scaled_size(const Expr& in, float scale) {
  if (!(scale > 0) || scale > 1e6F) return unknown_size();
  if (in.is_const()) {
    if (in.value() > INT32_MAX) return unknown_size();
    return Expr(static_cast<int64_t>(std::floor(static_cast<float>(in.value()) * scale)));
  }
  if (scale >= 1 && scale == std::floor(scale)) return in * Expr(static_cast<int64_t>(scale));
  const float inverse = 1.0F / scale;
  if (scale > 0 && inverse == std::floor(inverse) && 1.0F / inverse == scale) {
    return floordiv(in, Expr(static_cast<int64_t>(inverse)));
  }
  return unknown_size();
}

Status infer_resize(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  const bool upsample = c.node.is("Upsample");
  const size_t scales_at = upsample || c.opset < 11 ? 1 : 2;
  std::vector<size_t> axes;
  for (int64_t a : c.attrs("axes")) {
    auto axis = axis_of(a, x->size());
    if (!axis) return c.wrong("axis outside " + to_string(*x));
    axes.push_back(*axis);
  }
  if (axes.empty()) {
    for (size_t i = 0; i < x->size(); ++i) axes.push_back(i);
  }
  auto sizes = upsample || c.opset < 11 ? std::nullopt : c.ints(3);
  const Tensor* scales = c.constant(scales_at);
  std::vector<double> factors;
  if (scales != nullptr) factors = scales->as_doubles();
  if (const Attribute* a = c.node.find("scales")) {
    if (const auto* list = std::get_if<Attribute::Floats>(&a->v)) {
      factors.assign(list->begin(), list->end());
    }
  }
  const bool stretch = c.text("keep_aspect_ratio_policy", "stretch") == "stretch";
  Shape out = *x;
  for (size_t i = 0; i < axes.size(); ++i) {
    Expr& d = out[axes[i]];
    if (sizes && sizes->size() == axes.size() && stretch) {
      d = (*sizes)[i];
    } else if (factors.size() == axes.size()) {
      d = scaled_size((*x)[axes[i]], static_cast<float>(factors[i]));
    } else {
      d = unknown_size();
    }
  }
  c.out(0, c.dtype(0), out);
  return {};
}
OP("Resize", {.infer = infer_resize});
OP("Upsample", {.infer = infer_resize, .became_inputs = {9, {"scales"}}});

Status infer_grid_sample(Context& c) {
  const Shape *x = c.shape(0), *grid = c.shape(1);
  c.out(0, c.dtype(0));
  if (x == nullptr || grid == nullptr || x->size() < 3 || grid->size() != x->size()) return {};
  Shape out{(*x)[0], (*x)[1]};
  for (size_t i = 1; i + 1 < grid->size(); ++i) out.push_back((*grid)[i]);
  c.out(0, c.dtype(0), out);
  return {};
}
OP("GridSample", {.infer = infer_grid_sample});

Status infer_affine_grid(Context& c) {
  c.out(0, c.dtype(0));
  auto size = c.ints(1);
  if (!size || size->size() < 4) return {};
  Shape out{(*size)[0]};
  for (size_t i = 2; i < size->size(); ++i) out.push_back((*size)[i]);
  out.emplace_back(static_cast<int64_t>(size->size()) - 2);
  c.out(0, c.dtype(0), out);
  return {};
}
OP("AffineGrid", {.infer = infer_affine_grid});

}  // namespace
}  // namespace onnxport::onnx::ops
