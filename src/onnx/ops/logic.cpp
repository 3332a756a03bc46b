// Comparisons, booleans and Where.
#include <algorithm>
#include <functional>

#include "onnx/ops/fold_elements.h"
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

template <template <typename> class Compare>
Tensors fold_comparison(const Call& call) {
  return binary_of(call, *call.in(0), *call.in(1),
                   [](const Call& c, const Tensor& a, const Tensor& b, auto t) -> Tensors {
                     using T = decltype(t);
                     return zip<T, uint8_t>(c, a, b, DType::kBool, [](T x, T y) {
                       return static_cast<uint8_t>(Compare<T>()(x, y));
                     });
                   });
}

// Equal of a size with a number: only what the normal form can prove either way.
std::optional<Ints> ints_equal(Context& c) {
  auto a = c.ints(0), b = c.ints(1);
  if (!a || !b) return std::nullopt;
  return zip_ints(*a, *b, [](const Expr& x, const Expr& y) -> std::optional<Expr> {
    if (x == y) return Expr(1);
    const bool differ =
        (x.is_const() && y.is_const()) || proves_le(x + Expr(1), y) || proves_le(y + Expr(1), x);
    return differ ? std::optional(Expr(0)) : std::nullopt;
  });
}
OP("Equal", {.infer = infer_comparison,
             .ints = ints_equal,
             .fold = fold_comparison<std::equal_to>,
             .traits = kBroadcasts | kCommutative});

OP("Less", {.infer = infer_comparison, .fold = fold_comparison<std::less>, .traits = kBroadcasts});

OP("Greater",
   {.infer = infer_comparison, .fold = fold_comparison<std::greater>, .traits = kBroadcasts});

OP("LessOrEqual",
   {.infer = infer_comparison, .fold = fold_comparison<std::less_equal>, .traits = kBroadcasts});

OP("GreaterOrEqual",
   {.infer = infer_comparison, .fold = fold_comparison<std::greater_equal>, .traits = kBroadcasts});

template <typename F>
Tensors fold_logical(const Call& call, F f) {
  if (call.in(0)->dtype != DType::kBool || call.in(1)->dtype != DType::kBool) return std::nullopt;
  return zip<uint8_t, uint8_t>(call, *call.in(0), *call.in(1), DType::kBool, f);
}

Tensors fold_and(const Call& call) {
  return fold_logical(call, [](uint8_t a, uint8_t b) -> uint8_t { return a && b; });
}
Tensors fold_or(const Call& call) {
  return fold_logical(call, [](uint8_t a, uint8_t b) -> uint8_t { return a || b; });
}
Tensors fold_xor(const Call& call) {
  return fold_logical(call, [](uint8_t a, uint8_t b) -> uint8_t { return (a != 0) != (b != 0); });
}
OP("And", {.infer = infer_comparison, .fold = fold_and, .traits = kBroadcasts | kCommutative});
OP("Or", {.infer = infer_comparison, .fold = fold_or, .traits = kBroadcasts | kCommutative});
OP("Xor", {.infer = infer_comparison, .fold = fold_xor, .traits = kBroadcasts | kCommutative});

Tensors fold_not(const Call& call) {
  if (call.in(0)->dtype != DType::kBool || call.in(0)->numel() > call.max_elements)
    return std::nullopt;
  return map<uint8_t>(*call.in(0), [](uint8_t x) { return static_cast<uint8_t>(x == 0); });
}
OP("Not", {.infer = infer_same, .fold = fold_not, .traits = kUnary | kBuiltOnce});

Status infer_where(Context& c) {
  return infer_broadcast_to(c, c.dtype(1) != DType::kUndefined ? c.dtype(1) : c.dtype(2));
}

std::optional<Ints> ints_where(Context& c) {
  auto condition = c.const_ints(0);
  auto a = c.ints(1), b = c.ints(2);
  if (!condition || !a || !b) return std::nullopt;
  const size_t n = std::max({condition->size(), a->size(), b->size()});
  auto at = [n](const auto& list, size_t k) { return list[list.size() == n ? k : 0]; };
  for (size_t size : {condition->size(), a->size(), b->size()}) {
    if (size != n && size != 1) return std::nullopt;
  }
  Ints out;
  for (size_t k = 0; k < n; ++k) out.push_back(at(*condition, k) != 0 ? at(*a, k) : at(*b, k));
  return out;
}

Tensors fold_where(const Call& call) {
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
OP("Where", {.infer = infer_where, .ints = ints_where, .fold = fold_where, .traits = kBroadcasts});

Status infer_test(Context& c) {
  c.out(0, DType::kBool, c.shape(0));
  return {};
}
OP({"IsInf", "IsNaN"}, {.infer = infer_test, .traits = kUnary});

}  // namespace
}  // namespace onnxport::onnx::ops
