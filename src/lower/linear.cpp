// Matrix products. Gemm where both operands are matrices (it takes the weight as PyTorch stores it
// and the bias with it), MatMul elsewhere: a constant weight is then transposed lazily, without a
// node.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

#include "lower/rule.h"

namespace onnxport::lower {

namespace {

Value last_two_swapped(Builder& g, Value x) {
  std::vector<int64_t> perm(static_cast<size_t>(Builder::rank(x)));
  std::iota(perm.begin(), perm.end(), 0);
  if (perm.size() >= 2) std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return g.transpose(x, perm);
}

Value linear(Builder& g, Value x, Value weight, std::optional<Value> bias) {
  if (Builder::rank(x) == 2 && Builder::rank(weight) == 2 && is_floating(x->dtype)) {
    return g.op("Gemm", {x, weight, bias.value_or(nullptr)}, {{"transB", 1}});
  }
  Value out = g.matmul(x, last_two_swapped(g, weight));
  return bias ? g.add(out, *bias) : out;
}

Value scaled(Builder& g, Value x, double factor) {
  return factor == 1 ? x : g.mul(x, g.scalar_like(factor, x));
}

// beta * self + alpha * product; beta = 0 leaves self out, NaNs included, as PyTorch says.
Value plus(Builder& g, Value self, Value product, double beta, double alpha) {
  product = scaled(g, product, alpha);
  return beta == 0 ? product : g.add(scaled(g, self, beta), product);
}

Value addmm(Builder& g, Value self, Value a, Value b, double beta, double alpha) {
  if (!is_floating(a->dtype)) return plus(g, self, g.matmul(a, b), beta, alpha);
  if (beta == 0 && alpha == 1) return g.matmul(a, b);
  Attributes attributes;
  if (alpha != 1) attributes.emplace_back("alpha", alpha);
  if (beta != 1 && beta != 0) attributes.emplace_back("beta", beta);
  return g.op("Gemm", {a, b, beta == 0 ? nullptr : self}, std::move(attributes));
}

Value matmul(Builder& g, Value a, Value b) { return g.matmul(a, b); }

Value outer(Builder& g, Value a, Value b) {
  auto [x, y] = g.promoted(a, b);
  return g.mul(g.unsqueeze(x, {1}), y);
}

// ORT and ONNX want no blanks.
Value einsum(Builder& g, std::string equation, Values xs, Ignored) {
  std::erase_if(equation, [](unsigned char c) { return std::isspace(c) != 0; });
  const DType dtype = g.promote(xs);
  for (Value& x : xs) x = g.cast(x, dtype);
  return g.op("Einsum", xs, {{"equation", equation}});
}

// One Einsum: contracted axes share a letter.
Value tensordot(Builder& g, Value a, Value b, std::vector<int64_t> dims_a,
                std::vector<int64_t> dims_b) {
  const auto na = static_cast<size_t>(Builder::rank(a));
  const auto nb = static_cast<size_t>(Builder::rank(b));
  if (na + nb > 26) refuse("tensordot of more than 26 axes");
  std::string left(na, ' ');
  std::string right(nb, ' ');
  for (size_t i = 0; i < na; ++i) left[i] = static_cast<char>('a' + i);
  for (size_t i = 0; i < nb; ++i) right[i] = static_cast<char>('a' + na + i);
  for (size_t i = 0; i < dims_a.size(); ++i) {
    right[static_cast<size_t>(Builder::axis(dims_b[i], b))] =
        left[static_cast<size_t>(Builder::axis(dims_a[i], a))];
  }
  std::string out;
  for (char c : left) {
    if (right.find(c) == std::string::npos) out += c;
  }
  for (char c : right) {
    if (left.find(c) == std::string::npos) out += c;
  }
  return g.op("Einsum", {a, b}, {{"equation", left + "," + right + "->" + out}});
}

// Distances of all pairs: a[..., P, 1, M] against b[..., 1, R, M].
Value cdist(Builder& g, Value a, Value b, double p) {
  Value d = g.sub(g.unsqueeze(a, {-2}), g.unsqueeze(b, {-3}));
  if (p == 2) return g.reduce("ReduceL2", d, {-1}, false);
  if (p == 1) return g.reduce("ReduceL1", d, {-1}, false);
  d = g.op("Abs", {d});
  if (std::isinf(p)) return g.reduce("ReduceMax", d, {-1}, false);
  if (p == 0) return g.reduce("ReduceSum", g.op("Sign", {d}), {-1}, false);
  Value sum = g.reduce("ReduceSum", g.op("Pow", {d, g.scalar_like(p, d)}), {-1}, false);
  return g.op("Pow", {sum, g.scalar_like(1 / p, d)});
}

}  // namespace

LOWER("aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", linear);
LOWER("aten::matmul(Tensor self, Tensor other) -> Tensor", matmul);
LOWER("aten::linalg_matmul(Tensor self, Tensor other) -> Tensor", matmul);
LOWER("aten::mm(Tensor self, Tensor mat2) -> Tensor", matmul);
LOWER("aten::bmm(Tensor self, Tensor mat2) -> Tensor", matmul);
LOWER("aten::mv(Tensor self, Tensor vec) -> Tensor", matmul);
LOWER("aten::dot(Tensor self, Tensor tensor) -> Tensor", matmul);
LOWER("aten::vdot(Tensor self, Tensor other) -> Tensor", matmul);
LOWER("aten::chain_matmul(Tensor[] matrices) -> Tensor", [](Builder& g, Values xs) {
  Value out = xs.at(0);
  for (size_t i = 1; i < xs.size(); ++i) out = g.matmul(out, xs[i]);
  return out;
});
LOWER("aten::inner(Tensor self, Tensor other) -> Tensor", [](Builder& g, Value a, Value b) {
  if (Builder::rank(a) == 0 || Builder::rank(b) == 0) return g.mul(a, b);
  if (Builder::rank(b) > 2) return tensordot(g, a, b, {-1}, {-1});
  return g.matmul(a, last_two_swapped(g, b));
});
LOWER(
    "aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    addmm);
LOWER(
    "aten::addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    [](Builder& g, Value self, Value a, Value b, double beta, double alpha) {
      return plus(g, self, g.matmul(a, b), beta, alpha);
    });
LOWER(
    "aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    [](Builder& g, Value self, Value a, Value b, double beta, double alpha) {
      return plus(g, self, g.matmul(a, b), beta, alpha);
    });
LOWER(
    "aten::addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    [](Builder& g, Value self, Value a, Value b, double beta, double alpha) {
      return plus(g, self, g.reduce("ReduceSum", g.matmul(a, b), {0}, false), beta, alpha);
    });
LOWER(
    "aten::addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    [](Builder& g, Value self, Value a, Value b, double beta, double alpha) {
      return plus(g, self, outer(g, a, b), beta, alpha);
    });
LOWER("aten::outer(Tensor self, Tensor vec2) -> Tensor", outer);
LOWER("aten::ger(Tensor self, Tensor vec2) -> Tensor", outer);
LOWER("aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor", einsum);
LOWER("aten::tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor",
      tensordot);
LOWER("aten::cdist(Tensor x1, Tensor x2, float p=2., int? compute_mode=None) -> Tensor",
      [](Builder& g, Value a, Value b, double p, Ignored) { return cdist(g, a, b, p); });
LOWER("aten::_cdist_forward(Tensor x1, Tensor x2, float p, int? compute_mode) -> Tensor",
      [](Builder& g, Value a, Value b, double p, Ignored) { return cdist(g, a, b, p); });

}  // namespace onnxport::lower
