// Operators that move or repeat whole rows of elements: Transpose, Concat, Split, Expand, Tile, ...
#include <algorithm>
#include <numeric>

#include "onnx/known_ints.h"
#include "onnx/ops/fold_call.h"
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

Status infer_transpose(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  const auto perm = perm_of(c.node);
  if (!perm) return c.wrong("perm does not name each axis of " + to_string(*x) + " once");
  Shape out;
  for (int64_t p : *perm) out.push_back((*x)[static_cast<size_t>(p)]);
  c.out(0, c.dtype(0), out);
  return {};
}

Tensors fold_transpose(const Call& call) {
  const Tensor& x = *call.in(0);
  const auto perm = perm_of(call.node);
  if (!perm || perm->size() != x.dims.size() || byte_size(x.dtype) == 0) return std::nullopt;
  return one(x.transposed(*perm));  // lazy, whatever its size
}
OP("Transpose",
   {.infer = infer_transpose, .fold = fold_transpose, .traits = kSelects | kBuiltOnce});

Status infer_concat(Context& c) {
  DType dtype = DType::kUndefined;
  std::optional<Shape> all;
  bool known = true;
  for (size_t i = 0; i < c.node.inputs.size(); ++i) {
    if (dtype == DType::kUndefined) dtype = c.dtype(i);
    const Shape* s = c.shape(i);
    if (s == nullptr) {
      known = false;
      continue;
    }
    auto axis = axis_of(c.attr("axis", 1), s->size());
    if (!axis) return c.wrong("axis outside " + to_string(*s));
    if (!all) {
      all = *s;
      continue;
    }
    if (all->size() != s->size()) {
      return c.wrong("ranks of " + to_string(*all) + " and " + to_string(*s) + " differ");
    }
    for (size_t d = 0; d < s->size(); ++d) {
      if (d == *axis) {
        (*all)[d] += (*s)[d];
      } else if ((*s)[d].is_const()) {
        if ((*all)[d].is_const() && (*all)[d] != (*s)[d]) {
          return c.wrong(to_string(*all) + " and " + to_string(*s) + " differ beside the axis");
        }
        (*all)[d] = (*s)[d];
      } else if (is_unknown((*all)[d])) {
        (*all)[d] = (*s)[d];
      }
    }
  }
  if (!known && all) (*all)[*axis_of(c.attr("axis", 1), all->size())] = unknown_size();
  c.out(0, dtype, all ? &*all : nullptr);
  return {};
}

std::optional<Ints> ints_concat(Context& c) {
  Ints out;
  for (size_t i = 0; i < c.node.inputs.size(); ++i) {
    auto part = c.ints(i);
    if (!part || c.rank(i) != 1) return std::nullopt;
    out.insert(out.end(), part->begin(), part->end());
    if (out.size() > kMaxKnownInts) return std::nullopt;
  }
  return out;
}

Tensors fold_concat(const Call& call) {
  if (call.inputs() == 0) return std::nullopt;
  const Tensor& first = *call.in(0);
  const auto axis = axis_of(call.node.get<int64_t>("axis", 0), first.dims.size());
  const size_t size = byte_size(first.dtype);
  if (!axis || size == 0) return std::nullopt;
  Dims dims = first.dims;
  dims[*axis] = 0;
  std::vector<std::vector<std::byte>> parts;
  std::vector<size_t> rows;  // bytes of one outer index
  int64_t outer = 1;
  for (size_t i = 0; i < *axis; ++i) outer *= first.dims[i];
  for (size_t k = 0; k < call.inputs(); ++k) {
    const Tensor& t = *call.in(k);
    if (t.dims.size() != dims.size() || t.dtype != first.dtype) return std::nullopt;
    for (size_t i = 0; i < dims.size(); ++i) {
      if (i != *axis && t.dims[i] != dims[i]) return std::nullopt;
    }
    dims[*axis] += t.dims[*axis];
    if (count(dims) > call.max_elements) return std::nullopt;
    parts.push_back(t.bytes());
    rows.push_back(outer == 0 ? 0 : parts.back().size() / static_cast<size_t>(outer));
  }
  if (count(dims) == 0) return one(Tensor::owned(first.dtype, std::move(dims), {}));
  std::vector<std::byte> out;
  out.reserve(static_cast<size_t>(count(dims)) * size);
  for (int64_t o = 0; o < outer; ++o) {
    for (size_t k = 0; k < parts.size(); ++k) {
      const std::byte* from = parts[k].data() + static_cast<size_t>(o) * rows[k];
      out.insert(out.end(), from, from + rows[k]);
    }
  }
  return one(Tensor::owned(first.dtype, std::move(dims), std::move(out)));
}
OP("Concat",
   {.infer = infer_concat, .ints = ints_concat, .fold = fold_concat, .traits = kBuiltOnce});

