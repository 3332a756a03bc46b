// Functions of one operand, elementwise.
#include <cmath>
#include <limits>

#include "lower/elementwise.h"

namespace onnxport::lower {

namespace {

// Functions with an ONNX operator of their own; integers become float32.
bool floating(const char* schema, const char* op_type) {
  return internal::lower(
      schema, [op_type](Builder& g, Value self) { return g.op(op_type, {to_floating(g, self)}); });
}
[[maybe_unused]] const bool kFloating[] = {
    floating("aten::exp(Tensor self) -> Tensor", "Exp"),
    floating("aten::log(Tensor self) -> Tensor", "Log"),
    floating("aten::sqrt(Tensor self) -> Tensor", "Sqrt"),
    floating("aten::sin(Tensor self) -> Tensor", "Sin"),
    floating("aten::cos(Tensor self) -> Tensor", "Cos"),
    floating("aten::tan(Tensor self) -> Tensor", "Tan"),
    floating("aten::asin(Tensor self) -> Tensor", "Asin"),
    floating("aten::acos(Tensor self) -> Tensor", "Acos"),
    floating("aten::atan(Tensor self) -> Tensor", "Atan"),
    floating("aten::arctan(Tensor self) -> Tensor", "Atan"),
    floating("aten::sinh(Tensor self) -> Tensor", "Sinh"),
    floating("aten::cosh(Tensor self) -> Tensor", "Cosh"),
    floating("aten::asinh(Tensor self) -> Tensor", "Asinh"),
    floating("aten::acosh(Tensor self) -> Tensor", "Acosh"),
    floating("aten::atanh(Tensor self) -> Tensor", "Atanh"),
    floating("aten::tanh(Tensor self) -> Tensor", "Tanh"),
    floating("aten::erf(Tensor self) -> Tensor", "Erf"),
    floating("aten::special_erf(Tensor self) -> Tensor", "Erf"),
    floating("aten::reciprocal(Tensor self) -> Tensor", "Reciprocal"),
};

// Functions that keep the dtype and do nothing to integers.
bool rounding(const char* schema, const char* op_type) {
  return internal::lower(schema, [op_type](Builder& g, Value self) {
    return is_floating(self->dtype) ? g.op(op_type, {self}) : self;
  });
}
[[maybe_unused]] const bool kRounding[] = {
    rounding("aten::floor(Tensor self) -> Tensor", "Floor"),
    rounding("aten::ceil(Tensor self) -> Tensor", "Ceil"),
    rounding("aten::round(Tensor self) -> Tensor", "Round"),  // half to even, both
};

Value one_like(Builder& g, Value x) { return g.scalar_like(1, x); }

Value absolute(Builder& g, Value self) { return g.op("Abs", {self}); }
LOWER("aten::abs(Tensor self) -> Tensor", absolute);
LOWER("aten::absolute(Tensor self) -> Tensor", absolute);

// ONNX Runtime negates signed types only; uint8 wraps.
Value negative(Builder& g, Value self) {
  if (is_floating(self->dtype) || self->dtype == DType::kInt32 || self->dtype == DType::kInt64) {
    return g.op("Neg", {self});
  }
  return arithmetic(g, "Sub", g.scalar_like(0, self), self, self->dtype);
}
LOWER("aten::neg(Tensor self) -> Tensor", negative);
LOWER("aten::negative(Tensor self) -> Tensor", negative);
LOWER("aten::positive(Tensor(a) self) -> Tensor(a)", [](Builder&, Value self) { return self; });

Value sign(Builder& g, Value self) {
  return self->dtype == DType::kBool ? self : g.op("Sign", {self});
}
LOWER("aten::sign(Tensor self) -> Tensor", sign);
LOWER("aten::sgn(Tensor self) -> Tensor", sign);

LOWER("aten::square(Tensor self) -> Tensor", [](Builder& g, Value self) {
  const DType t = self->dtype == DType::kBool ? DType::kInt64 : self->dtype;
  return arithmetic(g, "Mul", self, self, t);
});
LOWER("aten::rsqrt(Tensor self) -> Tensor", [](Builder& g, Value self) {
  return g.op("Reciprocal", {g.op("Sqrt", {to_floating(g, self)})});
});
LOWER("aten::exp2(Tensor self) -> Tensor", [](Builder& g, Value self) {
  Value x = to_floating(g, self);
  return g.op("Pow", {g.scalar_like(2, x), x});
});
LOWER("aten::log2(Tensor self) -> Tensor", [](Builder& g, Value self) {
  Value x = to_floating(g, self);
  return g.div(g.op("Log", {x}), g.scalar_like(M_LN2, x));
});
LOWER("aten::log10(Tensor self) -> Tensor", [](Builder& g, Value self) {
  Value x = to_floating(g, self);
  return g.div(g.op("Log", {x}), g.scalar_like(M_LN10, x));
});
// log1p and expm1 keep their precision near 0 by the correction of Kahan: with u = 1 + x,
// log1p(x) = log(u) * x / (u - 1), and x itself where u is 1.
LOWER("aten::log1p(Tensor self) -> Tensor", [](Builder& g, Value self) {
  Value x = to_floating(g, self);
  Value u = g.add(x, one_like(g, x));
  Value log_u = g.op("Log", {u});
  Value near = g.op("Equal", {u, one_like(g, x)});
  Value gap = g.where(near, one_like(g, x), g.sub(u, one_like(g, x)));
  Value exact =
      g.where(g.op("Less", {g.op("Abs", {x}), one_like(g, x)}), g.mul(log_u, g.div(x, gap)), log_u);
  return g.where(near, x, exact);
});
// expm1(x) = tanh(x/2) * (exp(x) + 1): no cancellation near 0; exp(x) - 1 far from it.
LOWER("aten::expm1(Tensor self) -> Tensor", [](Builder& g, Value self) {
  Value x = to_floating(g, self);
  Value e = g.op("Exp", {x});
  Value near = g.mul(g.op("Tanh", {g.mul(x, g.scalar_like(0.5, x))}), g.add(e, one_like(g, x)));
  Value small = g.op("Less", {g.op("Abs", {x}), one_like(g, x)});
  return g.where(small, near, g.sub(e, one_like(g, x)));
});
LOWER("aten::erfc(Tensor self) -> Tensor", [](Builder& g, Value self) {
  Value x = to_floating(g, self);
  return g.sub(one_like(g, x), g.op("Erf", {x}));
});

Value trunc(Builder& g, Value self) {
  if (!is_floating(self->dtype)) return self;
  Value below = g.op("Less", {self, g.scalar_like(0, self)});
  return g.where(below, g.op("Ceil", {self}), g.op("Floor", {self}));
}
LOWER("aten::trunc(Tensor self) -> Tensor", trunc);
LOWER("aten::fix(Tensor self) -> Tensor", trunc);
LOWER("aten::frac(Tensor self) -> Tensor",
      [](Builder& g, Value self) { return g.sub(self, trunc(g, self)); });
LOWER("aten::round.decimals(Tensor self, *, int decimals) -> Tensor",
      [](Builder& g, Value self, int64_t decimals) {
        if (!is_floating(self->dtype)) return self;
        if (decimals == 0) return g.op("Round", {self});
        Value ten = g.scalar_like(std::pow(10.0, std::abs(static_cast<double>(decimals))), self);
        if (decimals > 0) return g.div(g.op("Round", {g.mul(self, ten)}), ten);
        return g.mul(g.op("Round", {g.div(self, ten)}), ten);
      });

double largest(DType t) {
  if (t == DType::kDouble) return std::numeric_limits<double>::max();
  return t == DType::kFloat16 ? 65504.0 : std::numeric_limits<float>::max();
}
LOWER(
    "aten::nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
    [](Builder& g, Value self, std::optional<double> nan, std::optional<double> posinf,
       std::optional<double> neginf) {
      if (!is_floating(self->dtype)) return self;
      const double top = largest(self->dtype);
      const double inf = std::numeric_limits<double>::infinity();
      auto is = [&](double x) { return g.op("Equal", {self, g.scalar_like(x, self)}); };
      Value x = g.where(g.op("IsNaN", {self}), g.scalar_like(nan.value_or(0), self), self);
      x = g.where(is(inf), g.scalar_like(posinf.value_or(top), self), x);
      return g.where(is(-inf), g.scalar_like(neginf.value_or(-top), self), x);
    });
LOWER("aten::logit(Tensor self, float? eps=None) -> Tensor",
      [](Builder& g, Value self, std::optional<double> eps) {
        Value x = to_floating(g, self);
        if (eps) x = g.clip(x, *eps, 1 - *eps);
        return g.op("Log", {g.div(x, g.sub(one_like(g, x), x))});
      });
LOWER("aten::deg2rad(Tensor self) -> Tensor", [](Builder& g, Value self) {
  Value x = to_floating(g, self);
  return g.mul(x, g.scalar_like(M_PI / 180, x));
});
LOWER("aten::rad2deg(Tensor self) -> Tensor", [](Builder& g, Value self) {
  Value x = to_floating(g, self);
  return g.mul(x, g.scalar_like(180 / M_PI, x));
});

}  // namespace
}  // namespace onnxport::lower
