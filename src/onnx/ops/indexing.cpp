// Gather and its kin, Scatter and its kin, and operators whose output size depends on the content.
#include "onnx/ops/fold_call.h"
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

Status infer_gather(Context& c) {
  const Shape *x = c.shape(0), *indices = c.shape(1);
  c.out(0, c.dtype(0));
  if (x == nullptr || indices == nullptr) return {};
  auto axis = axis_of(c.attr("axis", 0), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  Shape out(x->begin(), x->begin() + static_cast<int64_t>(*axis));
  out.insert(out.end(), indices->begin(), indices->end());
  out.insert(out.end(), x->begin() + static_cast<int64_t>(*axis) + 1, x->end());
  c.out(0, c.dtype(0), out);
  return {};
}

std::optional<Ints> ints_gather(Context& c) {
  auto data = c.ints(0);
  auto indices = c.const_ints(1);
  if (!data || !indices || c.rank(0) != 1) return std::nullopt;
  Ints out;
  const auto n = static_cast<int64_t>(data->size());
  for (int64_t i : *indices) {
    if (i < -n || i >= n) return std::nullopt;
    out.push_back((*data)[static_cast<size_t>(i < 0 ? i + n : i)]);
  }
  return out;
}

Tensors fold_gather(const Call& call) {
  const Tensor& x = *call.in(0);
  const Tensor& at = *call.in(1);
  const auto axis = axis_of(call.node.get<int64_t>("axis", 0), x.dims.size());
  if (!axis || byte_size(x.dtype) == 0) return std::nullopt;
  Dims dims(x.dims.begin(), x.dims.begin() + static_cast<std::ptrdiff_t>(*axis));
  dims.insert(dims.end(), at.dims.begin(), at.dims.end());
  dims.insert(dims.end(), x.dims.begin() + static_cast<std::ptrdiff_t>(*axis) + 1, x.dims.end());
  if (count(dims) > call.max_elements) return std::nullopt;
  // Of nothing: then the sizes beside may be as large as they like.
  if (count(dims) == 0) return one(Tensor::owned(x.dtype, std::move(dims), {}));
  const std::vector<int64_t> indices = at.as_ints();
  const int64_t size = x.dims[*axis];
  int64_t outer = 1;
  for (size_t i = 0; i < *axis; ++i) outer *= x.dims[i];
  const int64_t inner = strides_of(x.dims)[*axis];
  std::vector<int64_t> index;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i : indices) {
      if (i < -size || i >= size) return std::nullopt;
      const int64_t row = (o * size + (i < 0 ? i + size : i)) * inner;
      for (int64_t k = 0; k < inner; ++k) index.push_back(row + k);
    }
  }
  return one(take(x, std::move(dims), index));
}
OP("Gather", {.infer = infer_gather,
              .ints = ints_gather,
              .fold = fold_gather,
              .traits = kSelects | kBuiltOnce});

Status infer_gather_elements(Context& c) {
  c.out(0, c.dtype(0), c.shape(1));
  return {};
}
OP("GatherElements", {.infer = infer_gather_elements, .traits = kSelects});

Status infer_gather_nd(Context& c) {
  const Shape *x = c.shape(0), *indices = c.shape(1);
  c.out(0, c.dtype(0));
  if (x == nullptr || indices == nullptr || indices->empty()) return {};
  const int64_t batch = c.attr("batch_dims", 0);
  if (!indices->back().is_const() || batch > 64) return {};
  const int64_t depth = batch + indices->back().value();
  if (batch < 0 || depth > static_cast<int64_t>(x->size()) || depth < batch) {
    return c.wrong("indices of " + to_string(*indices) + " do not fit " + to_string(*x));
  }
  Shape out(indices->begin(), indices->end() - 1);
  out.insert(out.end(), x->begin() + depth, x->end());
  c.out(0, c.dtype(0), out);
  return {};
}
OP("GatherND", {.infer = infer_gather_nd, .traits = kSelects});

OP({"Scatter", "ScatterElements", "ScatterND", "TensorScatter"}, {.infer = infer_same});

Status infer_non_zero(Context& c) {
  const auto rank = c.rank(0);
  c.out(0, DType::kInt64, Shape{rank ? Expr(*rank) : unknown_size(), unknown_size()});
  return {};
}
OP("NonZero", {.infer = infer_non_zero});

Status infer_non_max_suppression(Context& c) {
  c.out(0, DType::kInt64, Shape{unknown_size(), 3});
  return {};
}
OP("NonMaxSuppression", {.infer = infer_non_max_suppression});

Status infer_compress(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (c.node.find("axis") == nullptr) {
    c.out(0, c.dtype(0), Shape{unknown_size()});
    return {};
  }
  if (x == nullptr) return {};
  auto axis = axis_of(c.attr("axis", 0), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  Shape out = *x;
  out[*axis] = unknown_size();
  c.out(0, c.dtype(0), out);
  return {};
}
OP("Compress", {.infer = infer_compress, .traits = kSelects});

Status infer_unique(Context& c) {
  const Shape* x = c.shape(0);
  const Expr count = unknown_size();
  c.out(0, c.dtype(0));
  if (c.node.find("axis") == nullptr) {
    c.out(0, c.dtype(0), Shape{count});
  } else if (x != nullptr) {
    auto axis = axis_of(c.attr("axis", 0), x->size());
    if (!axis) return c.wrong("axis outside " + to_string(*x));
    Shape out = *x;
    out[*axis] = count;
    c.out(0, c.dtype(0), out);
  }
  c.out(1, DType::kInt64, Shape{count});
  c.out(2, DType::kInt64, Shape{unknown_size()});
  c.out(3, DType::kInt64, Shape{count});
  return {};
}
OP("Unique", {.infer = infer_unique});

Status infer_top_k(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  c.out(1, DType::kInt64);
  if (x == nullptr) return {};
  auto axis = axis_of(c.attr("axis", -1), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  Shape out = *x;
  if (c.opset < 10) {
    out[*axis] = Expr(c.attr("k", 1));
  } else {
    auto k = c.ints(1);
    out[*axis] = k && k->size() == 1 ? (*k)[0] : unknown_size();
  }
  c.out(0, c.dtype(0), out);
  c.out(1, DType::kInt64, out);
  return {};
}
OP("TopK", {.infer = infer_top_k});

Status infer_one_hot(Context& c) {
  const Shape* indices = c.shape(0);
  c.out(0, c.dtype(2));
  if (indices == nullptr) return {};
  auto axis = axis_of(c.attr("axis", -1), indices->size() + 1);
  if (!axis) return c.wrong("axis outside " + to_string(*indices));
  auto depth = c.ints(1);
  Shape out = *indices;
  out.insert(out.begin() + static_cast<int64_t>(*axis),
             depth && depth->size() == 1 ? (*depth)[0] : unknown_size());
  c.out(0, c.dtype(2), out);
  return {};
}
OP("OneHot", {.infer = infer_one_hot});

}  // namespace
}  // namespace onnxport::onnx::ops
