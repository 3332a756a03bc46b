// Slice, Pad and Trilu: what is cut off an axis, or put around it.
#include <algorithm>
#include <numeric>

#include "onnx/ops/fold_call.h"
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

// The number of elements that start:end:step takes of d. What cannot be shown to lie inside is
// unknown rather than a guess; see proves_le for what is assumed of sizes.
Expr slice_size(const Expr& d, Expr start, Expr end, int64_t step) {
  if (step == 0) return unknown_size();
  if (d.is_const() && start.is_const() && end.is_const()) {
    return slice_window(d.value(), start.value(), end.value(), step)->length;
  }
  if (step < 0) {
    const bool whole = start.is_const(-1) || (start.is_const() && start.value() >= INT32_MAX) ||
                       start == d - Expr(1);
    const bool to_front = end.is_const() && end.value() <= INT32_MIN;
    if (!whole || !to_front || step == INT64_MIN) return unknown_size();
    return ceildiv(d, Expr(-step));
  }
  auto clamp = [&](Expr x) -> std::optional<Expr> {
    if (x.is_const() && x.value() >= INT32_MAX) return d;
    if (x.is_const() && x.value() < 0) {
      if (x.value() <= INT32_MIN) return Expr(0);
      x = d + x;
      if (!proves_le(0, x)) return max(x, 0);
      return x;
    }
    if (!proves_le(0, x)) return std::nullopt;
    if (proves_le(x, d)) return x;
    if (proves_le(d, x)) return d;
    if (x.is_const()) return min(x, d);
    return std::nullopt;
  };
  std::optional<Expr> s = clamp(start), e = clamp(end);
  if (!s || !e) return unknown_size();
  Expr length = *e - *s;
  if (!proves_le(0, length)) {
    if (proves_le(length, 0)) return Expr(0);
    length = max(length, 0);
  }
  return step == 1 ? length : ceildiv(length, Expr(step));
}

Status infer_slice(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  const size_t rank = x->size();
  std::optional<Ints> starts, ends;
  std::optional<std::vector<int64_t>> axes, steps;
  if (c.opset < 10) {
    starts = c.attr_ints("starts");
    ends = c.attr_ints("ends");
    axes = c.attrs("axes");
    if (axes->empty()) axes.reset();
  } else {
    starts = c.ints(1);
    ends = c.ints(2);
    axes = c.const_ints(3);
    steps = c.const_ints(4);
  }
  Shape out = *x;
  if (c.opset >= 10 && c.has(3) && !axes) {  // any axis may be cut
    c.out(0, c.dtype(0), unknown_shape(rank));
    return {};
  }
  const Shape* count = c.opset < 10 ? nullptr : c.shape(1);
  size_t n = axes ? axes->size() : starts ? starts->size() : rank;
  if (!axes && !starts && count != nullptr && count->size() == 1 && (*count)[0].is_const()) {
    n = static_cast<size_t>(std::max<int64_t>(0, (*count)[0].value()));
  }
  if (starts && starts->size() != n) return c.wrong("starts and axes differ in length");
  if (ends && ends->size() != n) return c.wrong("ends and axes differ in length");
  if (steps && steps->size() != n) return c.wrong("steps and axes differ in length");
  const bool steps_known = c.opset < 10 || !c.has(4) || steps;
  for (size_t i = 0; i < n; ++i) {
    auto axis = axis_of(axes ? (*axes)[i] : static_cast<int64_t>(i), rank);
    if (!axis) return c.wrong("axis outside " + to_string(*x));
    out[*axis] = starts && ends && steps_known
                     ? slice_size((*x)[*axis], (*starts)[i], (*ends)[i], steps ? (*steps)[i] : 1)
                     : unknown_size();
  }
  c.out(0, c.dtype(0), out);
  return {};
}

std::optional<Ints> ints_slice(Context& c) {
  auto data = c.ints(0);
  if (!data || c.rank(0) != 1) return std::nullopt;
  std::optional<std::vector<int64_t>> starts, ends, steps;
  if (c.opset < 10) {
    starts = c.attrs("starts");
    ends = c.attrs("ends");
  } else {
    starts = c.const_ints(1);
    ends = c.const_ints(2);
    steps = c.has(4) ? c.const_ints(4) : std::vector<int64_t>{1};
    if (!steps) return std::nullopt;
  }
  if (!starts || !ends || starts->size() != 1 || ends->size() != 1) return std::nullopt;
  const int64_t step = steps && !steps->empty() ? steps->front() : 1;
  const auto window =
      slice_window(static_cast<int64_t>(data->size()), starts->front(), ends->front(), step);
  if (!window) return std::nullopt;
  Ints out;
  for (int64_t i = 0; i < window->length; ++i) {
    out.push_back((*data)[static_cast<size_t>(window->start + i * step)]);
  }
  return out;
}