// The content of all outputs, once their sizes are known.
void ints_split(Context& c) {
  auto data = c.ints(0);
  if (!data || c.rank(0) != 1) return;
  size_t from = 0;
  for (size_t i = 0; i < c.node.outputs.size(); ++i) {
    const Value* v = c.node.output(i);
    if (v == nullptr || !v->shape || v->shape->size() != 1 || !(*v->shape)[0].is_const()) return;
    const auto n = static_cast<size_t>((*v->shape)[0].value());
    if (from + n > data->size()) return;
    c.out_ints(i, Ints(data->begin() + static_cast<int64_t>(from),
                       data->begin() + static_cast<int64_t>(from + n)));
    from += n;
  }
}

Status infer_split(Context& c) {
  const size_t n = c.node.outputs.size();
  const Shape* x = c.shape(0);
  for (size_t i = 0; i < n; ++i) c.out(i, c.dtype(0));
  if (x == nullptr || n == 0) return {};
  auto axis = axis_of(c.attr("axis", 0), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  std::optional<Ints> sizes;
  if (c.node.find("split") != nullptr) {
    sizes = c.attr_ints("split");
  } else if (c.has(1)) {
    sizes = c.ints(1);
  } else {
    const Expr& d = (*x)[*axis];
    const Expr count(static_cast<int64_t>(n));
    const Expr each = ceildiv(d, count);
    const bool even = exact_div(d, count).has_value();
    sizes.emplace();
    for (size_t i = 0; i + 1 < n; ++i) sizes->push_back(even ? *exact_div(d, count) : each);
    sizes->push_back(even ? *exact_div(d, count) : d - each * Expr(static_cast<int64_t>(n) - 1));
  }
  if (sizes && sizes->size() != n) return c.wrong("as many sizes as outputs are needed");
  for (size_t i = 0; i < n; ++i) {
    Shape out = *x;
    out[*axis] = sizes ? (*sizes)[i] : unknown_size();
    c.out(i, c.dtype(0), out);
  }
  ints_split(c);
  return {};
}

Tensors fold_split(const Call& call) {
  const Tensor& x = *call.in(0);
  const auto axis = axis_of(call.node.get<int64_t>("axis", 0), x.dims.size());
  if (!axis || !movable(call, x)) return std::nullopt;
  std::vector<int64_t> sizes = call.list("split");
  if (sizes.empty()) {
    const auto parts = static_cast<int64_t>(call.node.outputs.size());
    const int64_t part = (x.dims[*axis] + parts - 1) / parts;
    for (int64_t left = x.dims[*axis]; sizes.size() < call.node.outputs.size(); left -= part) {
      sizes.push_back(std::clamp<int64_t>(left, 0, part));
    }
  }
  if (std::any_of(sizes.begin(), sizes.end(),
                  [&](int64_t s) { return s < 0 || s > x.dims[*axis]; }))
    return std::nullopt;
  if (sizes.size() != call.node.outputs.size() ||
      std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != x.dims[*axis]) {
    return std::nullopt;
  }
  const Dims strides = strides_of(x.dims);
  std::vector<Tensor> out;
  int64_t start = 0;
  for (int64_t size : sizes) {
    Dims dims = x.dims;
    dims[*axis] = size;
    std::vector<int64_t> index;
    for_each_position(dims, [&](const Dims& at) {
      int64_t i = start * strides[*axis];
      for (size_t k = 0; k < at.size(); ++k) i += at[k] * strides[k];
      index.push_back(i);
    });
    out.push_back(take(x, std::move(dims), index));
    start += size;
  }
  return out;
}
OP("Split", {.infer = infer_split,
             .fold = fold_split,
             .traits = kSelects,
             .became_inputs = {13, {"split"}}});

Status infer_expand(Context& c) {
  const Shape* x = c.shape(0);
  std::optional<Ints> target = c.ints(1);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  std::optional<Shape> to;
  if (target) {
    to = Shape(target->begin(), target->end());
  } else {
    to = c.shape_of_length(1);
  }
  if (!to) return {};
  std::optional<Shape> out = broadcast(*x, *to);
  if (!out) return c.wrong(to_string(*x) + " does not broadcast to " + to_string(*to));
  c.out(0, c.dtype(0), *out);
  return {};
}

Tensors fold_expand(const Call& call) {
  const Tensor& x = *call.in(0);
  const auto dims = broadcast(x.dims, call.in(1)->as_ints());
  if (!dims || count(*dims) > call.max_elements || !movable(call, x)) return std::nullopt;
  return one(take(x, *dims, broadcast_index(*dims, x.dims)));
}
OP("Expand", {.infer = infer_expand, .fold = fold_expand, .traits = kSelects | kBuiltOnce});

Status infer_tile(Context& c) {
  const Shape* x = c.shape(0);
  std::optional<Ints> repeats = c.ints(1);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  if (!repeats) {
    c.out(0, c.dtype(0), unknown_shape(x->size()));
    return {};
  }
  if (repeats->size() != x->size()) return c.wrong("as many repeats as axes are needed");
  Shape out;
  for (size_t i = 0; i < x->size(); ++i) out.push_back((*x)[i] * (*repeats)[i]);
  c.out(0, c.dtype(0), out);
  return {};
}

Tensors fold_tile(const Call& call) {
  const Tensor& x = *call.in(0);
  const std::vector<int64_t> repeats = call.in(1)->as_ints();
  if (repeats.size() != x.dims.size() || !movable(call, x)) return std::nullopt;
  Dims dims = x.dims;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (repeats[i] < 0 || __builtin_mul_overflow(dims[i], repeats[i], &dims[i]))
      return std::nullopt;
  }
  if (count(dims) > call.max_elements) return std::nullopt;
  const Dims strides = strides_of(x.dims);
  std::vector<int64_t> index;
  for_each_position(dims, [&](const Dims& at) {
    int64_t i = 0;
    for (size_t k = 0; k < at.size(); ++k) i += at[k] % x.dims[k] * strides[k];
    index.push_back(i);
  });
  return one(take(x, dims, index));
}
OP("Tile", {.infer = infer_tile, .fold = fold_tile, .traits = kSelects});

Status infer_depth_to_space(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr || x->size() != 4) return {};
  const Expr b(c.attr("blocksize", 1));
  const Expr b2 = b * b;
  const std::optional<Expr> channels = exact_div((*x)[1], b2);
  c.out(0, c.dtype(0),
        Shape{(*x)[0], channels ? *channels : floordiv((*x)[1], b2), (*x)[2] * b, (*x)[3] * b});
  return {};
}
OP("DepthToSpace", {.infer = infer_depth_to_space, .traits = kSelects});

Status infer_space_to_depth(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr || x->size() != 4) return {};
  const Expr b(c.attr("blocksize", 1));
  c.out(0, c.dtype(0), Shape{(*x)[0], (*x)[1] * b * b, floordiv((*x)[2], b), floordiv((*x)[3], b)});
  return {};
}
OP("SpaceToDepth", {.infer = infer_space_to_depth, .traits = kSelects});

OP("ReverseSequence", {.infer = infer_same, .traits = kSelects});

}  // namespace
}  // namespace onnxport::onnx::ops
