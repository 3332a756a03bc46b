// Scaled dot product attention: [Mul] MatMul [Add | Where] Softmax [Where] MatMul. PyTorch scales q
// and k by sqrt(scale) each; one Mul on q is the same product.
//
// PyTorch's softmax gives zeros, not NaN, for a query that may look at nothing. A boolean mask gets
// that by filling with the lowest finite number and clearing the masked weights afterwards; a float
// mask is guarded only if it can hold -inf at all.
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_set>

#include "lower/rule.h"

namespace onnxport::lower {

namespace {

double lowest(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return -65504;
    case DType::kBFloat16:
      return -3.3895313892515355e38;
    case DType::kDouble:
      return std::numeric_limits<double>::lowest();
    default:
      return std::numeric_limits<float>::lowest();
  }
}

// k with its last two axes swapped; a Transpose that made k is merged into this one.
Value swapped(Builder& g, Value k) {
  std::vector<int64_t> perm(static_cast<size_t>(Builder::rank(k)));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  if (k->producer == nullptr || !k->producer->is("Transpose")) return g.transpose(k, perm);
  const auto inner = k->producer->get<onnx::Attribute::Ints>("perm", {});
  if (inner.size() != perm.size()) return g.transpose(k, perm);
  for (int64_t& p : perm) p = inner[static_cast<size_t>(p)];
  return g.transpose(k->producer->input(0), perm);
}

// A row of the constant that is -inf throughout.
bool has_dead_row(const Tensor& mask) {
  const std::vector<double> values = mask.as_doubles();
  const auto width = static_cast<size_t>(mask.dims.empty() ? 1 : mask.dims.back());
  for (size_t row = 0; width > 0 && row + width <= values.size(); row += width) {
    bool dead = true;
    for (size_t i = row; i < row + width && dead; ++i)
      dead = std::isinf(values[i]) && values[i] < 0;
    if (dead) return true;
  }
  return false;
}

// Whether x can hold -inf as far as its makers tell: every constant and input that it comes from is
// looked at, but for a limited number of nodes only.
bool may_hold_inf(Value x) {
  std::vector<Value> open = {x};
  std::unordered_set<Value> seen;
  while (!open.empty()) {
    Value v = open.back();
    open.pop_back();
    if (v == nullptr || !seen.insert(v).second || !is_floating(v->dtype)) continue;
    if (seen.size() > 64) return true;
    if (const Tensor* tensor = v->constant()) {
      for (double element : tensor->as_doubles()) {
        if (std::isinf(element)) return true;
      }
    } else if (v->producer == nullptr || v->producer->is("Log")) {
      return true;
    } else {
      open.insert(open.end(), v->producer->inputs.begin(), v->producer->inputs.end());
    }
  }
  return false;
}

// -inf above the diagonal: query i sees keys 0..i.
constexpr OpsetNeed kDynamicCausalMask = partly_since(14, "a causal mask of dynamic size");

Value causal_mask(Builder& g, const Expr& rows, const Expr& columns, DType dtype) {
  const double inf = -std::numeric_limits<double>::infinity();
  if (rows.is_const() && columns.is_const() && rows.value() * columns.value() <= (1 << 22)) {
    const int64_t n = rows.value();
    const int64_t m = columns.value();
    std::vector<float> values(static_cast<size_t>(n * m), 0.0F);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = i + 1; j < m; ++j)
        values[static_cast<size_t>(i * m + j)] = static_cast<float>(inf);
    }
    Tensor mask = Tensor::of<float>(DType::kFloat, {n, m}, values);
    return g.constant(dtype == DType::kFloat ? std::move(mask) : mask.cast(dtype), "causal_mask");
  }
  g.need_opset(kDynamicCausalMask);
  Value full = g.expand(g.scalar(inf, dtype), {rows, columns});
  return g.op("Trilu", {full, g.int_scalar(1)}, {{"upper", 1}});
}

// Heads of k and v repeated for groups of query heads, as repeat_interleave does.
Value repeat_heads(Builder& g, Value x, const Expr& heads) {
  const Shape from = Builder::shape(x);
  const size_t axis = from.size() - 3;
  if (from[axis] == heads) return x;
  auto times = exact_div(heads, from[axis]);
  if (!times) refuse("the number of query heads is not a multiple of the key heads");
  Shape wide = from;
  wide.insert(wide.begin() + static_cast<int64_t>(axis) + 1, *times);
  Shape flat = from;
  flat[axis] = heads;
  return g.reshape(g.expand(g.unsqueeze(x, {static_cast<int64_t>(axis) + 1}), wide), flat);
}

