// Two tensors, element by element: what the file computed against the reference.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "base/tensor.h"

namespace onnxport::verify {

struct Comparison {
  bool same_kind = true;  // dtype and shape agree, NaNs and infinities are in the same places
  double max_abs = 0;     // infinite or NaN where they are not
  double max_rel = 0;     // |a-b| / max(|reference|, scale/1000)
  double scale = 0;       // max |finite reference|
  bool reference_nan = false;
  std::string reason;  // when !same_kind
};

// Whether a difference is larger than another: NaN is larger than any number.
inline bool exceeds(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a > b; }
inline double larger(double a, double b) { return exceeds(a, b) ? a : b; }

// Reads both in blocks, so that lazy and mapped tensors need no second copy. `whose` the reference
// is stands in the reason.
Comparison compare(const Tensor& actual, const Tensor& reference, const char* whose = "PyTorch");

// Whether a comparison counts as equal: the largest difference is at most tolerance times the
// larger of 1 and the reference's scale. Integers and booleans must be equal; half precision is
// given the few units in the last place that it has.
bool within(const Comparison& c, DType dtype, double tolerance);

// The largest |element| difference that `within` allows.
double allowed(const Comparison& c, DType dtype, double tolerance);

bool has_nan(const Tensor& tensor);

// "float32[2, 3]"
std::string type_text(const Tensor& tensor);

}  // namespace onnxport::verify
