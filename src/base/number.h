// The element formats that C++ has no type for (see also tensor.h for half and bfloat16).
#pragma once

#include <cstdint>

#include "base/tensor.h"

namespace onnxport {

// kFloat8E4M3FN, kFloat8E4M3FNUZ, kFloat8E5M2, kFloat8E5M2FNUZ. Encoding does not saturate.
float float8_to_float(DType dtype, uint8_t bits);
uint8_t float_to_float8(DType dtype, float value);

// The float toward zero with its last bit set when inexact: rounding that once more, to a smaller
// format, gives what rounding the double at once would have given.
float round_to_odd(double value);

}  // namespace onnxport
