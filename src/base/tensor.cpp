#include "base/tensor.h"

#include <algorithm>
#include <cmath>

#include "base/lazy.h"
#include "base/number.h"

namespace onnxport {
namespace {

constexpr size_t kBlock = size_t{1} << 16;

struct DTypeFacts {
  const char* name;
  int bits;
};

DTypeFacts facts(DType dtype) {
  static constexpr DTypeFacts table[] = {
      {"undefined", 0},      {"float32", 32},     {"uint8", 8},          {"int8", 8},
      {"uint16", 16},        {"int16", 16},       {"int32", 32},         {"int64", 64},
      {"string", 0},         {"bool", 8},         {"float16", 16},       {"float64", 64},
      {"uint32", 32},        {"uint64", 64},      {"complex64", 64},     {"complex128", 128},
      {"bfloat16", 16},      {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
      {"float8e5m2fnuz", 8}, {"uint4", 4},        {"int4", 4},           {"float4e2m1", 4},
      {"float8e8m0", 8},     {"uint2", 2},        {"int2", 2},           {"float6e2m3", 6},
      {"float6e3m2", 6},
  };
  const auto i = static_cast<size_t>(dtype);
  return i < std::size(table) ? table[i] : DTypeFacts{"undefined", 0};
}

class OwnedStorage final : public Storage {
 public:
  explicit OwnedStorage(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  size_t size() const override { return bytes_.size(); }
  std::span<const std::byte> view() const override { return bytes_; }
  void read(size_t offset, std::span<std::byte> out) const override {
    CHECK(offset <= bytes_.size() && out.size() <= bytes_.size() - offset);
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::vector<std::byte> bytes_;
};

// Calls f(offset, block) over all bytes of `storage`; stops when f returns false.
template <typename F>
void for_each_block(const Storage& storage, F f) {
  const std::span<const std::byte> view = storage.view();
  std::vector<std::byte> buffer(view.empty() ? std::min(kBlock, storage.size()) : 0);
  for (size_t at = 0; at < storage.size(); at += kBlock) {
    const size_t n = std::min(kBlock, storage.size() - at);
    if (view.empty()) storage.read(at, std::span(buffer).first(n));
    if (!f(at, view.empty() ? std::span<const std::byte>(buffer).first(n) : view.subspan(at, n))) {
      return;
    }
  }
}

uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
  return hash ^ (hash >> 32);
}

uint64_t mix(uint64_t hash, std::span<const std::byte> bytes) {
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    hash = mix(hash, word);
  }
  if (i < bytes.size()) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, bytes.size() - i);
    hash = mix(hash, word);
  }
  return hash;
}

std::string dims_text(std::span<const int64_t> dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

size_t packed_size(DType dtype, int64_t elements) {
  const auto n = static_cast<size_t>(elements);
  const auto bits = static_cast<size_t>(bit_size(dtype));
  return bits >= 8 ? n * (bits / 8) : (n * bits + 7) / 8;
}

}  // namespace

// --- element types -----------------------------------------------------------------------------

const char* name(DType dtype) { return facts(dtype).name; }
int bit_size(DType dtype) { return facts(dtype).bits; }
size_t byte_size(DType dtype) { return static_cast<size_t>(facts(dtype).bits) / 8; }

bool is_floating(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
    case DType::kDouble:
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
    case DType::kFloat4E2M1:
    case DType::kFloat8E8M0:
    case DType::kFloat6E2M3:
    case DType::kFloat6E3M2:
      return true;
    default:
      return false;
  }
}

bool is_integer(DType dtype) {
  switch (dtype) {
    case DType::kUint8:
    case DType::kInt8:
    case DType::kUint16:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kUint32:
    case DType::kUint64:
    case DType::kUint4:
    case DType::kInt4:
    case DType::kUint2:
    case DType::kInt2:
      return true;
    default:
      return false;
  }
}

bool is_plain_number(DType dtype) {
  // Float8E8M0 is a scale of blocks, with no conversion here.
  if (dtype == DType::kComplex64 || dtype == DType::kComplex128) return false;
  return byte_size(dtype) > 0 && dtype != DType::kFloat8E8M0;
}

// --- making ------------------------------------------------------------------------------------

Result<size_t> checked_nbytes(DType dtype, std::span<const int64_t> dims) {
  int64_t elements = 1;
  for (const int64_t dim : dims) {
    if (dim < 0) return Error{"the sizes " + dims_text(dims) + " have a negative one", ""};
    // A zero size makes the product zero, but must not hide an overflow of the others.
    if (__builtin_mul_overflow(elements, std::max<int64_t>(dim, 1), &elements)) {
      return Error{"the sizes " + dims_text(dims) + " are too large to multiply", ""};
    }
  }
  int64_t bits;
  if (__builtin_mul_overflow(elements, std::max(bit_size(dtype), 8), &bits)) {
    return Error{"the sizes " + dims_text(dims) + " are too large for " + name(dtype), ""};
  }
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return size_t{0};
  return packed_size(dtype, elements);
}