// What a Slice takes of each axis: from inputs (opset 10) or attributes.
std::optional<std::vector<Window>> windows(const Call& call, const Dims& dims) {
  std::vector<int64_t> starts = call.list("starts");
  std::vector<int64_t> ends = call.list("ends");
  std::vector<int64_t> axes = call.list("axes");
  std::vector<int64_t> steps =
      call.in(4) != nullptr ? call.in(4)->as_ints() : std::vector<int64_t>{};
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (starts.size() != ends.size() || starts.size() != axes.size() ||
      starts.size() != steps.size()) {
    return std::nullopt;
  }
  std::vector<Window> out(dims.size());
  for (size_t i = 0; i < dims.size(); ++i) out[i].length = dims[i];
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto axis = axis_of(axes[i], dims.size());
    if (!axis) return std::nullopt;
    const auto window = slice_window(dims[*axis], starts[i], ends[i], steps[i]);
    if (!window) return std::nullopt;
    out[*axis] = *window;
  }
  return out;
}

Tensors fold_slice(const Call& call) {
  const Tensor& x = *call.in(0);
  if (byte_size(x.dtype) == 0) return std::nullopt;
  const auto cut = windows(call, x.dims);
  if (!cut) return std::nullopt;
  Dims dims;
  for (const Window& w : *cut) dims.push_back(w.length);
  if (count(dims) > call.max_elements) return std::nullopt;
  const Dims strides = strides_of(x.dims);
  std::vector<int64_t> index;
  for_each_position(dims, [&](const Dims& at) {
    int64_t i = 0;
    for (size_t k = 0; k < at.size(); ++k)
      i += ((*cut)[k].start + at[k] * (*cut)[k].step) * strides[k];
    index.push_back(i);
  });
  return one(take(x, std::move(dims), index));
}
OP("Slice", {.infer = infer_slice,
             .ints = ints_slice,
             .fold = fold_slice,
             .traits = kSelects | kBuiltOnce,
             .became_inputs = {10, {"starts", "ends", "axes"}}});

Status infer_pad(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  std::optional<Ints> pads = c.opset < 11 ? c.attr_ints("pads") : c.ints(1);
  std::optional<std::vector<int64_t>> axes;
  if (c.has(3)) {
    axes = c.const_ints(3);
    if (!axes) pads.reset();
  }
  if (!pads) {
    c.out(0, c.dtype(0), unknown_shape(x->size()));
    return {};
  }
  const size_t n = axes ? axes->size() : x->size();
  if (pads->size() != 2 * n) return c.wrong("two pads an axis are needed");
  Shape out = *x;
  for (size_t i = 0; i < n; ++i) {
    auto axis = axis_of(axes ? (*axes)[i] : static_cast<int64_t>(i), x->size());
    if (!axis) return c.wrong("axis outside " + to_string(*x));
    out[*axis] = out[*axis] + (*pads)[i] + (*pads)[i + n];
  }
  c.out(0, c.dtype(0), out);
  return {};
}

Tensors fold_pad(const Call& call) {
  const Tensor& x = *call.in(0);
  const std::vector<int64_t> pads = call.list("pads");
  if (call.node.get<std::string>("mode", "constant") != "constant" || call.in(3) != nullptr ||
      call.opset < 11 || pads.size() != 2 * x.dims.size() || !movable(call, x)) {
    return std::nullopt;
  }
  std::vector<std::byte> fill(byte_size(x.dtype));
  if (const Tensor* value = call.in(2)) fill = value->bytes();
  const size_t rank = x.dims.size();
  Dims dims = x.dims;
  for (size_t i = 0; i < rank; ++i) {
    if (__builtin_add_overflow(dims[i], pads[i], &dims[i]) ||
        __builtin_add_overflow(dims[i], pads[rank + i], &dims[i]) || dims[i] < 0) {
      return std::nullopt;
    }
  }
  if (count(dims) > call.max_elements || fill.size() != byte_size(x.dtype)) return std::nullopt;
  const Dims strides = strides_of(x.dims);
  std::vector<int64_t> index;
  for_each_position(dims, [&](const Dims& at) {
    int64_t i = 0;
    for (size_t k = 0; k < rank && i >= 0; ++k) {
      const int64_t from = at[k] - pads[k];
      i = from < 0 || from >= x.dims[k] ? -1 : i + from * strides[k];
    }
    index.push_back(i);
  });
  return one(take(x, std::move(dims), index, fill.data()));
}
OP("Pad", {.infer = infer_pad, .fold = fold_pad, .became_inputs = {11, {"pads", "value"}}});

Tensors fold_trilu(const Call& call) {
  const Tensor& x = *call.in(0);
  const size_t rank = x.dims.size();
  if (rank < 2 || !movable(call, x)) return std::nullopt;
  if (call.in(1) != nullptr && call.in(1)->numel() != 1) return std::nullopt;
  const bool upper = call.node.get<int64_t>("upper", 1) != 0;
  const int64_t k = call.in(1) != nullptr ? call.in(1)->as_ints()[0] : 0;
  const std::vector<std::byte> zero(byte_size(x.dtype));
  std::vector<int64_t> index;
  int64_t i = 0;
  for_each_position(x.dims, [&](const Dims& at) {
    const int64_t diagonal = at[rank - 1] - at[rank - 2];
    index.push_back((upper ? diagonal >= k : diagonal <= k) ? i : -1);
    ++i;
  });
  return one(take(x, x.dims, index, zero.data()));
}
OP("Trilu", {.infer = infer_same, .fold = fold_trilu});

}  // namespace
}  // namespace onnxport::onnx::ops
