// PyTorch's type promotion, for rules that take numbers beside tensors.
#pragma once

#include "lower/builder.h"
#include "lower/rule.h"

namespace onnxport::lower {

// torch.promote_types: int32 + uint8 = int32, int64 + float16 = float16, ...
DType promote_types(DType a, DType b);
// bool, int64 or float32 (the default dtype).
DType number_type(const Scalar& number);

// torch.result_type: a lower tier (0-D tensors, then numbers) counts only if its category is
// higher.
class Promotion {
 public:
  void add(Value x);
  void add(const Operand& x);
  DType result() const;

 private:
  DType dims_ = DType::kUndefined;
  DType zero_dims_ = DType::kUndefined;
  DType numbers_ = DType::kUndefined;
};

}  // namespace onnxport::lower
