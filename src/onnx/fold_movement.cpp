// Data movement and shape operators, on bytes: any fixed-size element type.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "onnx/fold.h"
#include "onnx/fold_rule.h"

namespace onnxport::onnx::folding {
namespace {

std::vector<int64_t> ints_of(const Call& call, const char* attribute, size_t input) {
  if (const Tensor* t = call.in(input)) return t->as_ints();
  return call.node.get<Attribute::Ints>(attribute, {});
}

bool movable(const Call& call, const Tensor& x) {
  return byte_size(x.dtype) != 0 && x.numel() <= call.max_elements;
}

// Element i of the result is element index[i] of x; -1 is `fill` (byte_size bytes).
Tensor take(const Tensor& x, Dims dims, const std::vector<int64_t>& index,
            const std::byte* fill = nullptr) {
  const size_t size = byte_size(x.dtype);
  const std::vector<std::byte> from = x.bytes();
  std::vector<std::byte> out(index.size() * size);
  for (size_t i = 0; i < index.size(); ++i) {
    const std::byte* source =
        index[i] < 0 ? fill : from.data() + static_cast<size_t>(index[i]) * size;
    std::copy(source, source + size, out.data() + i * size);
  }
  return Tensor::owned(x.dtype, std::move(dims), std::move(out));
}

Dims strides_of(const Dims& dims) {
  Dims strides(dims.size());
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return strides;
}

// Walks `dims` in row-major order; f(position) for each.
template <typename F>
void for_each_position(const Dims& dims, F f) {
  const int64_t n = count(dims);
  Dims at(dims.size(), 0);
  for (int64_t i = 0; i < n; ++i) {
    f(at);
    for (size_t axis = dims.size(); axis-- > 0;) {
      if (++at[axis] < dims[axis]) break;
      at[axis] = 0;
    }
  }
}

Tensors reshaped(const Tensor& x, Dims dims) {
  if (count(dims) != x.numel()) return std::nullopt;
  return one(x.reshaped(std::move(dims)));
}

Tensors reshape(const Call& call) {
  const Tensor& x = *call.in(0);
  Dims dims = call.in(1)->as_ints();
  const bool allow_zero = call.node.get<int64_t>("allowzero", 0) != 0;
  int64_t known = 1;
  int64_t* open = nullptr;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !allow_zero) {
      if (i >= x.dims.size()) return std::nullopt;
      dims[i] = x.dims[i];
    }
    if (dims[i] == -1) {
      if (open != nullptr) return std::nullopt;
      open = &dims[i];
    } else if (__builtin_mul_overflow(known, dims[i], &known)) {
      return std::nullopt;
    }
  }
  if (open != nullptr) {
    if (known <= 0 || x.numel() % known != 0) return std::nullopt;
    *open = x.numel() / known;
  }
  return reshaped(x, std::move(dims));
}

Tensors flatten(const Call& call) {
  const Tensor& x = *call.in(0);
  int64_t axis = call.node.get<int64_t>("axis", 1);
  if (axis < 0) axis += static_cast<int64_t>(x.dims.size());
  if (axis < 0 || axis > static_cast<int64_t>(x.dims.size())) return std::nullopt;
  const Dims outer(x.dims.begin(), x.dims.begin() + axis);
  const Dims inner(x.dims.begin() + axis, x.dims.end());
  return reshaped(x, {count(outer), count(inner)});
}

Tensors squeeze(const Call& call) {
  const Tensor& x = *call.in(0);
  const std::vector<int64_t> axes = ints_of(call, "axes", 1);
  std::vector<bool> drop(x.dims.size(), false);
  for (int64_t a : axes) {
    const auto axis = axis_of(a, x.dims.size());
    if (!axis || x.dims[*axis] != 1) return std::nullopt;
    drop[*axis] = true;
  }
  Dims dims;
  for (size_t i = 0; i < x.dims.size(); ++i) {
    if (axes.empty() ? x.dims[i] != 1 : !drop[i]) dims.push_back(x.dims[i]);
  }
  return reshaped(x, std::move(dims));
}

Tensors unsqueeze(const Call& call) {
  const Tensor& x = *call.in(0);
  const std::vector<int64_t> axes = ints_of(call, "axes", 1);
  const size_t rank = x.dims.size() + axes.size();
  std::vector<bool> added(rank, false);
  for (int64_t a : axes) {
    const auto axis = axis_of(a, rank);
    if (!axis || added[*axis]) return std::nullopt;
    added[*axis] = true;
  }
  Dims dims;
  size_t next = 0;
  for (size_t i = 0; i < rank; ++i) dims.push_back(added[i] ? 1 : x.dims[next++]);
  return reshaped(x, std::move(dims));
}

