// The small floating point formats: half, bfloat16 and the 8-bit ones. Decoding is exact; encoding
// rounds to the nearest, ties to even.
#include "base/number.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace onnxport {

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f;
  const uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // zero and subnormals
  return sign != 0 ? -magnitude : magnitude;
}

uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000u) {  // NaN keeps its payload, and stays quiet
    return static_cast<uint16_t>(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff));
  }
  if (magnitude >= 0x477ff000u) return sign | 0x7c00;  // rounds to 65536 or more
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 puts the half's last place at the float's last place, and the addition
    // rounds as the half must.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t odd = (magnitude >> 13) & 1;
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000u + 0xfff + odd) >> 13));
}

float bfloat16_to_float(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t float_to_bfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float round_to_odd(double value) {
  const float nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value) || std::isinf(value)) {
    return nearest;
  }
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value)) --bits;  // toward zero
  return std::bit_cast<float>(bits | 1);
}

// --- 8 bits ------------------------------------------------------------------------------------
namespace {

// How the top of the range is used: E5M2 has infinities as IEEE does, the FN formats give them up
// for one more binade, the UZ ones have a single zero and their NaN where -0 would be.
struct Float8Format {
  int mantissa_bits;
  int bias;
  bool infinities;
  bool unsigned_zero;
};

Float8Format format_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat8E4M3FN:
      return {3, 7, false, false};
    case DType::kFloat8E4M3FNUZ:
      return {3, 8, false, true};
    case DType::kFloat8E5M2:
      return {2, 15, true, false};
    default:
      CHECK(dtype == DType::kFloat8E5M2FNUZ);
      return {2, 16, false, true};
  }
}

float decode(const Float8Format& f, uint8_t bits) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const int exponent = (bits & 0x7f) >> f.mantissa_bits;
  const int mantissa = bits & ((1 << f.mantissa_bits) - 1);
  const float sign = (bits & 0x80) != 0 ? -1.0f : 1.0f;
  if (f.unsigned_zero && bits == 0x80) return nan;
  if (f.infinities && exponent == 31) {
    return mantissa == 0 ? sign * std::numeric_limits<float>::infinity() : nan;
  }
  if (!f.infinities && !f.unsigned_zero && (bits & 0x7f) == 0x7f) return nan;
  const int whole = exponent == 0 ? mantissa : mantissa + (1 << f.mantissa_bits);
  return sign *
         std::ldexp(static_cast<float>(whole), std::max(exponent, 1) - f.bias - f.mantissa_bits);
}

// The finite magnitudes in order: code i is the i-th.
struct Magnitudes {
  std::array<float, 128> value;
  int count = 0;
};

Magnitudes magnitudes(const Float8Format& f) {
  Magnitudes m;
  while (m.count < 128) {
    const float x = decode(f, static_cast<uint8_t>(m.count));
    if (!std::isfinite(x)) break;
    m.value[m.count++] = x;
  }
  return m;
}

}  // namespace

float float8_to_float(DType dtype, uint8_t bits) { return decode(format_of(dtype), bits); }

uint8_t float_to_float8(DType dtype, float value) {
  const Float8Format f = format_of(dtype);
  const uint8_t nan = f.unsigned_zero ? 0x80 : 0x7f;
  if (std::isnan(value)) return nan;
  const uint8_t sign = std::signbit(value) ? 0x80 : 0;
  static const std::array<Magnitudes, 4> tables = {
      magnitudes(format_of(DType::kFloat8E4M3FN)), magnitudes(format_of(DType::kFloat8E4M3FNUZ)),
      magnitudes(format_of(DType::kFloat8E5M2)), magnitudes(format_of(DType::kFloat8E5M2FNUZ))};
  const Magnitudes& m =
      tables[static_cast<size_t>(dtype) - static_cast<size_t>(DType::kFloat8E4M3FN)];

  const float x = std::fabs(value);
  const float last = m.value[m.count - 1];
  const float step = last - m.value[m.count - 2];
  // PyTorch's and ONNX's non-saturating rule: beyond the last rounding interval is infinity or NaN.
  if (x > last + step / 2 || (x == last + step / 2 && (m.count - 1) % 2 == 1)) {
    return f.infinities ? static_cast<uint8_t>(sign | 0x7c)
                        : static_cast<uint8_t>(f.unsigned_zero ? nan : sign | nan);
  }
  int above = static_cast<int>(std::lower_bound(m.value.begin(), m.value.begin() + m.count, x) -
                               m.value.begin());
  if (above == m.count) above = m.count - 1;
  int code = above;
  if (above > 0 && m.value[above] != x) {
    const float low = x - m.value[above - 1];
    const float high = m.value[above] - x;
    if (low < high || (low == high && (above - 1) % 2 == 0)) code = above - 1;
  }
  if (code == 0 && f.unsigned_zero) return 0;
  return static_cast<uint8_t>(sign | code);
}

}  // namespace onnxport
