// Comparisons and logic: the results are bool tensors (but for the bitwise operators on integers).
#include "lower/elementwise.h"
#include "lower/promotion.h"

namespace onnxport::lower {

namespace {

enum class Compare { kEq, kNe, kLt, kLe, kGt, kGe };

// Bool and small integers are compared as int32: not every ONNX Runtime kernel takes them.
DType compared_in(DType t, bool equality) {
  if (t == DType::kBool) return equality ? DType::kBool : DType::kInt32;
  if (is_integer(t) && byte_size(t) < 4) return DType::kInt32;
  return t;
}

template <Compare kCompare>
Value compare(Builder& g, Value self, Operand other) {
  Promotion promotion;
  promotion.add(self);
  promotion.add(other);
  const bool equality = kCompare == Compare::kEq || kCompare == Compare::kNe;
  const DType t = promotion.result();
  const DType c = compared_in(t, equality);
  Value a = g.cast(self, c);
  Value b = g.cast(as_tensor(g, other, t), c);
  switch (kCompare) {
    case Compare::kEq:
      return g.op("Equal", {a, b});
    case Compare::kNe:
      return g.op("Not", {g.op("Equal", {a, b})});
    case Compare::kLt:
      return g.op("Less", {a, b});
    case Compare::kLe:
      return g.op("LessOrEqual", {a, b});
    case Compare::kGt:
      return g.op("Greater", {a, b});
    case Compare::kGe:
      return g.op("GreaterOrEqual", {a, b});
  }
  return nullptr;
}

LOWER("aten::eq.Tensor(Tensor self, Tensor other) -> Tensor", compare<Compare::kEq>);
LOWER("aten::eq.Scalar(Tensor self, Scalar other) -> Tensor", compare<Compare::kEq>);
LOWER("aten::ne.Tensor(Tensor self, Tensor other) -> Tensor", compare<Compare::kNe>);
LOWER("aten::ne.Scalar(Tensor self, Scalar other) -> Tensor", compare<Compare::kNe>);
LOWER("aten::not_equal.Tensor(Tensor self, Tensor other) -> Tensor", compare<Compare::kNe>);
LOWER("aten::not_equal.Scalar(Tensor self, Scalar other) -> Tensor", compare<Compare::kNe>);
LOWER("aten::lt.Tensor(Tensor self, Tensor other) -> Tensor", compare<Compare::kLt>);
LOWER("aten::lt.Scalar(Tensor self, Scalar other) -> Tensor", compare<Compare::kLt>);
LOWER("aten::less.Tensor(Tensor self, Tensor other) -> Tensor", compare<Compare::kLt>);
LOWER("aten::less.Scalar(Tensor self, Scalar other) -> Tensor", compare<Compare::kLt>);
LOWER("aten::le.Tensor(Tensor self, Tensor other) -> Tensor", compare<Compare::kLe>);
LOWER("aten::le.Scalar(Tensor self, Scalar other) -> Tensor", compare<Compare::kLe>);
LOWER("aten::gt.Tensor(Tensor self, Tensor other) -> Tensor", compare<Compare::kGt>);
LOWER("aten::gt.Scalar(Tensor self, Scalar other) -> Tensor", compare<Compare::kGt>);
LOWER("aten::greater.Tensor(Tensor self, Tensor other) -> Tensor", compare<Compare::kGt>);
LOWER("aten::greater.Scalar(Tensor self, Scalar other) -> Tensor", compare<Compare::kGt>);
LOWER("aten::ge.Tensor(Tensor self, Tensor other) -> Tensor", compare<Compare::kGe>);
LOWER("aten::ge.Scalar(Tensor self, Scalar other) -> Tensor", compare<Compare::kGe>);

// --- logic ------------------------------------------------------------------------------------

enum class Logic { kAnd, kOr, kXor };
const char* const kLogical[] = {"And", "Or", "Xor"};
const char* const kBitwise[] = {"BitwiseAnd", "BitwiseOr", "BitwiseXor"};
constexpr OpsetNeed kBitsOfIntegers = partly_since(18, "bitwise logic of integers");

template <Logic kLogic>
Value logical(Builder& g, Value self, Value other) {
  return g.op(kLogical[static_cast<int>(kLogic)],
              {g.cast(self, DType::kBool), g.cast(other, DType::kBool)});
}
LOWER("aten::logical_and(Tensor self, Tensor other) -> Tensor", logical<Logic::kAnd>);
LOWER("aten::logical_or(Tensor self, Tensor other) -> Tensor", logical<Logic::kOr>);
LOWER("aten::logical_xor(Tensor self, Tensor other) -> Tensor", logical<Logic::kXor>);
LOWER("aten::logical_not(Tensor self) -> Tensor",
      [](Builder& g, Value self) { return g.op("Not", {g.cast(self, DType::kBool)}); });

template <Logic kLogic>
Value bitwise(Builder& g, Value self, Operand other) {
  Promotion promotion;
  promotion.add(self);
  promotion.add(other);
  const DType t = promotion.result();
  Value a = g.cast(self, t);
  Value b = as_tensor(g, other, t);
  const auto i = static_cast<int>(kLogic);
  if (t == DType::kBool) return g.op(kLogical[i], {a, b});
  g.need_opset(kBitsOfIntegers);
  return g.op(kBitwise[i], {a, b});
}
LOWER("aten::bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor", bitwise<Logic::kAnd>,
      kBitsOfIntegers);
LOWER("aten::bitwise_and.Scalar(Tensor self, Scalar other) -> Tensor", bitwise<Logic::kAnd>,
      kBitsOfIntegers);
LOWER("aten::bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor", bitwise<Logic::kOr>,
      kBitsOfIntegers);
LOWER("aten::bitwise_or.Scalar(Tensor self, Scalar other) -> Tensor", bitwise<Logic::kOr>,
      kBitsOfIntegers);
LOWER("aten::bitwise_xor.Tensor(Tensor self, Tensor other) -> Tensor", bitwise<Logic::kXor>,
      kBitsOfIntegers);
LOWER("aten::bitwise_xor.Scalar(Tensor self, Scalar other) -> Tensor", bitwise<Logic::kXor>,
      kBitsOfIntegers);
LOWER("aten::__and__.Tensor(Tensor self, Tensor other) -> Tensor", bitwise<Logic::kAnd>,
      kBitsOfIntegers);
LOWER("aten::__and__.Scalar(Tensor self, Scalar other) -> Tensor", bitwise<Logic::kAnd>,
      kBitsOfIntegers);
LOWER("aten::__or__.Tensor(Tensor self, Tensor other) -> Tensor", bitwise<Logic::kOr>,
      kBitsOfIntegers);
LOWER("aten::__or__.Scalar(Tensor self, Scalar other) -> Tensor", bitwise<Logic::kOr>,
      kBitsOfIntegers);
LOWER("aten::__xor__.Tensor(Tensor self, Tensor other) -> Tensor", bitwise<Logic::kXor>,
      kBitsOfIntegers);
LOWER("aten::__xor__.Scalar(Tensor self, Scalar other) -> Tensor", bitwise<Logic::kXor>,
      kBitsOfIntegers);

// ~x is -1 - x in two's complement (and 255 - x for uint8), which every opset has.
LOWER("aten::bitwise_not(Tensor self) -> Tensor", [](Builder& g, Value self) {
  if (self->dtype == DType::kBool) return g.op("Not", {self});
  const double top = self->dtype == DType::kUint8 ? 255 : -1;
  return arithmetic(g, "Sub", g.scalar_like(top, self), self, self->dtype);
});

// --- NaN and infinity -------------------------------------------------------------------------

Value none_of(Builder& g, Value x) {
  return g.expand(g.scalar(0, DType::kBool), Builder::shape(x));
}
// IsInf takes float32 and float64 only, before opset 20.
Value as_wide(Builder& g, Value x) {
  return x->dtype == DType::kDouble ? x : g.cast(x, DType::kFloat);
}
Value is_nan(Builder& g, Value self) {
  return is_floating(self->dtype) ? g.op("IsNaN", {self}) : none_of(g, self);
}
Value is_inf(Builder& g, Value self) {
  return is_floating(self->dtype) ? g.op("IsInf", {as_wide(g, self)}) : none_of(g, self);
}
LOWER("aten::isnan(Tensor self) -> Tensor", is_nan);
LOWER("aten::isinf(Tensor self) -> Tensor", is_inf);
LOWER("aten::isfinite(Tensor self) -> Tensor", [](Builder& g, Value self) {
  return g.op("Not", {g.op("Or", {is_nan(g, self), is_inf(g, self)})});
});
LOWER("aten::isposinf(Tensor self) -> Tensor", [](Builder& g, Value self) {
  if (!is_floating(self->dtype)) return none_of(g, self);
  return g.op("IsInf", {as_wide(g, self)}, {{"detect_negative", 0}});
});
LOWER("aten::isneginf(Tensor self) -> Tensor", [](Builder& g, Value self) {
  if (!is_floating(self->dtype)) return none_of(g, self);
  return g.op("IsInf", {as_wide(g, self)}, {{"detect_positive", 0}});
});

}  // namespace
}  // namespace onnxport::lower
