// Sums and products of what a file says: where they would be too large, the largest number.
#pragma once

#include <cstdint>

namespace onnxport {

inline uint64_t saturating_add(uint64_t a, uint64_t b) {
  return __builtin_add_overflow(a, b, &a) ? UINT64_MAX : a;
}

inline uint64_t saturating_mul(uint64_t a, uint64_t b) {
  return __builtin_mul_overflow(a, b, &a) ? UINT64_MAX : a;
}

}  // namespace onnxport
