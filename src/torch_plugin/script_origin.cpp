// Numbers that follow from sizes by way of floats: `int(floor(h * scale))`, `ceil(w / 32) * 32`.
//
// Where the floats are quotients of sizes and the arithmetic on them loses nothing, a rounded one
// has a formula. Where it has none (a scale that is itself a quotient of sizes, rounded to
// float32), the file computes the number again, by the very steps of the code: the number remembers
// what it was made of, and becomes a size of its own that a node gives.
#include <fmt/format.h>

#include <cmath>

#include "torch_plugin/script_reader.h"

namespace onnxport::torch_plugin::script {
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

std::optional<Ratio> Reader::ratio_of_number(const Ref& cell) {
  if (cell->is_int()) {
    auto expr = expr_of(cell);
    if (!expr) return std::nullopt;
    return Ratio{*expr, 1};
  }
  if (!cell->is_number() || cell->is_bool()) return std::nullopt;
  if (cell->ratio) return cell->ratio;
  if (cell->data || !same_everywhere(*cell)) return std::nullopt;
  return ratio_of(cell->at[0].toDouble());
}

// What is known of a number that an operator on numbers made: a formula if there is one, and what
// it was made of, from which it can be computed again.
void Reader::explain(Call& call, const Ref& out) {
  if (!out->is_number() || out->data || same_everywhere(*out) || (out->is_int() && out->expr)) {
    return;
  }
  std::vector<Ratio> in;
  for (const Ref& cell : call.in) {
    auto ratio = ratio_of_number(cell);
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
  out->made_by = call.name;
  out->made_of = call.in;
  if (out->is_int() && !expr_of(out)) name_size(call, out);
}

// The number, computed in the file: a tensor without dimensions. Python's floats are doubles.
Ref Reader::compute_again(Call& call, const Ref& cell) {
  const bool floats = !cell->is_int() && !cell->is_bool();
  const Twin* twin = is_cast(cell->made_by) ? nullptr : twin_of(cell->made_by);
  if (cell->made_of.empty() || (twin == nullptr && !is_cast(cell->made_by))) {
    throw FixedSize("a number that depends on a dynamic size goes into the call");
  }
  std::vector<Ref> in;
  for (const Ref& number : cell->made_of) {
    Ref x = as_tensor(call, number, at::kDouble);
    // What gives a float is done in floats: 3 / 2 of integers too.
    if (floats && twin != nullptr) x = to_type(call, x, at::kDouble);
    in.push_back(std::move(x));
  }
  Ref out = in[0];
  if (twin != nullptr) {
    std::vector<std::pair<std::string, Ref>> args = {{twin->first, in[0]}};
    if (in.size() > 1) args.emplace_back(twin->second, in[1]);
    out = record(call, twin->op, twin->overload, args)[0];
  }
  return to_type(call, out, cell->is_bool() ? at::kBool : cell->is_int() ? at::kLong : at::kDouble);
}

// An int that differs from world to world and has no formula: a size of its own, that the file
// computes. Its values in the worlds are the true ones, so the code is followed as for any size.
void Reader::name_size(Call& call, const Ref& cell) {
  std::vector<int64_t> at;
  for (const c10::IValue& v : cell->at) at.push_back(v.toInt());
  try {
    const Ref tensor = as_tensor(call, cell);
    cell->expr = fresh_symbol(at, "s");
    take_item(call, tensor, cell);
  } catch (const FixedSize&) {
    cell->expr.reset();  // whoever needs it says so
  }
}

// Records that `number` is what `tensor` holds.
void Reader::take_item(Call& call, const Ref& tensor, const Ref& number) {
  aten::Value value;
  value.kind = aten::Value::Kind::kScalar;
  value.dtype = number->is_bool() ? DType::kBool : number->is_int() ? DType::kInt64 : DType::kFloat;
  if (number->is_int() && number->expr && number->expr->is_symbol()) value.scalar = number->expr;
  aten::Node node;
  node.op = "aten::item";
  node.args.push_back({"self", value_id(tensor)});
  set_place(node, call);
  number->id = new_value(std::move(value), "item");
  node.outputs.push_back(number->id);
  nodes_->push_back(std::move(node));
}

}  // namespace onnxport::torch_plugin::script
