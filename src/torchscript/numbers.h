// Numbers from tensors, tensors from numbers, and sizes as numbers.
#pragma once

#include <optional>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

Ref size_number(Evaluator& e, const Expr& expr);  // an int by its formula
// The formula of an int; fitted to what it is in the samples where no rule gave it.
std::optional<Expr> expr_of(Evaluator& e, const Ref& value);

// The tensor itself where it is of that type.
Ref to_type(Evaluator& e, Call& call, const Ref& tensor, at::ScalarType type);
// The tensor as it is now, whatever is written to it later.
Ref snapshot(Evaluator& e, Call& call, const Ref& tensor, at::ScalarType type);
// A number that what `tensor` holds tells, known or not.
Ref number_in(Evaluator& e, Call& call, const Ref& tensor, const c10::TypePtr& type);
// 0-D; a float that is not tied to a tensor's type becomes one of `floats`.
Ref as_tensor(Evaluator& e, Call& call, const Ref& number, at::ScalarType floats = at::kFloat);
// The scalar of the program that is this number, which depends on the data or on a size.
aten::ValueId scalar_id(Evaluator& e, Call& call, const Ref& number);
// Records that `number` is what `tensor` holds.
void record_item(Evaluator& e, Call& call, const Ref& tensor, const Ref& number);

inline Ref dtype_number(at::ScalarType type) { return plain(static_cast<int64_t>(type)); }

}  // namespace onnxport::torchscript
