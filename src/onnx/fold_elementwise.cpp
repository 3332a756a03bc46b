// Elementwise operators, one rounding per operation in the element type (half types in float32,
// then rounded). Integer arithmetic wraps as two's complement, as ONNX Runtime's does.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "onnx/fold_rule.h"

namespace onnxport::onnx::folding {
namespace {

template <typename T>
constexpr DType kDTypeOf = DType::kUndefined;
template <>
constexpr DType kDTypeOf<float> = DType::kFloat;
template <>
constexpr DType kDTypeOf<double> = DType::kDouble;
template <>
constexpr DType kDTypeOf<int64_t> = DType::kInt64;
template <>
constexpr DType kDTypeOf<int32_t> = DType::kInt32;
template <>
constexpr DType kDTypeOf<int16_t> = DType::kInt16;
template <>
constexpr DType kDTypeOf<int8_t> = DType::kInt8;
template <>
constexpr DType kDTypeOf<uint8_t> = DType::kUint8;
template <>
constexpr DType kDTypeOf<uint64_t> = DType::kUint64;
template <>
constexpr DType kDTypeOf<uint32_t> = DType::kUint32;
template <>
constexpr DType kDTypeOf<uint16_t> = DType::kUint16;

bool is_half(DType t) { return t == DType::kFloat16 || t == DType::kBFloat16; }

// Calls f(T{}) for the element type's C++ type; bools are uint8_t. Half types are not dispatched.
template <typename F>
Tensors with_type(DType dtype, F f) {
  switch (dtype) {
    case DType::kFloat:
      return f(float{});
    case DType::kDouble:
      return f(double{});
    case DType::kInt64:
      return f(int64_t{});
    case DType::kInt32:
      return f(int32_t{});
    case DType::kInt16:
      return f(int16_t{});
    case DType::kInt8:
      return f(int8_t{});
    case DType::kUint8:
    case DType::kBool:
      return f(uint8_t{});
    case DType::kUint64:
      return f(uint64_t{});
    case DType::kUint32:
      return f(uint32_t{});
    case DType::kUint16:
      return f(uint16_t{});
    default:
      return std::nullopt;
  }
}

// f over broadcast operands; the result has R elements of type `out_dtype`.
template <typename T, typename R, typename F>
Tensors zip(const Call& call, const Tensor& a, const Tensor& b, DType out_dtype, F f) {
  const auto dims = broadcast(a.dims, b.dims);
  if (!dims || count(*dims) > call.max_elements) return std::nullopt;
  const std::vector<T> x = a.values<T>();
  const std::vector<T> y = b.values<T>();
  const std::vector<int64_t> ia = broadcast_index(*dims, a.dims);
  const std::vector<int64_t> ib = broadcast_index(*dims, b.dims);
  std::vector<R> out(ia.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = f(x[static_cast<size_t>(ia[i])], y[static_cast<size_t>(ib[i])]);
  }
  return one(Tensor::of(out_dtype, *dims, out));
}

// Half tensors go through float32; the result is rounded back when it has their type.
template <typename F>
Tensors binary_of(const Call& call, const Tensor& a, const Tensor& b, F with) {
  if (a.dtype != b.dtype) return std::nullopt;
  if (is_half(a.dtype)) {
    Tensors wide = binary_of(call, a.cast(DType::kFloat), b.cast(DType::kFloat), with);
    if (wide && (*wide)[0].dtype == DType::kFloat) (*wide)[0] = (*wide)[0].cast(a.dtype);
    return wide;
  }
  return with_type(a.dtype, [&](auto t) { return with(call, a, b, t); });
}

struct AddOf {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    else
      return a + b;
  }
};
struct SubOf {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
    else
      return a - b;
  }
};
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

