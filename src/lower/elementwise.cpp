// Arithmetic of two operands: add, sub, mul, div, pow, remainder, minimum, clamp, where, lerp, ...
#include "lower/elementwise.h"

#include <cmath>

#include "lower/promotion.h"

namespace onnxport::lower {

namespace {

DType computed_in(DType t) {
  switch (t) {
    case DType::kBool:
    case DType::kInt8:
    case DType::kInt16:
    case DType::kUint8:
    case DType::kUint16:
      return DType::kInt32;
    default:
      return t;
  }
}

template <typename... Ts>
DType result_type(const Ts&... xs) {
  Promotion promotion;
  (promotion.add(xs), ...);
  return promotion.result();
}

bool is_one(const Scalar& x) { return x.as_double() == 1.0; }

Value scaled(Builder& g, Value x, const Scalar& factor, DType t) {
  return is_one(factor) ? x : arithmetic(g, "Mul", x, as_tensor(g, factor, t), t);
}

// --- add, sub, mul ----------------------------------------------------------------------------

// bool + bool is a logical or in PyTorch.
Value add(Builder& g, Value self, Operand other, Scalar alpha) {
  const DType t = result_type(self, other);
  Value b = scaled(g, as_tensor(g, other, t), alpha, t);
  if (t == DType::kBool) return g.op("Or", {self, b});
  return arithmetic(g, "Add", self, b, t);
}
Value sub(Builder& g, Value self, Operand other, Scalar alpha) {
  const DType t = result_type(self, other);
  return arithmetic(g, "Sub", self, scaled(g, as_tensor(g, other, t), alpha, t), t);
}
Value rsub(Builder& g, Value self, Operand other, Scalar alpha) {
  const DType t = result_type(self, other);
  return arithmetic(g, "Sub", as_tensor(g, other, t), scaled(g, g.cast(self, t), alpha, t), t);
}
Value mul(Builder& g, Value self, Operand other) {
  const DType t = result_type(self, other);
  if (t == DType::kBool) return g.op("And", {self, as_tensor(g, other, t)});
  return arithmetic(g, "Mul", self, as_tensor(g, other, t), t);
}

LOWER("aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", add);
LOWER("aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", add);
LOWER("aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", sub);
LOWER("aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", sub);
LOWER("aten::subtract.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", sub);
LOWER("aten::subtract.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", sub);
LOWER("aten::rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", rsub);
LOWER("aten::rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", rsub);
LOWER("aten::mul.Tensor(Tensor self, Tensor other) -> Tensor", mul);
LOWER("aten::mul.Scalar(Tensor self, Scalar other) -> Tensor", mul);
LOWER("aten::multiply.Tensor(Tensor self, Tensor other) -> Tensor", mul);
LOWER("aten::multiply.Scalar(Tensor self, Scalar other) -> Tensor", mul);

// --- division ---------------------------------------------------------------------------------

Value true_divide(Builder& g, const Operand& self, const Operand& other) {
  DType t = result_type(self, other);
  if (!is_floating(t)) t = DType::kFloat;
  return g.div(as_tensor(g, self, t), as_tensor(g, other, t));
}

Value truncated(Builder& g, Value x) {
  Value zero = g.scalar_like(0, x);
  return g.where(g.op("Less", {x, zero}), g.op("Ceil", {x}), g.op("Floor", {x}));
}

// Towards minus infinity. ONNX's integer Div truncates and its Mod has the divisor's sign, so
// a // b is (a - a % b) / b.
Value floor_divide(Builder& g, const Operand& self, const Operand& other) {
  const DType t = result_type(self, other);
  Value a = as_tensor(g, self, t);
  Value b = as_tensor(g, other, t);
  if (is_floating(t)) return g.op("Floor", {g.div(a, b)});
  if (t == DType::kUint8) return arithmetic(g, "Div", a, b, t);
  return arithmetic(g, "Div", arithmetic(g, "Sub", a, arithmetic(g, "Mod", a, b, t), t), b, t);
}

Value div_mode(Builder& g, Operand self, Operand other, std::optional<std::string> rounding_mode) {
  if (!rounding_mode) return true_divide(g, self, other);
  if (*rounding_mode == "floor") return floor_divide(g, self, other);
  const DType t = result_type(self, other);
  Value a = as_tensor(g, self, t);
  Value b = as_tensor(g, other, t);
  return is_floating(t) ? truncated(g, g.div(a, b)) : arithmetic(g, "Div", a, b, t);
}
Value div(Builder& g, Operand self, Operand other) { return true_divide(g, self, other); }
Value floor_div(Builder& g, Operand self, Operand other) { return floor_divide(g, self, other); }

LOWER("aten::div.Tensor(Tensor self, Tensor other) -> Tensor", div);
LOWER("aten::div.Scalar(Tensor self, Scalar other) -> Tensor", div);
LOWER("aten::divide.Tensor(Tensor self, Tensor other) -> Tensor", div);
LOWER("aten::divide.Scalar(Tensor self, Scalar other) -> Tensor", div);
LOWER("aten::true_divide.Tensor(Tensor self, Tensor other) -> Tensor", div);
LOWER("aten::true_divide.Scalar(Tensor self, Scalar other) -> Tensor", div);
LOWER("aten::div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor",
      div_mode);
LOWER("aten::div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor",
      div_mode);
LOWER("aten::floor_divide(Tensor self, Tensor other) -> Tensor", floor_div);
LOWER("aten::floor_divide.Scalar(Tensor self, Scalar other) -> Tensor", floor_div);

// The remainder with the dividend's sign, as C's fmod.
Value fmod_of(Builder& g, Value a, Value b, DType t) {
  const DType c = computed_in(t);
  return g.cast(g.op("Mod", {g.cast(a, c), g.cast(b, c)}, {{"fmod", 1}}), t);
}
Value fmod(Builder& g, Value self, Operand other) {
  const DType t = result_type(self, other);
  return fmod_of(g, self, as_tensor(g, other, t), t);
}

// The remainder with the divisor's sign, as Python's %. ONNX's Mod has it for integers only: for
// floats the fmod is moved by the divisor where the signs differ.
Value remainder(Builder& g, Operand self, Operand other) {
  const DType t = result_type(self, other);
  Value a = as_tensor(g, self, t);
  Value b = as_tensor(g, other, t);
  if (!is_floating(t)) return arithmetic(g, "Mod", a, b, t);
  Value m = fmod_of(g, a, b, t);
  Value zero = g.scalar(0, t);
  Value signs_differ = g.op("Xor", {g.op("Less", {m, zero}), g.op("Less", {b, zero})});
  Value nonzero = g.op("Not", {g.op("Equal", {m, zero})});
  return g.where(g.op("And", {nonzero, signs_differ}), g.add(m, b), m);
}

LOWER("aten::fmod.Tensor(Tensor self, Tensor other) -> Tensor", fmod);
LOWER("aten::fmod.Scalar(Tensor self, Scalar other) -> Tensor", fmod);
LOWER("aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor", remainder);
LOWER("aten::remainder.Scalar(Tensor self, Scalar other) -> Tensor", remainder);
LOWER("aten::remainder.Scalar_Tensor(Scalar self, Tensor other) -> Tensor", remainder);

// --- pow --------------------------------------------------------------------------------------

// The exponents that PyTorch computes by other operators too.
Value pow_number(Builder& g, Value x, double exponent, DType t) {
  if (exponent == 1) return x;
  if (exponent == 2) return arithmetic(g, "Mul", x, x, t);
  if (exponent == 3) return arithmetic(g, "Mul", arithmetic(g, "Mul", x, x, t), x, t);
  if (is_floating(t)) {
    if (exponent == 0.5) return g.op("Sqrt", {x});
    if (exponent == -0.5) return g.op("Reciprocal", {g.op("Sqrt", {x})});
    if (exponent == -1) return g.op("Reciprocal", {x});
  }
  return arithmetic(g, "Pow", x, g.scalar(exponent, t), t);
}
Value pow(Builder& g, Operand self, Operand exponent) {
  const DType t = result_type(self, exponent);
  if (exponent.is_number()) {
    if (auto number = std::get<Scalar>(exponent.v).as_double()) {
      return pow_number(g, as_tensor(g, self, t), *number, t);
    }
  }
  return arithmetic(g, "Pow", as_tensor(g, self, t), as_tensor(g, exponent, t), t);
}
LOWER("aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor", pow);
LOWER("aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor", pow);
LOWER("aten::pow.Scalar(Scalar self, Tensor exponent) -> Tensor", pow);

// --- minimum, maximum, clamp ------------------------------------------------------------------

template <bool kMax>
Value extremum(Builder& g, Operand self, Operand other) {
  const DType t = result_type(self, other);
  Value a = as_tensor(g, self, t);
  Value b = as_tensor(g, other, t);
  if (t == DType::kBool) return g.op(kMax ? "Or" : "And", {a, b});
  return arithmetic(g, kMax ? "Max" : "Min", a, b, t);
}
LOWER("aten::minimum(Tensor self, Tensor other) -> Tensor", extremum<false>);
LOWER("aten::maximum(Tensor self, Tensor other) -> Tensor", extremum<true>);
LOWER("aten::min.other(Tensor self, Tensor other) -> Tensor", extremum<false>);
LOWER("aten::max.other(Tensor self, Tensor other) -> Tensor", extremum<true>);

// fmax and fmin take the other operand where one is NaN.
template <bool kMax>
Value extremum_but_nan(Builder& g, Value self, Value other) {
  auto [a, b] = g.promoted(self, other);
  if (!is_floating(a->dtype)) return extremum<kMax>(g, Operand{a}, Operand{b});
  Value best = g.op(kMax ? "Max" : "Min", {a, b});
  return g.where(g.op("IsNaN", {a}), b, g.where(g.op("IsNaN", {b}), a, best));
}
LOWER("aten::fmin(Tensor self, Tensor other) -> Tensor", extremum_but_nan<false>);
LOWER("aten::fmax(Tensor self, Tensor other) -> Tensor", extremum_but_nan<true>);

Value clamp(Builder& g, Value self, std::optional<Operand> min, std::optional<Operand> max) {
  Promotion promotion;
  promotion.add(self);
  if (min) promotion.add(*min);
  if (max) promotion.add(*max);
  const DType t = promotion.result();
  auto plain = [](const std::optional<Operand>& x) {
    return !x || (x->is_number() && std::get<Scalar>(x->v).as_double());
  };
  if (plain(min) && plain(max)) {
    auto number = [](const std::optional<Operand>& x) {
      return x ? std::get<Scalar>(x->v).as_double() : std::nullopt;
    };
    return g.cast(g.clip(g.cast(self, computed_in(t)), number(min), number(max)), t);
  }
  Value x = g.cast(self, t);
  if (min) x = arithmetic(g, "Max", x, as_tensor(g, *min, t), t);
  if (max) x = arithmetic(g, "Min", x, as_tensor(g, *max, t), t);
  return x;
}
Value clamp_min(Builder& g, Value self, Operand min) { return clamp(g, self, min, std::nullopt); }
Value clamp_max(Builder& g, Value self, Operand max) { return clamp(g, self, std::nullopt, max); }
LOWER("aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", clamp);
LOWER("aten::clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor", clamp);
LOWER("aten::clip(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", clamp);
LOWER("aten::clip.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor", clamp);
LOWER("aten::clamp_min(Tensor self, Scalar min) -> Tensor", clamp_min);
LOWER("aten::clamp_min.Tensor(Tensor self, Tensor min) -> Tensor", clamp_min);
LOWER("aten::clamp_max(Tensor self, Scalar max) -> Tensor", clamp_max);
LOWER("aten::clamp_max.Tensor(Tensor self, Tensor max) -> Tensor", clamp_max);

// --- where, lerp, addcmul, addcdiv ------------------------------------------------------------

Value where(Builder& g, Value condition, Operand self, Operand other) {
  const DType t = result_type(self, other);
  return g.where(condition, as_tensor(g, self, t), as_tensor(g, other, t));
}
LOWER("aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor", where);
LOWER("aten::where.ScalarSelf(Tensor condition, Scalar self, Tensor other) -> Tensor", where);
LOWER("aten::where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor", where);
LOWER("aten::where.Scalar(Tensor condition, Scalar self, Scalar other) -> Tensor", where);

// PyTorch takes the form that is exact at the nearer end.
LOWER("aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor",
      [](Builder& g, Value self, Value end, double weight) {
        Value difference = g.sub(end, self);
        if (std::abs(weight) < 0.5) {
          return g.add(self, g.mul(difference, g.scalar_like(weight, self)));
        }
        return g.sub(end, g.mul(difference, g.scalar_like(1 - weight, self)));
      });
LOWER("aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor",
      [](Builder& g, Value self, Value end, Value weight) {
        return g.add(self, g.mul(g.cast(weight, self->dtype), g.sub(end, self)));
      });
LOWER("aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
      [](Builder& g, Value self, Value tensor1, Value tensor2, Scalar value) {
        const DType t = g.promote({self, tensor1, tensor2});
        Value product = arithmetic(g, "Mul", scaled(g, g.cast(tensor1, t), value, t), tensor2, t);
        return arithmetic(g, "Add", self, product, t);
      });
LOWER("aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
      [](Builder& g, Value self, Value tensor1, Value tensor2, Scalar value) {
        const DType t = g.promote({self, tensor1, tensor2});
        Value scaled_up = scaled(g, g.cast(tensor1, t), value, t);
        return g.add(g.cast(self, t), g.div(scaled_up, g.cast(tensor2, t)));
      });

// --- rarer functions of two operands ----------------------------------------------------------

// The angle of (x, y): atan(y/x), moved by pi for the left half plane; 0 at the origin.
LOWER("aten::atan2(Tensor self, Tensor other) -> Tensor", [](Builder& g, Value self, Value other) {
  auto [y, x] = g.promoted(to_floating(g, self), to_floating(g, other));
  Value zero = g.scalar_like(0, x);
  Value pi = g.scalar_like(M_PI, x);
  Value angle = g.op("Atan", {g.div(y, x)});
  Value turned = g.where(g.op("Less", {y, zero}), g.sub(angle, pi), g.add(angle, pi));
  Value out = g.where(g.op("Less", {x, zero}), turned, angle);
  Value origin = g.op("And", {g.op("Equal", {x, zero}), g.op("Equal", {y, zero})});
  return g.where(origin, zero, out);
});
LOWER("aten::hypot(Tensor self, Tensor other) -> Tensor", [](Builder& g, Value self, Value other) {
  auto [a, b] = g.promoted(self, other);
  return g.op("Sqrt", {g.add(g.mul(a, a), g.mul(b, b))});
});
LOWER("aten::xlogy.Tensor(Tensor self, Tensor other) -> Tensor",
      [](Builder& g, Value self, Value other) {
        auto [a, b] = g.promoted(to_floating(g, self), to_floating(g, other));
        Value zero = g.scalar_like(0, a);
        return g.where(g.op("Equal", {a, zero}), zero, g.mul(a, g.op("Log", {b})));
      });
// max + log(1 + exp(-|a - b|)), which does not overflow.
LOWER("aten::logaddexp(Tensor self, Tensor other) -> Tensor",
      [](Builder& g, Value self, Value other) {
        auto [a, b] = g.promoted(self, other);
        Value small = g.op("Exp", {g.op("Neg", {g.op("Abs", {g.sub(a, b)})})});
        return g.add(g.op("Max", {a, b}), g.op("Log", {g.add(small, g.scalar_like(1, a))}));
      });

}  // namespace

Value as_tensor(Builder& g, const Scalar& x, DType dtype) {
  if (auto number = x.as_double()) return g.scalar(*number, dtype);
  return g.cast(g.int_scalar(std::get<Expr>(x.v)), dtype);
}

Value as_tensor(Builder& g, const Operand& x, DType dtype) {
  if (x.is_number()) return as_tensor(g, std::get<Scalar>(x.v), dtype);
  return g.cast(std::get<Value>(x.v), dtype);
}

Value to_floating(Builder& g, Value x) {
  return is_floating(x->dtype) ? x : g.cast(x, DType::kFloat);
}

Value arithmetic(Builder& g, std::string_view op_type, Value a, Value b, DType t) {
  const DType c = computed_in(t);
  return g.cast(g.op(op_type, {g.cast(a, c), g.cast(b, c)}), t);
}

}  // namespace onnxport::lower
