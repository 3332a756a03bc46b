#include "torchscript/provenance.h"

#include <cmath>

#include "torchscript/arithmetic.h"
#include "torchscript/evaluator.h"
#include "torchscript/numbers.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

constexpr int64_t kLargestBottom = int64_t{1} << 20;

bool is_power_of_two(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

// A quotient by a power of two is a float without rounding, and so is what is made of such by
// + - *.
bool is_exact(const Ratio& r) { return is_power_of_two(r.bottom); }

std::optional<Ratio> reduced(Expr top, int64_t bottom) {
  if (bottom < 0) {
    top = -top;
    bottom = -bottom;
  }
  if (bottom == 0) return std::nullopt;
  for (int64_t common : {int64_t{2}, int64_t{3}, int64_t{5}, int64_t{7}}) {
    while (bottom % common == 0) {
      auto smaller = exact_div(top, Expr(common));
      if (!smaller) break;
      top = *smaller;
      bottom /= common;
    }
  }
  if (auto whole = exact_div(top, Expr(bottom))) return Ratio{*whole, 1};
  if (bottom > kLargestBottom) return std::nullopt;
  return Ratio{std::move(top), bottom};
}

// A float that is a whole number of 2^-16.
std::optional<Ratio> exact_ratio(double v) {
  constexpr double kLargest = 1LL << 40;
  if (!std::isfinite(v)) return std::nullopt;
  for (int64_t bottom = 1; bottom <= 1 << 16; bottom *= 2) {
    const double top = v * static_cast<double>(bottom);
    if (std::abs(top) > kLargest) return std::nullopt;
    if (top == std::trunc(top)) return Ratio{Expr(static_cast<int64_t>(top)), bottom};
  }
  return std::nullopt;
}

std::optional<Ratio> divided(const Ratio& a, const Ratio& b) {
  if (!is_exact(a)) return std::nullopt;
  if (b.top.is_const()) {
    if (b.top.is_const(0)) return std::nullopt;
    return reduced(a.top * Expr(b.bottom), a.bottom * b.top.value());
  }
  // Rounded only where it does not come out even.
  auto whole = exact_div(a.top * Expr(b.bottom), b.top * Expr(a.bottom));
  if (!whole) return std::nullopt;
  return Ratio{*whole, 1};
}

std::optional<Ratio> combined(std::string_view op, const std::vector<Ratio>& in) {
  const Ratio& a = in[0];
  if (in.size() == 1) {
    if (op == "aten::neg") return Ratio{-a.top, a.bottom};
    if (op == "aten::Float" || op == "aten::FloatImplicit") return a;
    return std::nullopt;
  }
  if (in.size() != 2) return std::nullopt;
  const Ratio& b = in[1];
  if (op == "aten::div") return divided(a, b);
  if (!is_exact(a) || !is_exact(b)) return std::nullopt;
  if (op == "aten::mul") return reduced(a.top * b.top, a.bottom * b.bottom);
  const Expr left = a.top * Expr(b.bottom);
  const Expr right = b.top * Expr(a.bottom);
  const int64_t bottom = a.bottom * b.bottom;
  if (op == "aten::add") return reduced(left + right, bottom);
  if (op == "aten::sub") return reduced(left - right, bottom);
  if (op == "prim::min") return reduced(min(left, right), bottom);
  if (op == "prim::max") return reduced(max(left, right), bottom);
  return std::nullopt;
}

// The floor of a rounded quotient of integers is that of the exact one, as long as doubles hold
// them.
std::optional<Expr> rounded(std::string_view op, const Ratio& r) {
  if (op == "aten::ceil") return ceildiv(r.top, Expr(r.bottom));
  if (op == "aten::floor" || op == "aten::Int" || op == "aten::int") {
    return floordiv(r.top, Expr(r.bottom));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Ratio> Provenance::ratio_of(const Ref& value) {
  if (value->is_int()) {
    auto expr = expr_of(e_, value);
    return expr ? std::optional<Ratio>(Ratio{*expr, 1}) : std::nullopt;
  }
  if (!value->is_number() || value->is_bool()) return std::nullopt;
  const Number& number = value->number();
  if (number.origin && number.origin->ratio) return number.origin->ratio;
  if (number.data || !same_everywhere(*value)) return std::nullopt;
  return exact_ratio(number.at[0].toDouble());
}

void Provenance::record_origin(Call& call, const Ref& out) {
  if (!out->is_size() || (out->is_int() && out->number().expr)) return;
  Number& number = out->number();
  std::vector<Ratio> in;
  for (const Ref& value : call.in) {
    auto ratio = ratio_of(value);
    if (!ratio) break;
    in.push_back(*ratio);
  }
  Origin origin{call.name, call.in, std::nullopt};
  const bool all = !in.empty() && in.size() == call.in.size();
  if (all && out->is_int() && in.size() == 1) {
    auto formula = rounded(call.name, in[0]);
    if (formula && e_.sizes().holds(*formula, ints_of(number))) number.expr = formula;
  } else if (all && number.at[0].isDouble()) {
    origin.ratio = combined(call.name, in);
  }
  number.origin = std::make_shared<const Origin>(std::move(origin));
  if (out->is_int() && !expr_of(e_, out)) name_size(call, out);
}

Ref Provenance::recompute(Call& call, const Ref& number) {
  const Origin* origin = number->number().origin.get();
  const TensorOp* tensor_op =
      origin == nullptr || is_cast(origin->op) ? nullptr : tensor_op_of(origin->op);
  if (origin == nullptr || origin->operands.empty() ||
      (tensor_op == nullptr && !is_cast(origin->op))) {
    throw FixedSize("a number that depends on a dynamic size goes into the call");
  }
  const bool floats = !number->is_int() && !number->is_bool();
  std::vector<Ref> in;
  for (const Ref& operand : origin->operands) {
    Ref x = as_tensor(e_, call, operand, at::kDouble);
    // What gives a float is done in floats: 3 / 2 of integers too.
    if (floats && tensor_op != nullptr) x = to_type(e_, call, x, at::kDouble);
    in.push_back(std::move(x));
  }
  Ref out = in[0];
  if (tensor_op != nullptr) {
    Arguments args = {{tensor_op->first, in[0]}};
    if (in.size() > 1) args.emplace_back(tensor_op->second, in[1]);
    out = record(e_, call, tensor_op->op, tensor_op->overload, args);
  }
  return to_type(e_, call, out,
                 number->is_bool()  ? at::kBool
                 : number->is_int() ? at::kLong
                                    : at::kDouble);
}

void Provenance::name_size(Call& call, const Ref& number) {
  const Ints at = ints_of(number->number());
  try {
    const Ref tensor = as_tensor(e_, call, number);
    number->number().expr = e_.sizes().new_size(at);
    record_item(e_, call, tensor, number);
  } catch (const FixedSize&) {
    number->number().expr.reset();  // whoever needs it says so
  }
}

}  // namespace onnxport::torchscript
