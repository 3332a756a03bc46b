#include "onnx/ops/fold_call.h"

#include <algorithm>

#include "base/broadcast.h"

namespace onnxport::onnx::ops {

std::vector<int64_t> Call::list(std::string_view attribute) const {
  const std::optional<size_t> input = input_of(node, attribute);
  CHECK(input);
  if (const Tensor* t = in(*input)) return t->as_ints();
  return node.get<Attribute::Ints>(attribute, {});
}

int64_t count(const Dims& dims) {
  int64_t n = 1;
  for (int64_t d : dims) {
    if (__builtin_mul_overflow(n, d, &n)) return INT64_MAX;
  }
  return n;
}

std::optional<Dims> broadcast(const Dims& a, const Dims& b) {
  const auto negative = [](int64_t size) { return size < 0; };
  if (std::any_of(a.begin(), a.end(), negative) || std::any_of(b.begin(), b.end(), negative)) {
    return std::nullopt;
  }
  return broadcast_with(a, b, [](int64_t x, int64_t y) {
    const bool fits = x == y || x == 1 || y == 1;
    return fits ? std::optional(x == 1 ? y : x) : std::nullopt;
  });
}

std::vector<int64_t> broadcast_index(const Dims& out, const Dims& in) {
  Dims strides = strides_of(in);
  for (size_t axis = 0; axis < in.size(); ++axis) {
    if (in[axis] == 1) strides[axis] = 0;
  }
  strides.insert(strides.begin(), out.size() - in.size(), 0);
  std::vector<int64_t> index(static_cast<size_t>(count(out)));
  std::vector<int64_t> at(out.size(), 0);
  int64_t offset = 0;
  for (int64_t& i : index) {
    i = offset;
    for (size_t axis = out.size(); axis-- > 0;) {
      offset += strides[axis];
      if (++at[axis] < out[axis]) break;
      offset -= strides[axis] * out[axis];
      at[axis] = 0;
    }
  }
  return index;
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

bool movable(const Call& call, const Tensor& x) {
  return byte_size(x.dtype) != 0 && x.numel() <= call.max_elements;
}

Tensor take(const Tensor& x, Dims dims, const std::vector<int64_t>& index, const std::byte* fill) {
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

}  // namespace onnxport::onnx::ops
