// libtorch's tensors and dtypes as ours.
#pragma once

#include <ATen/core/Tensor.h>
#undef CHECK  // c10's; ours follows

#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::torchscript {

Result<at::ScalarType> scalar_type(DType dtype);
Result<DType> dtype_of(at::ScalarType type);

// Shares libtorch's memory, unless the tensor is strided.
Result<onnxport::Tensor> from_torch(const at::Tensor& tensor);

}  // namespace onnxport::torchscript
