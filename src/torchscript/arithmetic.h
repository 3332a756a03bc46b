// Arithmetic of Python on numbers: as a formula of sizes, and as calls on tensors.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/expr.h"

namespace onnxport::torchscript {

// The formula of an operation on ints; nullopt where there is none.
std::optional<Expr> formula(std::string_view op, const std::vector<Expr>& in);

// The operator on tensors that does what one on numbers does.
struct TensorOp {
  const char* op;
  const char* overload;
  const char* first = "self";
  const char* second = "other";
};
const TensorOp* tensor_op_of(std::string_view op);  // null: there is none

bool is_comparison(std::string_view op);
// A change of a number's type.
bool is_cast(std::string_view op);

}  // namespace onnxport::torchscript
