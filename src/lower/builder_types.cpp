// PyTorch's type promotion (c10/core/ScalarType.h, "Tensor Attributes" in its manual): the category
// (bool < integer < float < complex) decides first, tensors with dimensions before 0-D ones.
#include <algorithm>

#include "lower/builder.h"
#include "lower/promotion.h"

namespace onnxport::lower {

namespace {

bool is_complex(DType t) { return t == DType::kComplex64 || t == DType::kComplex128; }

int category(DType t) {
  if (t == DType::kUndefined) return -1;
  if (t == DType::kBool) return 0;
  if (is_complex(t)) return 3;
  return is_floating(t) ? 2 : 1;
}

bool is_signed(DType t) {
  return t == DType::kInt8 || t == DType::kInt16 || t == DType::kInt32 || t == DType::kInt64;
}

DType signed_of_size(size_t bytes) {
  switch (bytes) {
    case 1:
      return DType::kInt8;
    case 2:
      return DType::kInt16;
    case 4:
      return DType::kInt32;
    default:
      return DType::kInt64;
  }
}

DType promote_integers(DType a, DType b) {
  if (is_signed(a) == is_signed(b)) return byte_size(a) >= byte_size(b) ? a : b;
  const DType unsigned_one = is_signed(a) ? b : a;
  const DType signed_one = is_signed(a) ? a : b;
  if (byte_size(signed_one) > byte_size(unsigned_one)) return signed_one;
  return signed_of_size(byte_size(unsigned_one) * 2);
}

DType promote_floats(DType a, DType b) {
  if (byte_size(a) == byte_size(b)) return DType::kFloat;  // half with bfloat16
  return byte_size(a) > byte_size(b) ? a : b;
}

}  // namespace

DType promote_types(DType a, DType b) {
  if (a == b) return a;
  if (a == DType::kUndefined) return b;
  if (b == DType::kUndefined) return a;
  const int ca = category(a);
  const int cb = category(b);
  if (ca == 3 || cb == 3) {
    const bool wide =
        byte_size(a) > 8 || byte_size(b) > 8 || a == DType::kDouble || b == DType::kDouble;
    return wide ? DType::kComplex128 : DType::kComplex64;
  }
  if (ca != cb) return ca > cb ? a : b;
  return ca == 2 ? promote_floats(a, b) : promote_integers(a, b);
}

DType number_type(const Scalar& number) {
  if (number.is_bool()) return DType::kBool;
  return number.is_floating() ? DType::kFloat : DType::kInt64;
}

DType Promotion::result() const {
  DType out = dims_;
  if (category(zero_dims_) > category(out)) out = promote_types(out, zero_dims_);
  if (category(numbers_) > category(out)) out = promote_types(out, numbers_);
  return out;
}

void Promotion::add(const Operand& x) {
  if (x.is_number()) {
    numbers_ = promote_types(numbers_, number_type(std::get<Scalar>(x.v)));
  } else {
    add(std::get<Value>(x.v));
  }
}

void Promotion::add(Value x) {
  DType& slot = Builder::rank(x) == 0 ? zero_dims_ : dims_;
  slot = promote_types(slot, x->dtype);
}

DType Builder::promote(const Values& xs) const {
  Promotion promotion;
  for (Value x : xs) promotion.add(x);
  return promotion.result();
}

std::pair<Value, Value> Builder::promoted(Value a, Value b) {
  const DType t = promote({a, b});
  return {cast(a, t), cast(b, t)};
}

}  // namespace onnxport::lower
