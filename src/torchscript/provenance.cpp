// Numbers that follow from sizes by way of floats: `int(floor(h * scale))`, `ceil(w / 32) * 32`.
//
// Where the floats are quotients of sizes and the arithmetic on them loses nothing, a rounded one
// has a formula. Where it has none (a scale that is itself a quotient of sizes, rounded to
// float32), the file computes the number again, by the very steps of the code: the number remembers
// what it was made of, and becomes a size of its own that a node gives.
#include <fmt/format.h>

#include <cmath>

#include "torchscript/evaluator.h"

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
std::optional<Ratio> ratio_of(double v) {
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

bool is_cast(std::string_view op) {
  return op == "aten::Int" || op == "aten::Float" || op == "aten::Bool" ||
         op == "aten::FloatImplicit" || op == "aten::IntImplicit" || op == "aten::ScalarImplicit";
}

}  // namespace

std::optional<Ratio> Evaluator::ratio_of_number(const Ref& value) {
  if (value->is_int()) {
    auto expr = expr_of(value);
    if (!expr) return std::nullopt;
    return Ratio{*expr, 1};
  }
  if (!value->is_number() || value->is_bool()) return std::nullopt;
  if (value->ratio) return value->ratio;
  if (value->data || !same_everywhere(*value)) return std::nullopt;
  return ratio_of(value->at[0].toDouble());
}

// What is known of a number that an operator on numbers made: a formula if there is one, and what
// it was made of, from which it can be computed again.
void Evaluator::record_origin(Call& call, const Ref& out) {
  if (!out->is_number() || out->data || same_everywhere(*out) || (out->is_int() && out->expr)) {
    return;
  }
  std::vector<Ratio> in;
  for (const Ref& value : call.in) {
    auto ratio = ratio_of_number(value);
    if (!ratio) break;
    in.push_back(*ratio);
  }
  const bool all = !in.empty() && in.size() == call.in.size();
  if (all && out->is_int() && in.size() == 1) {
    std::vector<int64_t> at;
    for (const c10::IValue& v : out->at) at.push_back(v.toInt());
    if (auto formula = rounded(call.name, in[0]); formula && holds(*formula, at)) {
      out->expr = formula;
    }
  } else if (all && out->at[0].isDouble()) {
    out->ratio = combined(call.name, in);
  }
  out->op = call.name;
  out->operands = call.in;
  if (out->is_int() && !expr_of(out)) name_size(call, out);
}

// The number, computed in the file: a tensor without dimensions. Python's floats are doubles.
Ref Evaluator::recompute(Call& call, const Ref& value) {
  const bool floats = !value->is_int() && !value->is_bool();
  const TensorOp* tensor_op = is_cast(value->op) ? nullptr : tensor_op_of(value->op);
  if (value->operands.empty() || (tensor_op == nullptr && !is_cast(value->op))) {
    throw FixedSize("a number that depends on a dynamic size goes into the call");
  }
  std::vector<Ref> in;
  for (const Ref& number : value->operands) {
    Ref x = as_tensor(call, number, at::kDouble);
    // What gives a float is done in floats: 3 / 2 of integers too.
    if (floats && tensor_op != nullptr) x = to_type(call, x, at::kDouble);
    in.push_back(std::move(x));
  }
  Ref out = in[0];
  if (tensor_op != nullptr) {
    std::vector<std::pair<std::string, Ref>> args = {{tensor_op->first, in[0]}};
    if (in.size() > 1) args.emplace_back(tensor_op->second, in[1]);
    out = record(call, tensor_op->op, tensor_op->overload, args)[0];
  }
  return to_type(call, out,
                 value->is_bool()  ? at::kBool
                 : value->is_int() ? at::kLong
                                   : at::kDouble);
}

// An int that differs from sample to sample and has no formula: a size of its own, that the file
// computes. Its values in the samples are the true ones, so the code is followed as for any size.
void Evaluator::name_size(Call& call, const Ref& value) {
  std::vector<int64_t> at;
  for (const c10::IValue& v : value->at) at.push_back(v.toInt());
  try {
    const Ref tensor = as_tensor(call, value);
    value->expr = fresh_symbol(at, "s");
    record_item(call, tensor, value);
  } catch (const FixedSize&) {
    value->expr.reset();  // whoever needs it says so
  }
}

// Records that `number` is what `tensor` holds.
void Evaluator::record_item(Call& call, const Ref& tensor, const Ref& number) {
  aten::Value value;
  value.kind = aten::Value::Kind::kScalar;
  value.dtype = number->is_bool() ? DType::kBool : number->is_int() ? DType::kInt64 : DType::kFloat;
  if (number->is_int() && number->expr && number->expr->is_symbol()) value.scalar = number->expr;
  aten::Node node;
  node.op = "aten::item";
  node.args.push_back({"self", value_id(tensor)});
  set_location(node, call);
  number->id = new_value(std::move(value), "item");
  node.outputs.push_back(number->id);
  nodes_->push_back(std::move(node));
}

}  // namespace onnxport::torchscript