Tensors transpose(const Call& call) {
  const Tensor& x = *call.in(0);
  std::vector<int64_t> perm = call.node.get<Attribute::Ints>("perm", {});
  if (perm.empty()) {
    perm.resize(x.dims.size());
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  if (!is_permutation(perm, x.dims.size()) || byte_size(x.dtype) == 0) return std::nullopt;
  return one(x.transposed(perm));  // lazy, whatever its size
}

Tensors expand(const Call& call) {
  const Tensor& x = *call.in(0);
  const auto dims = broadcast(x.dims, call.in(1)->as_ints());
  if (!dims || count(*dims) > call.max_elements || !movable(call, x)) return std::nullopt;
  return one(take(x, *dims, broadcast_index(*dims, x.dims)));
}

Tensors tile(const Call& call) {
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

Tensors concat(const Call& call) {
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

// What a Slice takes of each axis: from inputs (opset 10) or attributes.
std::optional<std::vector<Window>> windows(const Call& call, const Dims& dims) {
  std::vector<int64_t> starts = ints_of(call, "starts", 1);
  std::vector<int64_t> ends = ints_of(call, "ends", 2);
  std::vector<int64_t> axes = ints_of(call, "axes", 3);
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

Tensors slice(const Call& call) {
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

Tensors split(const Call& call) {
  const Tensor& x = *call.in(0);
  const auto axis = axis_of(call.node.get<int64_t>("axis", 0), x.dims.size());
  if (!axis || !movable(call, x)) return std::nullopt;
  std::vector<int64_t> sizes = ints_of(call, "split", 1);
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

Tensors gather(const Call& call) {
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

Tensors pad(const Call& call) {
  const Tensor& x = *call.in(0);
  const std::vector<int64_t> pads = ints_of(call, "pads", 1);
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

// start:end as attributes from opset 15.
Tensors shape(const Call& call) {
  const Dims& dims = call.in(0)->dims;
  const auto rank = static_cast<int64_t>(dims.size());
  const auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank); };
  const int64_t start = clamp(call.node.get<int64_t>("start", 0));
  const int64_t end = std::max(start, clamp(call.node.get<int64_t>("end", rank)));
  return one(Tensor::ints({dims.begin() + start, dims.begin() + end}));
}

Tensors size(const Call& call) {
  return one(Tensor::of<int64_t>(DType::kInt64, {}, {call.in(0)->numel()}));
}

Tensors constant_of_shape(const Call& call) {
  const Dims dims = call.in(0)->as_ints();
  for (int64_t d : dims) {
    if (d < 0) return std::nullopt;
  }
  const int64_t n = count(dims);
  if (n > call.max_elements) return std::nullopt;
  const Tensor zero = Tensor::scalar(DType::kFloat, 0);
  const Tensor value = call.node.get<Tensor>("value", zero);
  if (byte_size(value.dtype) == 0 || value.numel() != 1) return std::nullopt;
  return one(take(value, dims, std::vector<int64_t>(static_cast<size_t>(n), 0)));
}

// number of elements = max(ceil((limit - start) / delta), 0), in the operator's definition.
Tensors range(const Call& call) {
  const DType dtype = call.in(0)->dtype;
  for (size_t i = 0; i < 3; ++i) {
    if (call.in(i)->dtype != dtype || call.in(i)->numel() != 1) return std::nullopt;
  }
  if (dtype == DType::kInt64 || dtype == DType::kInt32) {
    const int64_t start = call.in(0)->as_ints()[0];
    const int64_t limit = call.in(1)->as_ints()[0];
    const int64_t delta = call.in(2)->as_ints()[0];
    if (delta == 0) return std::nullopt;
    const double n = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                               static_cast<double>(delta));
    if (n > static_cast<double>(call.max_elements)) return std::nullopt;
    std::vector<int64_t> out;
    for (int64_t i = 0; i < static_cast<int64_t>(n); ++i) out.push_back(start + i * delta);
    const Tensor t = Tensor::ints(out);
    return one(dtype == DType::kInt64 ? t : Tensor::owned(dtype, t.dims, t.cast(dtype).bytes()));
  }
  if (dtype != DType::kFloat) return std::nullopt;
  const float start = call.in(0)->values<float>()[0];
  const float limit = call.in(1)->values<float>()[0];
  const float delta = call.in(2)->values<float>()[0];
  const double n = std::ceil((static_cast<double>(limit) - start) / delta);
  if (!(n <= static_cast<double>(call.max_elements))) return std::nullopt;
  std::vector<float> out;
  for (int64_t i = 0; i < static_cast<int64_t>(n); ++i)
    out.push_back(start + static_cast<float>(i) * delta);
  return one(Tensor::of(DType::kFloat, {static_cast<int64_t>(out.size())}, out));
}

Tensors trilu(const Call& call) {
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

Tensors constant(const Call& call) {
  if (const Attribute* value = call.node.find("value")) {
    if (const Tensor* t = std::get_if<Tensor>(&value->v)) return one(*t);
  }
  if (call.node.find("value_int") != nullptr) {
    return one(Tensor::of<int64_t>(DType::kInt64, {}, {call.node.get<int64_t>("value_int", 0)}));
  }
  if (call.node.find("value_ints") != nullptr) {
    return one(Tensor::ints(call.node.get<Attribute::Ints>("value_ints", {})));
  }
  if (call.node.find("value_float") != nullptr) {
    return one(Tensor::of<float>(DType::kFloat, {}, {call.node.get<float>("value_float", 0)}));
  }
  if (call.node.find("value_floats") != nullptr) {
    const auto values = call.node.get<Attribute::Floats>("value_floats", {});
    return one(Tensor::of(DType::kFloat, {static_cast<int64_t>(values.size())}, values));
  }
  return std::nullopt;
}

Tensors identity(const Call& call) { return one(*call.in(0)); }

}  // namespace

void add_movement(Table& t) {
  t["Reshape"] = reshape;
  t["Flatten"] = flatten;
  t["Squeeze"] = squeeze;
  t["Unsqueeze"] = unsqueeze;
  t["Transpose"] = transpose;
  t["Expand"] = expand;
  t["Tile"] = tile;
  t["Concat"] = concat;
  t["Slice"] = slice;
  t["Split"] = split;
  t["Gather"] = gather;
  t["Pad"] = pad;
  t["Shape"] = shape;
  t["Size"] = size;
  t["ConstantOfShape"] = constant_of_shape;
  t["Range"] = range;
  t["Trilu"] = trilu;
  t["Constant"] = constant;
  t["Identity"] = identity;
}

}  // namespace onnxport::onnx::folding