template <typename Op>
Tensors arithmetic(const Call& call) {
  if (call.inputs() != 2) return std::nullopt;
  return binary_of(call, *call.in(0), *call.in(1),
                   [](const Call& c, const Tensor& a, const Tensor& b, auto t) -> Tensors {
                     using T = decltype(t);
                     if (a.dtype == DType::kBool) return std::nullopt;
                     return zip<T, T>(c, a, b, a.dtype,
                                      [](T x, T y) { return Op::template apply<T>(x, y); });
                   });
}

// Max and Min take any number of inputs.
template <typename Op>
Tensors extremum(const Call& call) {
  if (call.inputs() == 0) return std::nullopt;
  Tensor so_far = *call.in(0);
  for (size_t i = 1; i < call.inputs(); ++i) {
    Tensors next = binary_of(
        call, so_far, *call.in(i),
        [](const Call& c, const Tensor& a, const Tensor& b, auto t) -> Tensors {
          using T = decltype(t);
          return zip<T, T>(c, a, b, a.dtype, [](T x, T y) { return Op::template apply<T>(x, y); });
        });
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

Tensors divide(const Call& call) {
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
Tensors modulo(const Call& call) {
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
Tensors power(const Call& call) {
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

template <template <typename> class Compare>
Tensors comparison(const Call& call) {
  return binary_of(call, *call.in(0), *call.in(1),
                   [](const Call& c, const Tensor& a, const Tensor& b, auto t) -> Tensors {
                     using T = decltype(t);
                     return zip<T, uint8_t>(c, a, b, DType::kBool, [](T x, T y) {
                       return static_cast<uint8_t>(Compare<T>()(x, y));
                     });
                   });
}

template <typename F>
Tensors logical(const Call& call, F f) {
  if (call.in(0)->dtype != DType::kBool || call.in(1)->dtype != DType::kBool) return std::nullopt;
  return zip<uint8_t, uint8_t>(call, *call.in(0), *call.in(1), DType::kBool, f);
}

template <typename T, typename F>
Tensors map(const Tensor& x, F f) {
  std::vector<T> values = x.values<T>();
  for (T& v : values) v = f(v);
  return one(Tensor::of(x.dtype, x.dims, values));
}

// f on floats, in the element's own precision.
template <typename F>
Tensors on_floats(const Call& call, F f) {
  const Tensor& x = *call.in(0);
  if (x.numel() > call.max_elements) return std::nullopt;
  if (x.dtype == DType::kFloat) return map<float>(x, f);
  if (x.dtype == DType::kDouble) return map<double>(x, f);
  if (!is_half(x.dtype)) return std::nullopt;
  Tensors wide = map<float>(x.cast(DType::kFloat), f);
  return one((*wide)[0].cast(x.dtype));
}

// f on floats and signed integers.
template <typename F>
Tensors on_signed(const Call& call, F f) {
  const Tensor& x = *call.in(0);
  if (x.numel() > call.max_elements) return std::nullopt;
  if (x.dtype == DType::kInt64) return map<int64_t>(x, f);
  if (x.dtype == DType::kInt32) return map<int32_t>(x, f);
  return on_floats(call, f);
}

// Half to even, which is what ONNX's Round asks for (and the default rounding mode gives).
struct RoundEven {
  template <typename T>
  T operator()(T x) const {
    return std::nearbyint(x);
  }
};

Tensors where(const Call& call) {
  const Tensor& condition = *call.in(0);
  const Tensor& a = *call.in(1);
  const Tensor& b = *call.in(2);
  if (condition.dtype != DType::kBool || a.dtype != b.dtype || byte_size(a.dtype) == 0)
    return std::nullopt;
  const auto ab = broadcast(a.dims, b.dims);
  const auto dims = ab ? broadcast(*ab, condition.dims) : std::nullopt;
  if (!dims || count(*dims) > call.max_elements) return std::nullopt;
  const size_t size = byte_size(a.dtype);
  const std::vector<uint8_t> c = condition.values<uint8_t>();
  const std::vector<std::byte> x = a.bytes();
  const std::vector<std::byte> y = b.bytes();
  const auto ic = broadcast_index(*dims, condition.dims);
  const auto ia = broadcast_index(*dims, a.dims);
  const auto ib = broadcast_index(*dims, b.dims);
  std::vector<std::byte> out(ic.size() * size);
  for (size_t i = 0; i < ic.size(); ++i) {
    const bool take_a = c[static_cast<size_t>(ic[i])] != 0;
    const std::byte* from = take_a ? x.data() + static_cast<size_t>(ia[i]) * size
                                   : y.data() + static_cast<size_t>(ib[i]) * size;
    std::copy(from, from + size, out.data() + i * size);
  }
  return one(Tensor::owned(a.dtype, *dims, std::move(out)));
}

Tensors not_of(const Call& call) {
  if (call.in(0)->dtype != DType::kBool || call.in(0)->numel() > call.max_elements)
    return std::nullopt;
  return map<uint8_t>(*call.in(0), [](uint8_t x) { return static_cast<uint8_t>(x == 0); });
}

Tensors cast(const Call& call) {
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

}  // namespace

void add_elementwise(Table& t) {
  t["Add"] = arithmetic<AddOf>;
  t["Sub"] = arithmetic<SubOf>;
  t["Mul"] = arithmetic<MulOf>;
  t["Div"] = divide;
  t["Mod"] = modulo;
  t["Pow"] = power;
  t["Max"] = extremum<MaxOf>;
  t["Min"] = extremum<MinOf>;
  t["Equal"] = comparison<std::equal_to>;
  t["Less"] = comparison<std::less>;
  t["Greater"] = comparison<std::greater>;
  t["LessOrEqual"] = comparison<std::less_equal>;
  t["GreaterOrEqual"] = comparison<std::greater_equal>;
  t["And"] = [](const Call& c) {
    return logical(c, [](uint8_t a, uint8_t b) -> uint8_t { return a && b; });
  };
  t["Or"] = [](const Call& c) {
    return logical(c, [](uint8_t a, uint8_t b) -> uint8_t { return a || b; });
  };
  t["Xor"] = [](const Call& c) {
    return logical(c, [](uint8_t a, uint8_t b) -> uint8_t { return (a != 0) != (b != 0); });
  };
  t["Not"] = not_of;
  t["Where"] = where;
  t["Cast"] = cast;
  t["Neg"] = [](const Call& c) {
    return on_signed(c, [](auto x) { return SubOf::apply(decltype(x){0}, x); });
  };
  t["Abs"] = [](const Call& c) {
    return on_signed(c, [](auto x) {
      return x < 0 ? SubOf::apply(decltype(x){0}, x) : x == 0 ? decltype(x){0} : x;
    });
  };
  t["Sign"] = [](const Call& c) {
    return on_signed(c, [](auto x) {
      return x > 0 ? decltype(x){1} : x < 0 ? static_cast<decltype(x)>(-1) : x;
    });
  };
  t["Sqrt"] = [](const Call& c) { return on_floats(c, [](auto x) { return std::sqrt(x); }); };
  t["Exp"] = [](const Call& c) { return on_floats(c, [](auto x) { return std::exp(x); }); };
  t["Log"] = [](const Call& c) { return on_floats(c, [](auto x) { return std::log(x); }); };
  t["Sin"] = [](const Call& c) { return on_floats(c, [](auto x) { return std::sin(x); }); };
  t["Cos"] = [](const Call& c) { return on_floats(c, [](auto x) { return std::cos(x); }); };
  t["Tanh"] = [](const Call& c) { return on_floats(c, [](auto x) { return std::tanh(x); }); };
  t["Reciprocal"] = [](const Call& c) {
    return on_floats(c, [](auto x) { return decltype(x){1} / x; });
  };
  t["Floor"] = [](const Call& c) { return on_floats(c, [](auto x) { return std::floor(x); }); };
  t["Ceil"] = [](const Call& c) { return on_floats(c, [](auto x) { return std::ceil(x); }); };
  t["Round"] = [](const Call& c) { return on_floats(c, RoundEven()); };
}

}  // namespace onnxport::onnx::folding
