// Elementwise conversion between element types. An element is loaded as one of three numbers
// (double, int64, uint64), which hold every source type exactly, and stored from it with one
// rounding.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/lazy.h"
#include "base/number.h"

namespace onnxport {
namespace {

template <typename T, typename Number>
T convert(Number x) {
  if constexpr (std::is_floating_point_v<T> || !std::is_floating_point_v<Number>) {
    return static_cast<T>(x);
  } else {
    if (std::isnan(x)) return 0;
    if (x >= 0x1p63) {
      if constexpr (std::is_same_v<T, uint64_t>) {
        return x >= 0x1p64 ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(x);
      }
      return static_cast<T>(std::numeric_limits<int64_t>::max());
    }
    if (x <= -0x1p63) return static_cast<T>(std::numeric_limits<int64_t>::min());
    return static_cast<T>(static_cast<int64_t>(x));
  }
}

template <typename T>
struct Plain {
  using Raw = T;
  using Number =
      std::conditional_t<std::is_floating_point_v<T>, double,
                         std::conditional_t<std::is_same_v<T, uint64_t>, uint64_t, int64_t>>;
  static Number load(T x) { return static_cast<Number>(x); }
  template <typename N>
  static T store(N x) {
    return convert<T>(x);
  }
};

struct Bool {
  using Raw = uint8_t;
  using Number = int64_t;
  static int64_t load(uint8_t x) { return x != 0; }
  template <typename N>
  static uint8_t store(N x) {
    return x != 0;
  }
};

template <float (*decode)(uint16_t), uint16_t (*encode)(float)>
struct Float16 {
  using Raw = uint16_t;
  using Number = double;
  static double load(uint16_t x) { return decode(x); }
  template <typename N>
  static uint16_t store(N x) {
    return encode(round_to_odd(static_cast<double>(x)));
  }
};

template <DType dtype>
struct Float8 {
  using Raw = uint8_t;
  using Number = double;
  static double load(uint8_t x) { return float8_to_float(dtype, x); }
  template <typename N>
  static uint8_t store(N x) {
    return float_to_float8(dtype, round_to_odd(static_cast<double>(x)));
  }
};

// Calls f with the codec of `dtype`.
template <typename F>
void with_codec(DType dtype, F f) {
  switch (dtype) {
    case DType::kFloat:
      return f(Plain<float>());
    case DType::kDouble:
      return f(Plain<double>());
    case DType::kUint8:
      return f(Plain<uint8_t>());
    case DType::kInt8:
      return f(Plain<int8_t>());
    case DType::kUint16:
      return f(Plain<uint16_t>());
    case DType::kInt16:
      return f(Plain<int16_t>());
    case DType::kUint32:
      return f(Plain<uint32_t>());
    case DType::kInt32:
      return f(Plain<int32_t>());
    case DType::kUint64:
      return f(Plain<uint64_t>());
    case DType::kInt64:
      return f(Plain<int64_t>());
    case DType::kBool:
      return f(Bool());
    case DType::kFloat16:
      return f(Float16<half_to_float, float_to_half>());
    case DType::kBFloat16:
      return f(Float16<bfloat16_to_float, float_to_bfloat16>());
    case DType::kFloat8E4M3FN:
      return f(Float8<DType::kFloat8E4M3FN>());
    case DType::kFloat8E4M3FNUZ:
      return f(Float8<DType::kFloat8E4M3FNUZ>());
    case DType::kFloat8E5M2:
      return f(Float8<DType::kFloat8E5M2>());
    case DType::kFloat8E5M2FNUZ:
      return f(Float8<DType::kFloat8E5M2FNUZ>());
    default:
      CHECK(false && "this element type has no conversion");
  }
}

constexpr size_t kBlock = 2048;  // elements

template <typename Number>
void store_block(DType to, const Number* numbers, size_t count, std::byte* out) {
  with_codec(to, [&](auto codec) {
    using Raw = typename decltype(codec)::Raw;
    for (size_t i = 0; i < count; ++i) {
      const Raw raw = codec.store(numbers[i]);
      std::memcpy(out + i * sizeof(Raw), &raw, sizeof(Raw));
    }
  });
}

void convert_block(DType from, DType to, const std::byte* in, size_t count, std::byte* out) {
  with_codec(from, [&](auto codec) {
    using Raw = typename decltype(codec)::Raw;
    std::array<typename decltype(codec)::Number, kBlock> numbers;
    for (size_t i = 0; i < count; ++i) {
      Raw raw;
      std::memcpy(&raw, in + i * sizeof(Raw), sizeof(Raw));
      numbers[i] = codec.load(raw);
    }
    store_block(to, numbers.data(), count, out);
  });
}

class CastStorage final : public Storage {
 public:
  CastStorage(StoragePtr source, DType from, DType to) : cast{std::move(source), from, to} {}

  const LazyCast cast;

  size_t size() const override {
    return cast.source->size() / byte_size(cast.from) * byte_size(cast.to);
  }
  std::span<const std::byte> view() const override { return {}; }
  void release() const override { cast.source->release(); }

  void read(size_t offset, std::span<std::byte> out) const override {
    CHECK(offset <= size() && out.size() <= size() - offset);
    const size_t from_size = byte_size(cast.from);
    const size_t to_size = byte_size(cast.to);
    std::array<std::byte, kBlock * 8> in, converted;
    while (!out.empty()) {
      const size_t first = offset / to_size;
      const size_t inside = offset % to_size;
      const size_t count = std::min(kBlock, (inside + out.size() + to_size - 1) / to_size);
      cast.source->read(first * from_size, std::span(in).first(count * from_size));
      convert_block(cast.from, cast.to, in.data(), count, converted.data());
      const size_t n = std::min(count * to_size - inside, out.size());
      std::memcpy(out.data(), converted.data() + inside, n);
      out = out.subspan(n);
      offset += n;
    }
  }
};

}  // namespace

StoragePtr lazy_cast(StoragePtr source, DType from, DType to) {
  CHECK(source != nullptr);
  if (from == to) return source;
  with_codec(from, [](auto) {});  // refuses here, not at the first read
  with_codec(to, [](auto) {});
  return std::make_shared<CastStorage>(std::move(source), from, to);
}

std::optional<LazyCast> lazy_cast_source(const Storage& storage) {
  auto* cast = dynamic_cast<const CastStorage*>(&storage);
  return cast == nullptr ? std::nullopt : std::optional(cast->cast);
}

}  // namespace onnxport
