// Elementwise operators of one tensor: mathematics, activations and casts.
#include <cmath>

#include "onnx/ops/fold_elements.h"
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

Tensors fold_neg(const Call& call) {
  return on_signed(call, [](auto x) { return SubOf::apply(decltype(x){0}, x); });
}
OP("Neg", {.infer = infer_same, .fold = fold_neg, .traits = kUnary});

Tensors fold_abs(const Call& call) {
  return on_signed(call, [](auto x) {
    return x < 0 ? SubOf::apply(decltype(x){0}, x) : x == 0 ? decltype(x){0} : x;
  });
}
OP("Abs", {.infer = infer_same, .fold = fold_abs, .traits = kUnary | kNeverNegative});

Tensors fold_sign(const Call& call) {
  return on_signed(call, [](auto x) {
    return x > 0 ? decltype(x){1} : x < 0 ? static_cast<decltype(x)>(-1) : x;
  });
}
OP("Sign", {.infer = infer_same, .fold = fold_sign, .traits = kUnary});

Tensors fold_sqrt(const Call& call) {
  return on_floats(call, [](auto x) { return std::sqrt(x); });
}
OP("Sqrt", {.infer = infer_same, .fold = fold_sqrt, .traits = kUnary | kNeverNegative});

Tensors fold_exp(const Call& call) {
  return on_floats(call, [](auto x) { return std::exp(x); });
}
OP("Exp", {.infer = infer_same, .fold = fold_exp, .traits = kUnary | kNeverNegative});

Tensors fold_log(const Call& call) {
  return on_floats(call, [](auto x) { return std::log(x); });
}
OP("Log", {.infer = infer_same, .fold = fold_log, .traits = kUnary});

Tensors fold_sin(const Call& call) {
  return on_floats(call, [](auto x) { return std::sin(x); });
}
OP("Sin", {.infer = infer_same, .fold = fold_sin, .traits = kUnary});

Tensors fold_cos(const Call& call) {
  return on_floats(call, [](auto x) { return std::cos(x); });
}
OP("Cos", {.infer = infer_same, .fold = fold_cos, .traits = kUnary});

Tensors fold_tanh(const Call& call) {
  return on_floats(call, [](auto x) { return std::tanh(x); });
}
OP("Tanh", {.infer = infer_same, .fold = fold_tanh, .traits = kUnary});

Tensors fold_reciprocal(const Call& call) {
  return on_floats(call, [](auto x) { return decltype(x){1} / x; });
}
OP("Reciprocal", {.infer = infer_same, .fold = fold_reciprocal, .traits = kUnary});

Tensors fold_floor(const Call& call) {
  return on_floats(call, [](auto x) { return std::floor(x); });
}
OP("Floor", {.infer = infer_same, .fold = fold_floor, .traits = kUnary});

Tensors fold_ceil(const Call& call) {
  return on_floats(call, [](auto x) { return std::ceil(x); });
}
OP("Ceil", {.infer = infer_same, .fold = fold_ceil, .traits = kUnary});

// Half to even, which is what ONNX asks for (and the default rounding mode gives).
Tensors fold_round(const Call& call) {
  return on_floats(call, [](auto x) { return std::nearbyint(x); });
}
OP("Round", {.infer = infer_same, .fold = fold_round, .traits = kUnary});

OP("Relu", {.infer = infer_same, .traits = kUnary | kNeverNegative});
OP({"HardSigmoid", "Sigmoid", "Softplus"},
   {.infer = infer_same, .traits = kUnary | kNeverNegative});
OP("Clip", {.infer = infer_same, .traits = kUnary, .became_inputs = {11, {"min", "max"}}});

OP({"Acos",   "Acosh", "Asin",     "Asinh", "Atan",      "Atanh",          "BitwiseNot", "Celu",
    "Cosh",   "Elu",   "Erf",      "Gelu",  "HardSwish", "LeakyRelu",      "Mish",       "Selu",
    "Shrink", "Sinh",  "Softsign", "Swish", "Tan",       "ThresholdedRelu"},
   {.infer = infer_same, .traits = kUnary});

Status infer_cast(Context& c) {
  c.out(0, c.dtype_attr("to", DType::kUndefined), c.shape(0));
  return {};
}

std::optional<Ints> ints_cast(Context& c) {
  const DType to = c.dtype_attr("to", DType::kUndefined);
  if (!wide_integer(to) || !(wide_integer(c.dtype(0)) || c.dtype(0) == DType::kBool)) {
    return std::nullopt;
  }
  auto content = c.ints(0);
  if (!content || to == DType::kInt64) return content;
  for (const Expr& e : *content) {
    if (e.is_const() && (e.value() > INT32_MAX || e.value() < INT32_MIN)) return std::nullopt;
  }
  return content;
}

Tensors fold_cast(const Call& call) {
  const auto to = static_cast<DType>(call.node.get<int64_t>("to", 0));
  const Tensor& x = *call.in(0);
  if (x.numel() > call.max_elements || byte_size(to) == 0 || byte_size(x.dtype) == 0)
    return std::nullopt;
  const bool complex = to == DType::kComplex64 || to == DType::kComplex128 ||
                       x.dtype == DType::kComplex64 || x.dtype == DType::kComplex128;
  // Float8 saturates by an attribute: left to the runtime.
  const bool float8 = byte_size(to) == 1 && is_floating(to);
  if (complex || float8) return std::nullopt;
  if (x.dtype == to) return one(x);
  return one(Tensor::owned(to, x.dims, x.cast(to).bytes()));
}
OP("Cast",
   {.infer = infer_cast, .ints = ints_cast, .fold = fold_cast, .traits = kUnary | kBuiltOnce});

Status infer_cast_like(Context& c) {
  c.out(0, c.dtype(1), c.shape(0));
  return {};
}
OP("CastLike", {.infer = infer_cast_like});

}  // namespace
}  // namespace onnxport::onnx::ops