int64_t Tensor::numel() const {
  int64_t n = 1;
  for (const int64_t dim : dims) n *= dim;
  return n;
}

size_t Tensor::nbytes() const { return packed_size(dtype, numel()); }

Tensor Tensor::owned(DType dtype, std::vector<int64_t> dims, std::vector<std::byte> bytes) {
  Tensor t{dtype, std::move(dims), nullptr, {}};
  CHECK(bytes.size() == t.nbytes());
  t.storage = std::make_shared<OwnedStorage>(std::move(bytes));
  return t;
}

Tensor Tensor::ints(const std::vector<int64_t>& values) {
  return of(DType::kInt64, {static_cast<int64_t>(values.size())}, values);
}

Tensor Tensor::scalar(DType dtype, double value) { return filled(dtype, {}, value); }

Tensor Tensor::filled(DType dtype, std::vector<int64_t> dims, double value) {
  const Tensor one = of<double>(DType::kDouble, {}, {value}).cast(dtype);
  std::byte element[16];
  const size_t size = byte_size(dtype);
  CHECK(size > 0);
  one.storage->read(0, std::span(element, size));
  Tensor t{dtype, std::move(dims), nullptr, {}};
  std::vector<std::byte> bytes(t.nbytes());
  for (size_t at = 0; at < bytes.size(); at += size) std::memcpy(bytes.data() + at, element, size);
  t.storage = std::make_shared<OwnedStorage>(std::move(bytes));
  return t;
}

// --- looking in --------------------------------------------------------------------------------

std::vector<std::byte> Tensor::bytes() const {
  if (storage == nullptr) return {};
  std::vector<std::byte> out(storage->size());
  storage->read(0, out);
  return out;
}

std::vector<double> Tensor::as_doubles() const {
  if (!is_plain_number(dtype)) {
    return std::vector<double>(static_cast<size_t>(numel()), std::nan(""));
  }
  return cast(DType::kDouble).values<double>();
}

std::vector<int64_t> Tensor::as_ints() const {
  if (dtype == DType::kInt64) return values<int64_t>();
  if (!is_plain_number(dtype)) {
    return std::vector<int64_t>(static_cast<size_t>(numel()), INT64_MIN);
  }
  return cast(DType::kInt64).values<int64_t>();
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  if (a.dtype != b.dtype || a.dims != b.dims || a.strings != b.strings) return false;
  if (a.storage == b.storage) return true;
  if (a.storage == nullptr || b.storage == nullptr) return false;
  if (a.storage->size() != b.storage->size()) return false;
  const std::byte* bytes = a.storage->view().data();
  if (bytes != nullptr && bytes == b.storage->view().data()) return true;  // of one file
  bool same = true;
  std::vector<std::byte> other(std::min(kBlock, b.storage->size()));
  for_each_block(*a.storage, [&](size_t at, std::span<const std::byte> block) {
    b.storage->read(at, std::span(other).first(block.size()));
    same = std::memcmp(block.data(), other.data(), block.size()) == 0;
    return same;
  });
  return same;
}

uint64_t content_hash(const Tensor& t) {
  uint64_t hash = mix(0x6f6e6e78706f7274ull, static_cast<uint64_t>(t.dtype));
  for (const int64_t dim : t.dims) hash = mix(hash, static_cast<uint64_t>(dim));
  hash = mix(hash, t.dims.size());
  for (const std::string& s : t.strings) {
    hash = mix(mix(hash, s.size()), std::as_bytes(std::span(s)));
  }
  if (t.storage != nullptr) {
    for_each_block(*t.storage, [&](size_t, std::span<const std::byte> block) {
      hash = mix(hash, block);
      return true;
    });
  }
  return hash;
}

// --- lazy views --------------------------------------------------------------------------------

Tensor Tensor::transposed(const std::vector<int64_t>& perm) const {
  CHECK(perm.size() == dims.size());
  Tensor t{dtype, {}, nullptr, {}};
  for (const int64_t axis : perm) t.dims.push_back(dims[static_cast<size_t>(axis)]);
  if (dtype == DType::kString) {
    t.strings = transpose_strings(strings, dims, perm);
  } else {
    t.storage = lazy_transpose(storage, byte_size(dtype), dims, perm);
  }
  return t;
}

Tensor Tensor::reshaped(std::vector<int64_t> new_dims) const {
  Tensor t{dtype, std::move(new_dims), storage, strings};
  CHECK(t.numel() == numel());
  return t;
}

Tensor Tensor::scaled(int axis, std::vector<double> factors) const {
  if (axis < 0) axis += static_cast<int>(dims.size());
  CHECK(axis >= 0 && static_cast<size_t>(axis) < dims.size());
  CHECK(static_cast<size_t>(dims[axis]) == factors.size());
  return {dtype,
          dims,
          lazy_scale(storage, dtype, dims, static_cast<size_t>(axis), std::move(factors)),
          {}};
}

Tensor Tensor::cast(DType to) const {
  if (to == dtype) return *this;
  return {to, dims, lazy_cast(storage, dtype, to), {}};
}

}  // namespace onnxport
