// What one operator's inference rule sees: it reads inputs and attributes and states what it knows
// of the outputs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "onnx/axis.h"
#include "onnx/known_ints.h"
#include "onnx/ops/op_def.h"

namespace onnxport::onnx::ops {

inline Expr unknown_size() { return unknown_dim(); }
inline bool is_unknown(const Expr& size) { return is_unknown_dim(size); }
Shape unknown_shape(size_t rank);

inline bool wide_integer(DType t) { return t == DType::kInt64 || t == DType::kInt32; }

// Whether a <= b can be shown, sizes being at least 1 (unknown ones at least 0).
bool proves_le(const Expr& a, const Expr& b);

class Context {
 public:
  Context(Node& node, int64_t opset) : node(node), opset(opset) {}
  Node& node;
  const int64_t opset;

  // --- inputs: null when left out or unknown ---------------------------------------------------
  const Value* in(size_t i) const { return node.input(i); }
  bool has(size_t i) const { return in(i) != nullptr; }
  const Shape* shape(size_t i) const;
  std::optional<int64_t> rank(size_t i) const;
  DType dtype(size_t i) const { return has(i) ? in(i)->dtype : DType::kUndefined; }
  const Tensor* constant(size_t i) const { return has(i) ? in(i)->constant() : nullptr; }
  std::optional<Ints> ints(size_t i) const { return known_ints(in(i)); }
  std::optional<std::vector<int64_t>> const_ints(size_t i) const { return known_numbers(in(i)); }
  // Of sizes that are given by a 1-D integer input: from its length, if only that is known.
  std::optional<Shape> shape_of_length(size_t i) const;

  // --- attributes ------------------------------------------------------------------------------
  int64_t attr(std::string_view name, int64_t fallback) const {
    return node.get<int64_t>(name, fallback);
  }
  Attribute::Ints attrs(std::string_view name) const {
    return node.get<Attribute::Ints>(name, Attribute::Ints{});
  }
  Ints attr_ints(std::string_view name) const {  // as ints() gives those of an input
    const Attribute::Ints list = attrs(name);
    return Ints(list.begin(), list.end());
  }
  std::string text(std::string_view name, const char* fallback) const {
    return node.get<std::string>(name, std::string(fallback));
  }
  DType dtype_attr(std::string_view name, DType fallback) const {
    return static_cast<DType>(attr(name, static_cast<int64_t>(fallback)));
  }

  // --- outputs -----------------------------------------------------------------------------------
  void out(size_t i, DType dtype);
  void out(size_t i, DType dtype, Shape shape);
  void out(size_t i, DType dtype, const Shape* shape);  // null: unknown
  void out_ints(size_t i, Ints ints);                   // content of output i
  Status wrong(std::string what) const;                 // names node and operator
};

// Multidirectional broadcasting; nullopt when two sizes can never go together.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);
std::optional<Expr> broadcast_size(const Expr& a, const Expr& b);

// f of each two numbers, where a single one goes with all of the others. nullopt: the lists do not
// go together, or f knows no answer.
template <typename F>
std::optional<Ints> zip_ints(const Ints& a, const Ints& b, F f) {
  const size_t n = std::max(a.size(), b.size());
  if ((a.size() != n && a.size() != 1) || (b.size() != n && b.size() != 1)) return std::nullopt;
  Ints out;
  for (size_t k = 0; k < n; ++k) {
    std::optional<Expr> both = f(a[a.size() == 1 ? 0 : k], b[b.size() == 1 ? 0 : k]);
    if (!both) return std::nullopt;
    out.push_back(std::move(*both));
  }
  return out;
}

// --- rules that many operators share -------------------------------------------------------------
Status infer_same(Context& c);                       // as the first input
Status infer_broadcast(Context& c);                  // all inputs, and their type
Status infer_broadcast_to(Context& c, DType dtype);  // all inputs
Status infer_comparison(Context& c);                 // all inputs; bool
std::optional<Ints> ints_same(Context& c);           // the first input's

// a op b of sizes, for Add, Sub, Mul, Div, Mod, Max and Min; nullopt: not known.
std::optional<Expr> combine(std::string_view op_type, const Expr& a, const Expr& b);

}  // namespace onnxport::onnx::ops
