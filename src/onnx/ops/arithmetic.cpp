// Elementwise operators of several inputs, which broadcast.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "onnx/ops/fold_elements.h"
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

std::optional<Ints> ints_arithmetic(Context& c) {
  std::optional<Ints> all;
  if (c.node.is("Mod") && c.attr("fmod", 0) != 0) return std::nullopt;
  for (size_t i = 0; i < c.node.inputs.size(); ++i) {
    auto next = c.ints(i);
    if (!next) return std::nullopt;
    if (!all) {
      all = std::move(next);
      continue;
    }
    all = zip_ints(*all, *next,
                   [&](const Expr& a, const Expr& b) { return combine(c.node.op_type, a, b); });
    if (!all) return std::nullopt;
  }
  return all;
}

struct MulOf {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    else
      return a * b;
  }
};
struct MaxOf {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<T>::quiet_NaN();
    }
    return std::max(a, b);
  }
};
struct MinOf {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<T>::quiet_NaN();
    }
    return std::min(a, b);
  }
};

// Op of each two elements, in their type.
template <typename Op>
Tensors combined(const Call& call, const Tensor& left, const Tensor& right) {
  return binary_of(
      call, left, right, [](const Call& c, const Tensor& a, const Tensor& b, auto t) -> Tensors {
        using T = decltype(t);
        return zip<T, T>(c, a, b, a.dtype, [](T x, T y) { return Op::template apply<T>(x, y); });
      });
}

template <typename Op>
Tensors fold_arithmetic(const Call& call) {
  if (call.inputs() != 2 || call.in(0)->dtype == DType::kBool) return std::nullopt;
  return combined<Op>(call, *call.in(0), *call.in(1));
}

// Max and Min take any number of inputs.
template <typename Op>
Tensors fold_extremum(const Call& call) {
  if (call.inputs() == 0) return std::nullopt;
  Tensor so_far = *call.in(0);
  for (size_t i = 1; i < call.inputs(); ++i) {
    Tensors next = combined<Op>(call, so_far, *call.in(i));
    if (!next) return std::nullopt;
    so_far = (*next)[0];
  }
  return one(std::move(so_far));
}

template <typename T>
bool has_zero(const Tensor& t) {
  const std::vector<T> values = t.values<T>();
  return std::find(values.begin(), values.end(), T{0}) != values.end();
}

// A quotient that the processor would trap on.
template <typename T>
bool overflows(const Tensor& a, const Tensor& b) {
  if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
    const std::vector<T> x = a.values<T>();
    const std::vector<T> y = b.values<T>();
    return std::find(x.begin(), x.end(), std::numeric_limits<T>::min()) != x.end() &&
           std::find(y.begin(), y.end(), T{-1}) != y.end();
  }
  return false;
}

Tensors fold_div(const Call& call) {
  return binary_of(call, *call.in(0), *call.in(1),
                   [](const Call& c, const Tensor& a, const Tensor& b, auto t) -> Tensors {
                     using T = decltype(t);
                     if (a.dtype == DType::kBool) return std::nullopt;
                     if constexpr (std::is_integral_v<T>) {
                       if (has_zero<T>(b) || overflows<T>(a, b)) return std::nullopt;
                     }
                     return zip<T, T>(c, a, b, a.dtype,
                                      [](T x, T y) { return static_cast<T>(x / y); });
                   });
}

// Integers: the sign follows the divisor; with fmod=1, the dividend (C's %).
Tensors fold_mod(const Call& call) {
  const bool fmod = call.node.get<int64_t>("fmod", 0) != 0;
  return binary_of(call, *call.in(0), *call.in(1),
                   [fmod](const Call& c, const Tensor& a, const Tensor& b, auto t) -> Tensors {
                     using T = decltype(t);
                     if constexpr (std::is_floating_point_v<T>) {
                       if (!fmod) return std::nullopt;
                       return zip<T, T>(c, a, b, a.dtype, [](T x, T y) { return std::fmod(x, y); });
                     } else {
                       if (a.dtype == DType::kBool || has_zero<T>(b) || overflows<T>(a, b))
                         return std::nullopt;
                       return zip<T, T>(c, a, b, a.dtype, [fmod](T x, T y) {
                         T r = static_cast<T>(x % y);
                         if (!fmod && r != 0 && ((r < 0) != (y < 0))) r = static_cast<T>(r + y);
                         return r;
                       });
                     }
                   });
}

// The exponent may have another type; only floats are computed here, in the base's type.
Tensors fold_pow(const Call& call) {
  const Tensor& base = *call.in(0);
  if (base.dtype != DType::kFloat && base.dtype != DType::kDouble) return std::nullopt;
  return binary_of(call, base, call.in(1)->cast(base.dtype),
                   [](const Call& c, const Tensor& a, const Tensor& b, auto t) -> Tensors {
                     using T = decltype(t);
                     if constexpr (std::is_floating_point_v<T>) {
                       return zip<T, T>(c, a, b, a.dtype, [](T x, T y) { return std::pow(x, y); });
                     } else {
                       return std::nullopt;
                     }
                   });
}
OP("Add", {.infer = infer_broadcast,
           .ints = ints_arithmetic,
           .fold = fold_arithmetic<AddOf>,
           .traits = kBroadcasts | kCommutative | kKeepsNonNegative | kBuiltOnce});

OP("Sub", {.infer = infer_broadcast,
           .ints = ints_arithmetic,
           .fold = fold_arithmetic<SubOf>,
           .traits = kBroadcasts | kBuiltOnce});

OP("Mul", {.infer = infer_broadcast,
           .ints = ints_arithmetic,
           .fold = fold_arithmetic<MulOf>,
           .traits = kBroadcasts | kCommutative | kKeepsNonNegative | kBuiltOnce});

OP("Div", {.infer = infer_broadcast,
           .ints = ints_arithmetic,
           .fold = fold_div,
           .traits = kBroadcasts | kBuiltOnce});

OP("Mod", {.infer = infer_broadcast,
           .ints = ints_arithmetic,
           .fold = fold_mod,
           .traits = kBroadcasts | kBuiltOnce});

OP("Max", {.infer = infer_broadcast,
           .ints = ints_arithmetic,
           .fold = fold_extremum<MaxOf>,
           .traits = kBroadcasts | kCommutative | kBuiltOnce});

OP("Min", {.infer = infer_broadcast,
           .ints = ints_arithmetic,
           .fold = fold_extremum<MinOf>,
           .traits = kBroadcasts | kCommutative | kBuiltOnce});

OP("Pow", {.infer = infer_broadcast, .fold = fold_pow, .traits = kBroadcasts});

OP({"Mean", "Sum"},
   {.infer = infer_broadcast, .traits = kBroadcasts | kCommutative | kKeepsNonNegative});

OP({"BitwiseAnd", "BitwiseOr", "BitwiseXor"},
   {.infer = infer_broadcast, .traits = kBroadcasts | kCommutative});

OP("BitShift", {.infer = infer_broadcast, .traits = kBroadcasts});

// The slope broadcasts to x, not x to it.
OP("PRelu", {.infer = infer_same, .traits = kElementwise});

}  // namespace
}  // namespace onnxport::onnx::ops
