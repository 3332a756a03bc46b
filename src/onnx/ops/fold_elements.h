// Folding of elementwise operators: one rounding per operation in the element type (half types in
// float32, then rounded). Integer arithmetic wraps as two's complement, as ONNX Runtime's does.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "onnx/ops/fold_call.h"

namespace onnxport::onnx::ops {

inline bool is_half(DType t) { return t == DType::kFloat16 || t == DType::kBFloat16; }

// Calls f(T{}) for the element type's C++ type; bools are uint8_t. Half types are not dispatched.
template <typename F>
Tensors with_type(DType dtype, F f) {
  switch (dtype) {
    case DType::kFloat:
      return f(float{});
    case DType::kDouble:
      return f(double{});
    case DType::kInt64:
      return f(int64_t{});
    case DType::kInt32:
      return f(int32_t{});
    case DType::kInt16:
      return f(int16_t{});
    case DType::kInt8:
      return f(int8_t{});
    case DType::kUint8:
    case DType::kBool:
      return f(uint8_t{});
    case DType::kUint64:
      return f(uint64_t{});
    case DType::kUint32:
      return f(uint32_t{});
    case DType::kUint16:
      return f(uint16_t{});
    default:
      return std::nullopt;
  }
}

// f over broadcast operands; the result has R elements of type `out_dtype`.
template <typename T, typename R, typename F>
Tensors zip(const Call& call, const Tensor& a, const Tensor& b, DType out_dtype, F f) {
  const auto dims = broadcast(a.dims, b.dims);
  if (!dims || count(*dims) > call.max_elements) return std::nullopt;
  const std::vector<T> x = a.values<T>();
  const std::vector<T> y = b.values<T>();
  const std::vector<int64_t> ia = broadcast_index(*dims, a.dims);
  const std::vector<int64_t> ib = broadcast_index(*dims, b.dims);
  std::vector<R> out(ia.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = f(x[static_cast<size_t>(ia[i])], y[static_cast<size_t>(ib[i])]);
  }
  return one(Tensor::of(out_dtype, *dims, out));
}

// Half tensors go through float32; the result is rounded back when it has their type.
template <typename F>
Tensors binary_of(const Call& call, const Tensor& a, const Tensor& b, F with) {
  if (a.dtype != b.dtype) return std::nullopt;
  if (is_half(a.dtype)) {
    Tensors wide = binary_of(call, a.cast(DType::kFloat), b.cast(DType::kFloat), with);
    if (wide && (*wide)[0].dtype == DType::kFloat) (*wide)[0] = (*wide)[0].cast(a.dtype);
    return wide;
  }
  return with_type(a.dtype, [&](auto t) { return with(call, a, b, t); });
}

template <typename T, typename F>
Tensors map(const Tensor& x, F f) {
  std::vector<T> values = x.values<T>();
  for (T& v : values) v = f(v);
  return one(Tensor::of(x.dtype, x.dims, values));
}

// f on floats, in the element's own precision.
template <typename F>
Tensors on_floats(const Call& call, F f) {
  const Tensor& x = *call.in(0);
  if (x.numel() > call.max_elements) return std::nullopt;
  if (x.dtype == DType::kFloat) return map<float>(x, f);
  if (x.dtype == DType::kDouble) return map<double>(x, f);
  if (!is_half(x.dtype)) return std::nullopt;
  Tensors wide = map<float>(x.cast(DType::kFloat), f);
  return one((*wide)[0].cast(x.dtype));
}

// f on floats and signed integers.
template <typename F>
Tensors on_signed(const Call& call, F f) {
  const Tensor& x = *call.in(0);
  if (x.numel() > call.max_elements) return std::nullopt;
  if (x.dtype == DType::kInt64) return map<int64_t>(x, f);
  if (x.dtype == DType::kInt32) return map<int32_t>(x, f);
  return on_floats(call, f);
}

struct AddOf {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    else
      return a + b;
  }
};
struct SubOf {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
    else
      return a - b;
  }
};

}  // namespace onnxport::onnx::ops
