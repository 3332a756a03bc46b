#include "torchscript/arithmetic.h"

#include <unordered_map>

namespace onnxport::torchscript {

std::optional<Expr> formula(std::string_view op, const std::vector<Expr>& in) {
  if (in.size() == 1) {
    if (op == "aten::neg") return -in[0];
    if (op == "aten::Int" || op == "aten::int") return in[0];
    return std::nullopt;
  }
  if (in.size() != 2) return std::nullopt;
  if (op == "aten::add") return in[0] + in[1];
  if (op == "aten::sub") return in[0] - in[1];
  if (op == "aten::mul") return in[0] * in[1];
  if (op == "aten::floordiv" || op == "aten::floor_divide" || op == "aten::__floordiv__") {
    if (in[1].is_const(0)) return std::nullopt;
    return floordiv(in[0], in[1]);
  }
  if (op == "aten::remainder" || op == "aten::mod" || op == "aten::fmod") {
    if (in[1].is_const(0)) return std::nullopt;
    return mod(in[0], in[1]);
  }
  if (op == "prim::max") return max(in[0], in[1]);
  if (op == "prim::min") return min(in[0], in[1]);
  return std::nullopt;
}

const TensorOp* tensor_op_of(std::string_view op) {
  static const std::unordered_map<std::string_view, TensorOp> kTensorOps = {
      {"aten::add", {"aten::add", "Tensor"}},
      {"aten::sub", {"aten::sub", "Tensor"}},
      {"aten::mul", {"aten::mul", "Tensor"}},
      {"aten::div", {"aten::div", "Tensor"}},
      {"aten::floordiv", {"aten::floor_divide", ""}},
      {"aten::remainder", {"aten::remainder", "Tensor"}},
      {"aten::pow", {"aten::pow", "Tensor_Tensor", "self", "exponent"}},
      {"aten::lt", {"aten::lt", "Tensor"}},
      {"aten::le", {"aten::le", "Tensor"}},
      {"aten::gt", {"aten::gt", "Tensor"}},
      {"aten::ge", {"aten::ge", "Tensor"}},
      {"aten::eq", {"aten::eq", "Tensor"}},
      {"aten::ne", {"aten::ne", "Tensor"}},
      {"aten::__and__", {"aten::logical_and", ""}},
      {"aten::__or__", {"aten::logical_or", ""}},
      {"aten::__xor__", {"aten::logical_xor", ""}},
      {"prim::min", {"aten::minimum", ""}},
      {"prim::max", {"aten::maximum", ""}},
      {"aten::neg", {"aten::neg", ""}},
      {"aten::abs", {"aten::abs", ""}},
      {"prim::abs", {"aten::abs", ""}},
      {"aten::__not__", {"aten::logical_not", ""}},
      {"aten::sqrt", {"aten::sqrt", ""}},
      {"aten::exp", {"aten::exp", ""}},
      {"aten::log", {"aten::log", ""}},
      {"aten::floor", {"aten::floor", ""}},
      {"aten::ceil", {"aten::ceil", ""}},
      {"aten::round", {"aten::round", ""}},
      {"aten::sin", {"aten::sin", ""}},
      {"aten::cos", {"aten::cos", ""}},
  };
  auto it = kTensorOps.find(op);
  return it == kTensorOps.end() ? nullptr : &it->second;
}

bool is_comparison(std::string_view op) {
  return op == "aten::lt" || op == "aten::le" || op == "aten::gt" || op == "aten::ge" ||
         op == "aten::eq" || op == "aten::ne";
}

bool is_cast(std::string_view op) {
  return op == "aten::Int" || op == "aten::Float" || op == "aten::Bool" ||
         op == "aten::FloatImplicit" || op == "aten::IntImplicit" || op == "aten::ScalarImplicit";
}

}  // namespace onnxport::torchscript
