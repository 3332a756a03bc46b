// What elementwise rules share with rules of other families (a masked fill is a where, ...).
#pragma once

#include <string_view>

#include "lower/builder.h"
#include "lower/rule.h"

namespace onnxport::lower {

// The operand as a tensor of this dtype (numbers become 0-D constants).
Value as_tensor(Builder& g, const Operand& x, DType dtype);
Value as_tensor(Builder& g, const Scalar& x, DType dtype);

// Integer and bool tensors as float32, as PyTorch does for exp, sqrt, mean, ...
Value to_floating(Builder& g, Value x);

// op_type on operands cast to t and the result cast back: small integers and bool, which ONNX
// Runtime has no kernels for, are computed in int32 (and wrap as PyTorch's do).
Value arithmetic(Builder& g, std::string_view op_type, Value a, Value b, DType t);

}  // namespace onnxport::lower
