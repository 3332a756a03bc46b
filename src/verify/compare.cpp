#include "verify/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace onnxport::verify {
namespace {

constexpr size_t kBlock = 16384;  // elements

template <typename T>
void convert(const std::vector<std::byte>& from, std::span<double> to) {
  const T* x = reinterpret_cast<const T*>(from.data());
  for (size_t i = 0; i < to.size(); ++i) to[i] = static_cast<double>(x[i]);
}

template <float (*F)(uint16_t)>
void convert_half(const std::vector<std::byte>& from, std::span<double> to) {
  const auto* x = reinterpret_cast<const uint16_t*>(from.data());
  for (size_t i = 0; i < to.size(); ++i) to[i] = F(x[i]);
}

using Convert = void (*)(const std::vector<std::byte>&, std::span<double>);

Convert converter(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
      return convert<float>;
    case DType::kDouble:
      return convert<double>;
    case DType::kFloat16:
      return convert_half<half_to_float>;
    case DType::kBFloat16:
      return convert_half<bfloat16_to_float>;
    case DType::kInt64:
      return convert<int64_t>;
    case DType::kInt32:
      return convert<int32_t>;
    case DType::kInt16:
      return convert<int16_t>;
    case DType::kInt8:
      return convert<int8_t>;
    case DType::kUint64:
      return convert<uint64_t>;
    case DType::kUint32:
      return convert<uint32_t>;
    case DType::kUint16:
      return convert<uint16_t>;
    case DType::kUint8:
    case DType::kBool:
      return convert<uint8_t>;
    default:
      return nullptr;
  }
}

// Walks a tensor's elements as doubles, a block at a time.
class Blocks {
 public:
  explicit Blocks(const Tensor& tensor)
      : tensor_(tensor),
        convert_(converter(tensor.dtype)),
        total_(static_cast<size_t>(tensor.numel())),
        values_(std::min(kBlock, total_)) {}
  bool supported() const { return convert_ != nullptr; }
  size_t at() const { return at_ - last_; }  // index of the block's first element
  // The next block; empty at the end.
  std::span<const double> next() {
    last_ = std::min(kBlock, total_ - at_);
    if (last_ == 0) return {};
    size_t width = byte_size(tensor_.dtype);
    bytes_.resize(last_ * width);
    tensor_.storage->read(at_ * width, bytes_);
    convert_(bytes_, std::span(values_).first(last_));
    at_ += last_;
    return std::span<const double>(values_).first(last_);
  }

 private:
  const Tensor& tensor_;
  Convert convert_;
  size_t total_;
  size_t at_ = 0, last_ = 0;
  std::vector<std::byte> bytes_;
  std::vector<double> values_;
};

// "[0, 3]" from a row-major index.
std::string position(size_t index, const std::vector<int64_t>& dims) {
  std::vector<int64_t> at(dims.size());
  for (size_t i = dims.size(); i-- > 0;) {
    at[i] = static_cast<int64_t>(index) % dims[i];
    index = static_cast<size_t>(static_cast<int64_t>(index) / dims[i]);
  }
  return fmt::format("[{}]", fmt::join(at, ", "));
}

std::string special(double x) {
  if (std::isnan(x)) return "NaN";
  return std::isinf(x) ? (x > 0 ? "+inf" : "-inf") : fmt::format("{:.6g}", x);
}

// Both finite, or the same NaN or infinity.
bool same_special(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return (!std::isinf(a) && !std::isinf(b)) || a == b;
}

double scale_of(const Tensor& reference, bool& nan) {
  double scale = 0;
  Blocks blocks(reference);
  for (auto block = blocks.next(); !block.empty(); block = blocks.next()) {
    for (double x : block) {
      nan |= std::isnan(x);
      if (std::isfinite(x)) scale = std::max(scale, std::abs(x));
    }
  }
  return scale;
}

Comparison different(std::string reason) {
  Comparison c;
  c.same_kind = false;
  c.reason = std::move(reason);
  return c;
}

}  // namespace

std::string type_text(const Tensor& tensor) {
  return fmt::format("{}[{}]", name(tensor.dtype), fmt::join(tensor.dims, ", "));
}

Comparison compare(const Tensor& actual, const Tensor& reference, const char* whose) {
  if (actual.dtype != reference.dtype) {
    return different(
        fmt::format("dtype {} instead of {}", name(actual.dtype), name(reference.dtype)));
  }
  if (actual.dims != reference.dims) {
    return different(
        fmt::format("shape {} instead of {}", type_text(actual), type_text(reference)));
  }
  Blocks as(actual), rs(reference);
  if (!as.supported())
    return different(fmt::format("dtype {} cannot be compared", name(actual.dtype)));

  Comparison c;
  c.scale = scale_of(reference, c.reference_nan);
  double floor = std::max(c.scale * 1e-3, 1e-30);
  for (auto a = as.next(), r = rs.next(); !a.empty(); a = as.next(), r = rs.next()) {
    for (size_t i = 0; i < a.size(); ++i) {
      if (!same_special(a[i], r[i])) {
        if (c.same_kind) {
          c.reason = fmt::format("{} at {} where {} has {}", special(a[i]),
                                 position(as.at() + i, actual.dims), whose, special(r[i]));
        }
        c.same_kind = false;
      } else if (!std::isfinite(r[i])) {
        continue;  // the same in both
      }
      const double difference = std::abs(a[i] - r[i]);
      const double relative = difference / std::max(std::abs(r[i]), floor);
      c.max_abs = larger(c.max_abs, difference);
      c.max_rel = larger(c.max_rel, std::isfinite(difference) ? relative : difference);
    }
  }
  return c;
}

double allowed(const Comparison& c, DType dtype, double tolerance) {
  if (!is_floating(dtype)) return 0;
  if (dtype == DType::kFloat16) tolerance = std::max(tolerance, 8 * 0x1p-10);
  if (dtype == DType::kBFloat16) tolerance = std::max(tolerance, 8 * 0x1p-7);
  return tolerance * std::max(1.0, c.scale);
}

bool within(const Comparison& c, DType dtype, double tolerance) {
  return c.same_kind && c.max_abs <= allowed(c, dtype, tolerance);
}

bool has_nan(const Tensor& tensor) {
  if (!is_floating(tensor.dtype) || converter(tensor.dtype) == nullptr) return false;
  bool nan = false;
  scale_of(tensor, nan);
  return nan;
}

}  // namespace onnxport::verify