Value softmax_of(Builder& g, Value scores, std::optional<Value> mask, bool is_causal,
                 const Expr& rows, const Expr& columns) {
  const DType dtype = scores->dtype;
  if (is_causal) return g.softmax(g.add(scores, causal_mask(g, rows, columns, dtype)), -1);
  if (!mask) return g.softmax(scores, -1);
  if ((*mask)->dtype == DType::kBool) {
    if (Builder::constant_of(*mask) != nullptr) {
      Value additive = g.where(*mask, g.scalar(0, dtype),
                               g.scalar(-std::numeric_limits<double>::infinity(), dtype));
      const Tensor* known = Builder::constant_of(additive);
      if (known != nullptr && !has_dead_row(*known)) return g.softmax(g.add(scores, additive), -1);
    }
    Value weights = g.softmax(g.where(*mask, scores, g.scalar(lowest(dtype), dtype)), -1);
    return g.where(*mask, weights, g.scalar(0, dtype));
  }
  Value additive = g.cast(*mask, dtype);
  const Tensor* known = Builder::constant_of(additive);
  Value weights = g.softmax(g.add(scores, additive), -1);
  if (known != nullptr ? !has_dead_row(*known) : !may_hold_inf(additive)) return weights;
  return g.where(g.op("IsNaN", {weights}), g.scalar(0, dtype), weights);
}

// Output and attention weights.
Values attention(Builder& g, Value q, Value k, Value v, std::optional<Value> mask, double dropout,
                 bool is_causal, std::optional<double> scale, bool enable_gqa) {
  if (dropout > 0) {
    refuse("attention has dropout in training mode; call model.eval() before exporting");
  }
  const Shape q_shape = Builder::shape(q);
  const size_t n = q_shape.size();
  if (n < 2 || Builder::rank(k) < 2) refuse("attention needs at least two dimensions");
  if (enable_gqa && n >= 3) {
    k = repeat_heads(g, k, q_shape[n - 3]);
    v = repeat_heads(g, v, q_shape[n - 3]);
  }
  const Shape k_shape = Builder::shape(k);
  const Expr& rows = q_shape[n - 2];
  const Expr& columns = k_shape[k_shape.size() - 2];
  if (!scale) {
    const Expr& width = q_shape[n - 1];
    if (!width.is_const()) refuse("attention needs a head size that is a known number");
    scale = 1 / std::sqrt(static_cast<double>(width.value()));
  }
  if (*scale != 1) q = g.mul(q, g.scalar_like(*scale, q));
  Value weights = softmax_of(g, g.matmul(q, swapped(g, k)), mask, is_causal, rows, columns);
  return {g.matmul(weights, v), weights};
}

Values only_first(Values outputs, size_t count) {
  outputs.resize(1);
  outputs.resize(count, nullptr);
  return outputs;
}

}  // namespace

LOWER(
    "aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor",
    [](Builder& g, Value q, Value k, Value v, std::optional<Value> mask, double dropout,
       bool causal, std::optional<double> scale,
       bool gqa) { return attention(g, q, k, v, mask, dropout, causal, scale, gqa)[0]; },
    kDynamicCausalMask);
LOWER(
    "aten::_scaled_dot_product_attention_math(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, Tensor? dropout_mask=None, *, float? scale=None, bool enable_gqa=False) -> (Tensor, Tensor)",
    [](Builder& g, Value q, Value k, Value v, std::optional<Value> mask, double dropout,
       bool causal, Ignored, std::optional<double> scale,
       bool gqa) { return attention(g, q, k, v, mask, dropout, causal, scale, gqa); },
    kDynamicCausalMask);
LOWER(
    "aten::_scaled_dot_product_flash_attention_for_cpu(Tensor query, Tensor key, Tensor value, float dropout_p=0., bool is_causal=False, *, Tensor? attn_mask=None, float? scale=None) -> (Tensor output, Tensor logsumexp)",
    [](Builder& g, Value q, Value k, Value v, double dropout, bool causal,
       std::optional<Value> mask, std::optional<double> scale) {
      return only_first(attention(g, q, k, v, mask, dropout, causal, scale, false), 2);
    },
    kDynamicCausalMask);
LOWER(
    "aten::_scaled_dot_product_efficient_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_bias, bool compute_log_sumexp, float dropout_p=0., bool is_causal=False, *, float? scale=None) -> (Tensor output, Tensor log_sumexp, Tensor philox_seed, Tensor philox_offset)",
    [](Builder& g, Value q, Value k, Value v, std::optional<Value> mask, bool, double dropout,
       bool causal, std::optional<double> scale) {
      return only_first(attention(g, q, k, v, mask, dropout, causal, scale, false), 4);
    },
    kDynamicCausalMask);
LOWER(
    "aten::_scaled_dot_product_flash_attention(Tensor query, Tensor key, Tensor value, float dropout_p=0., bool is_causal=False, bool return_debug_mask=False, *, float? scale=None) -> (Tensor output, Tensor logsumexp, Tensor cum_seq_q, Tensor cum_seq_k, SymInt max_q, SymInt max_k, Tensor rng_state, Tensor unused, Tensor debug_attn_mask)",
    [](Builder& g, Value q, Value k, Value v, double dropout, bool causal, bool,
       std::optional<double> scale) {
      return only_first(attention(g, q, k, v, std::nullopt, dropout, causal, scale, false), 9);
    },
    kDynamicCausalMask);

}  // namespace onnxport::lower
