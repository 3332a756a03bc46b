#include "onnx/ops/infer_context.h"

#include <algorithm>

#include "base/broadcast.h"

namespace onnxport::onnx::ops {
namespace {

// Whether the sum of the terms' lower bounds is at least 0.
bool nonnegative(const Expr& e, int depth) {
  if (e.is_const()) return e.value() >= 0;
  if (depth == 0) return false;
  int64_t low = 0;
  for (const Expr::Term& term : e.terms()) {
    if (term.factors.empty()) {
      low += term.coefficient;
      continue;
    }
    if (term.coefficient < 0) {
      // a // k <= a / k, so k * e >= k * (e without it) - c * a; and e, whole, is >= 0 once k * e
      // is above -k.
      if (term.factors.size() != 1 || term.factors[0].op != Expr::Op::kFloorDiv) return false;
      const Expr& a = term.factors[0].args[0];
      const Expr& k = term.factors[0].args[1];
      if (!k.is_const() || k.value() < 1) return false;
      const Expr c(-term.coefficient);
      return nonnegative(k * (e + c * floordiv(a, k)) - c * a + k - Expr(1), depth - 1);
    }
    bool all_positive = true;  // every factor is at least 1
    for (const Expr::Factor& factor : term.factors) {
      if (factor.op == Expr::Op::kSymbol) {
        if (is_unknown_dim(Expr::symbol(factor.symbol))) all_positive = false;
      } else {
        for (const Expr& arg : factor.args) {
          if (!nonnegative(arg, depth - 1)) return false;
        }
        all_positive = false;
      }
    }
    if (all_positive) low += term.coefficient;
  }
  return low >= 0;
}

// Broadcasts the inputs; null when a shape is unknown.
Result<std::optional<Shape>> broadcast_inputs(Context& c) {
  std::optional<Shape> all;
  for (size_t i = 0; i < c.node.inputs.size(); ++i) {
    if (!c.has(i)) continue;
    const Shape* s = c.shape(i);
    if (s == nullptr) return std::optional<Shape>();
    if (!all) {
      all = *s;
      continue;
    }
    std::optional<Shape> both = broadcast(*all, *s);
    if (!both) {
      return c.wrong("shapes " + to_string(*all) + " and " + to_string(*s) + " do not broadcast")
          .error();
    }
    all = std::move(both);
  }
  return all;
}

}  // namespace

bool proves_le(const Expr& a, const Expr& b) { return nonnegative(b - a, 5); }

const Shape* Context::shape(size_t i) const {
  return has(i) && in(i)->shape ? &*in(i)->shape : nullptr;
}

std::optional<int64_t> Context::rank(size_t i) const {
  const Shape* s = shape(i);
  if (s == nullptr) return std::nullopt;
  return static_cast<int64_t>(s->size());
}

void Context::out(size_t i, DType dtype) {
  Value* v = node.output(i);
  if (v != nullptr && dtype != DType::kUndefined) v->dtype = dtype;
}

// A size that was known before stays where the rule knows nothing. What follows from the inputs
// counts for more than what a file states: see simplify/declared_types.h.
void Context::out(size_t i, DType dtype, Shape shape) {
  out(i, dtype);
  Value* v = node.output(i);
  if (v == nullptr) return;
  for (Expr& size : shape) {
    if (size.is_const() && size.value() < 0) size = unknown_size();  // the operator will refuse it
  }
  if (v->shape && v->shape->size() == shape.size()) {
    for (size_t d = 0; d < shape.size(); ++d) {
      if (is_unknown(shape[d])) shape[d] = (*v->shape)[d];
    }
  }
  v->shape = std::move(shape);
}

void Context::out(size_t i, DType dtype, const Shape* shape) {
  if (shape != nullptr) {
    out(i, dtype, Shape(*shape));
  } else {
    out(i, dtype);
  }
}

void Context::out_ints(size_t i, Ints ints) {
  Value* v = node.output(i);
  if (v != nullptr && ints.size() <= kMaxKnownInts) v->ints = std::move(ints);
}

Status Context::wrong(std::string what) const {
  return Error{node.op_type + ": " + std::move(what), "node " + node.name};
}

Shape unknown_shape(size_t rank) {
  Shape s;
  for (size_t i = 0; i < rank; ++i) s.push_back(unknown_size());
  return s;
}

std::optional<Shape> Context::shape_of_length(size_t i) const {
  const Shape* s = shape(i);
  if (s == nullptr || s->size() != 1 || !(*s)[0].is_const()) return std::nullopt;
  const int64_t rank = (*s)[0].value();
  if (rank < 0 || rank > 64) return std::nullopt;
  return unknown_shape(static_cast<size_t>(rank));
}

std::optional<Expr> broadcast_size(const Expr& a, const Expr& b) {
  if (a == b || b.is_const(1)) return a;
  if (a.is_const(1)) return b;
  if (a.is_const() && b.is_const()) return std::nullopt;
  if (a.is_const()) return a;
  if (b.is_const()) return b;
  return unknown_size();
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  return broadcast_with(a, b, broadcast_size);
}

// --- rules that many operators share -------------------------------------------------------------

Status infer_same(Context& c) {
  c.out(0, c.dtype(0), c.shape(0));
  return {};
}

Status infer_broadcast_to(Context& c, DType dtype) {
  TRY_ASSIGN(std::optional<Shape> all, broadcast_inputs(c));
  c.out(0, dtype, all ? &*all : nullptr);
  return {};
}

Status infer_broadcast(Context& c) {
  DType dtype = c.dtype(0);
  if (dtype == DType::kUndefined && !c.node.is("Pow")) dtype = c.dtype(1);
  return infer_broadcast_to(c, dtype);
}

Status infer_comparison(Context& c) { return infer_broadcast_to(c, DType::kBool); }

std::optional<Ints> ints_same(Context& c) { return c.ints(0); }

std::optional<Expr> combine(std::string_view op, const Expr& a, const Expr& b) {
  if (op == "Add") return a + b;
  if (op == "Sub") return a - b;
  if (op == "Mul") return a * b;
  if (op == "Max") return max(a, b);
  if (op == "Min") return min(a, b);
  // ONNX's Div truncates, Mod (fmod=0) has the sign of the divisor; both are Python's where nothing
  // is negative.
  if (b.is_const(0) || !proves_le(0, a) || !proves_le(1, b)) return std::nullopt;
  if (op == "Div") return floordiv(a, b);
  if (op == "Mod") return mod(a, b);
  return std::nullopt;
}

}  // namespace onnxport::onnx::ops
