// MatMul, Gemm, Einsum, attention.
#include <fmt/format.h>

#include <map>

#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

bool differ(const Expr& a, const Expr& b) { return a.is_const() && b.is_const() && a != b; }

Status multiply(Context& c, size_t ia, size_t ib, DType dtype) {
  const Shape *a = c.shape(ia), *b = c.shape(ib);
  c.out(0, dtype);
  if (a == nullptr || b == nullptr) return {};
  if (a->empty() || b->empty()) return c.wrong("a scalar operand");
  Shape x = *a, y = *b;
  if (x.size() == 1) x.insert(x.begin(), Expr(1));
  if (y.size() == 1) y.emplace_back(1);
  if (differ(x.back(), y[y.size() - 2])) {
    return c.wrong(to_string(*a) + " times " + to_string(*b));
  }
  std::optional<Shape> out =
      broadcast(Shape(x.begin(), x.end() - 2), Shape(y.begin(), y.end() - 2));
  if (!out) return c.wrong(to_string(*a) + " times " + to_string(*b));
  if (a->size() > 1) out->push_back(x[x.size() - 2]);
  if (b->size() > 1) out->push_back(y.back());
  c.out(0, dtype, *out);
  return {};
}

Status infer_matmul(Context& c) { return multiply(c, 0, 1, c.dtype(0)); }
Status infer_matmul_integer(Context& c) { return multiply(c, 0, 1, DType::kInt32); }
Status infer_qlinear_matmul(Context& c) { return multiply(c, 0, 3, c.dtype(7)); }

OP("MatMul", {.infer = infer_matmul});
OP("MatMulInteger", {.infer = infer_matmul_integer});
OP("QLinearMatMul", {.infer = infer_qlinear_matmul});

Status infer_gemm(Context& c) {
  const Shape *a = c.shape(0), *b = c.shape(1);
  c.out(0, c.dtype(0));
  if (a == nullptr || b == nullptr) return {};
  if (a->size() != 2 || b->size() != 2) {
    return c.wrong("matrices are needed, not " + to_string(*a) + " and " + to_string(*b));
  }
  const size_t ta = c.attr("transA", 0) != 0 ? 1 : 0, tb = c.attr("transB", 0) != 0 ? 1 : 0;
  if (differ((*a)[1 - ta], (*b)[tb])) return c.wrong(to_string(*a) + " times " + to_string(*b));
  c.out(0, c.dtype(0), Shape{(*a)[ta], (*b)[1 - tb]});
  return {};
}
OP("Gemm", {.infer = infer_gemm});

// Labels of one operand; the ellipsis becomes upper-case-free labels "0", "1", ... from the right.
std::optional<std::vector<std::string>> labels_of(std::string_view term, std::optional<size_t> rank,
                                                  size_t dots) {
  std::vector<std::string> labels;
  const bool has_dots = term.find("...") != std::string_view::npos;
  const size_t letters = has_dots ? term.size() - 3 : term.size();
  if (rank) {
    if (*rank < letters || (!has_dots && *rank != letters)) return std::nullopt;
    dots = *rank - letters;
  }
  for (size_t i = 0; i < term.size(); ++i) {
    if (term[i] == '.') {
      for (size_t k = 0; k < dots; ++k) labels.push_back(std::to_string(dots - 1 - k));
      i += 2;
    } else {
      labels.emplace_back(1, term[i]);
    }
  }
  return labels;
}

Status infer_einsum(Context& c) {
  c.out(0, c.dtype(0));
  std::string equation;
  for (char ch : c.text("equation", "")) {
    if (ch != ' ') equation += ch;
  }
  std::string_view left = equation, right;
  const size_t arrow = equation.find("->");
  if (arrow != std::string::npos) {
    left = std::string_view(equation).substr(0, arrow);
    right = std::string_view(equation).substr(arrow + 2);
  }
  std::map<std::string, Expr> sizes;
  std::map<std::string, int> count;
  size_t dots = 0, operand = 0;
  for (size_t from = 0; from <= left.size(); ++operand) {
    size_t comma = std::min(left.find(',', from), left.size());
    const std::string_view term = left.substr(from, comma - from);
    from = comma + 1;
    const Shape* s = c.shape(operand);
    if (s == nullptr) return {};
    auto labels = labels_of(term, s->size(), 0);
    if (!labels) return c.wrong("'" + equation + "' does not fit " + to_string(*s));
    if (term.find("...") != std::string_view::npos) {
      dots = std::max(dots, s->size() - (term.size() - 3));
    }
    for (size_t i = 0; i < labels->size(); ++i) {
      auto [it, fresh] = sizes.emplace((*labels)[i], (*s)[i]);
      ++count[(*labels)[i]];
      if (fresh) continue;
      const std::optional<Expr> both = broadcast_size(it->second, (*s)[i]);
      if (!both) return c.wrong("'" + equation + "': sizes differ");
      it->second = *both;
    }
  }
  Shape out;
  if (arrow != std::string::npos) {
    const auto labels = labels_of(right, std::nullopt, dots);
    if (!labels) return c.wrong("'" + equation + "' cannot be read");
    for (const std::string& label : *labels) {
      auto it = sizes.find(label);
      if (it == sizes.end())
        return c.wrong(fmt::format("'{}' names an unknown {}", equation, label));
      out.push_back(it->second);
    }
  } else {
    for (size_t k = dots; k-- > 0;) out.push_back(sizes[std::to_string(k)]);
    for (const auto& [label, n] : count) {
      if (n == 1 && (label[0] < '0' || label[0] > '9')) out.push_back(sizes[label]);
    }
  }
  c.out(0, c.dtype(0), out);
  return {};
}
OP("Einsum", {.infer = infer_einsum});

Status infer_attention(Context& c) {
  c.out(0, c.dtype(0));
  c.out(1, c.dtype(0));
  c.out(2, c.dtype(0));
  c.out(3, c.dtype(0));
  const Shape *q = c.shape(0), *v = c.shape(2);
  if (q == nullptr || v == nullptr) return {};
  if (q->size() == 4 && v->size() == 4) {
    c.out(0, c.dtype(0), Shape{(*q)[0], (*q)[1], (*q)[2], (*v)[3]});
  } else if (q->size() == 3 && v->size() == 3) {
    const int64_t q_heads = c.attr("q_num_heads", 0), kv_heads = c.attr("kv_num_heads", 0);
    if (q_heads < 1 || kv_heads < 1) return {};
    c.out(0, c.dtype(0),
          Shape{(*q)[0], (*q)[1], floordiv((*v)[2], Expr(kv_heads)) * Expr(q_heads)});
  }
  return {};
}
OP("Attention", {.infer = infer_attention});

OP("RotaryEmbedding", {.infer = infer_same});

Status infer_det(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr || x->size() < 2) return {};
  c.out(0, c.dtype(0), Shape(x->begin(), x->end() - 2));
  return {};
}
OP("Det", {.infer = infer_det});

}  // namespace
}  // namespace onnxport::onnx::ops
