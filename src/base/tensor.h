// Tensor: element type, sizes and bytes, where the bytes may live in a mapped file or be computed
// while they are written. Nothing here copies a weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace onnxport {

// The values of onnx.TensorProto.DataType: the one element type of the whole project.
enum class DType : int32_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBFloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
  kFloat6E2M3 = 27,
  kFloat6E3M2 = 28,
};
const char* name(DType dtype);  // "float32", "int64", ...
size_t byte_size(DType dtype);  // of one element; 0 for kUndefined, kString and sub-byte types
int bit_size(DType dtype);      // of one element; 0 for kUndefined and kString
bool is_floating(DType dtype);  // half and bfloat16 included, complex not
bool is_integer(DType dtype);   // bool not included
// Whether an element is one number of whole bytes: no string, complex or sub-byte type.
bool is_plain_number(DType dtype);

// Bytes in row-major (C) order, little endian. Implementations: mapped file, owned vector, and lazy
// views (transposed, scaled) that compute blocks when asked.
class Storage {
 public:
  virtual ~Storage() = default;
  virtual size_t size() const = 0;  // bytes
  // Contiguous bytes if they exist in memory already; empty span for lazy storages of size > 0.
  virtual std::span<const std::byte> view() const = 0;
  // Fills `out` with the bytes from `offset`; offset + out.size() <= size().
  virtual void read(size_t offset, std::span<std::byte> out) const = 0;
  // Hint: the pages will not be needed soon (mapped files give them back to the kernel).
  virtual void release() const {}
  // The same for a part, while a large weight is streamed; only mapped files heed it.
  virtual void release_range([[maybe_unused]] size_t offset, [[maybe_unused]] size_t size) const {}
};

struct Tensor {
  DType dtype = DType::kUndefined;
  std::vector<int64_t> dims;
  std::shared_ptr<const Storage> storage;
  std::vector<std::string> strings;  // kString only

  int64_t numel() const;  // product of dims (dims are validated on creation)
  size_t nbytes() const;  // sub-byte elements are packed, the last byte padded

  static Tensor owned(DType dtype, std::vector<int64_t> dims, std::vector<std::byte> bytes);
  template <typename T>
  static Tensor of(DType dtype, std::vector<int64_t> dims, const std::vector<T>& values);
  static Tensor ints(const std::vector<int64_t>& values);  // int64, 1-D
  static Tensor scalar(DType dtype, double value);         // 0-D, rounded to dtype
  static Tensor filled(DType dtype, std::vector<int64_t> dims, double value);

  // All bytes: the view if there is one, else computed into an owned buffer.
  std::vector<std::byte> bytes() const;
  template <typename T>
  std::vector<T> values() const;  // CHECKs sizeof(T) == byte_size(dtype)
  // Meant for small tensors. Of a type without plain numbers: NaN for each element.
  std::vector<double> as_doubles() const;
  // Floats are truncated. Of a type without plain numbers: INT64_MIN for each element, which is no
  // size, axis or index.
  std::vector<int64_t> as_ints() const;

  // Lazy: nothing is computed until it is read. perm is as in ONNX Transpose.
  Tensor transposed(const std::vector<int64_t>& perm) const;
  // Same bytes, other sizes (same element count).
  Tensor reshaped(std::vector<int64_t> dims) const;
  // Lazy: element i along `axis` is multiplied by factors[i] (float32/float64; factors in double).
  Tensor scaled(int axis, std::vector<double> factors) const;
  // Lazy, elementwise conversion with C++/numpy semantics (saturation is not applied).
  Tensor cast(DType to) const;
};

// dims are non-negative and their product times the element size fits in size_t (and int64_t);
// otherwise an error that shows the dims. The only way sizes read from a file become a Tensor.
Result<size_t> checked_nbytes(DType dtype, std::span<const int64_t> dims);

bool same_bytes(const Tensor& a, const Tensor& b);  // dtype, dims and content
uint64_t content_hash(const Tensor& t);

float half_to_float(uint16_t bits);
uint16_t float_to_half(float value);  // round to nearest even
float bfloat16_to_float(uint16_t bits);
uint16_t float_to_bfloat16(float value);  // round to nearest even

template <typename T>
Tensor Tensor::of(DType dtype, std::vector<int64_t> dims, const std::vector<T>& values) {
  CHECK(sizeof(T) == byte_size(dtype));
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return owned(dtype, std::move(dims), std::move(bytes));
}

template <typename T>
std::vector<T> Tensor::values() const {
  CHECK(sizeof(T) == byte_size(dtype));
  std::vector<T> out(static_cast<size_t>(numel()));
  if (!out.empty()) {
    storage->read(0, std::as_writable_bytes(std::span<T>(out)));
  }
  return out;
}

}  // namespace onnxport
