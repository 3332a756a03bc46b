#include <algorithm>

#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

using Perm = std::vector<int64_t>;

bool is_identity(const Perm& perm) {
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

Perm compose(const Perm& first, const Perm& second) {
  Perm out;
  for (int64_t p : second) out.push_back(first[static_cast<size_t>(p)]);
  return out;
}

// Transpose(Transpose(x, p), q)  =>  Transpose(x, p[q]), or x when nothing moves
RULE(merge_transposes, "Transpose") {
  Node* inner = producer(node.input(0), "Transpose", node);
  if (inner == nullptr) return no_match("no transpose before");
  auto p = perm_of(*inner), q = perm_of(node);
  if (!p || !q || p->size() != q->size()) return no_match("the rank is unknown");
  const Perm both = compose(*p, *q);
  if (is_identity(both) && can_replace(node.output(), inner->input(0))) {
    r.replace(node, inner->input(0));
    return done();
  }
  node.set("perm", both);
  r.set_input(node, 0, inner->input(0));
  return done();
}

// Transpose(x) that moves only axes of size 1  =>  Reshape(x)        which more goes together with
RULE(transpose_to_reshape, "Transpose") {
  const Value* x = node.input(0);
  auto perm = perm_of(node);
  if (!x->shape || !perm || !node.output()->shape) return no_match("the shape is unknown");
  int64_t last = -1;
  for (int64_t p : *perm) {
    if ((*x->shape)[static_cast<size_t>(p)].is_const(1)) continue;
    if (p < last) return no_match("larger axes move");
    last = p;
  }
  Value* y = reshaped(r, node.input(0), *node.output()->shape);
  if (y == nullptr) return no_match("two sizes or more are open");
  r.replace(node, y);
  return done();
}

// Transpose(f(Transpose(x, p)), q)  =>  f(x)        f elementwise, q undoing p
RULE(cancel_transposes_around, "Transpose") {
  Node* f = producer(node.input(0), node);
  if (f == nullptr || !has_trait(*f, Trait::kUnary)) {
    return no_match("nothing pointwise before");
  }
  Node* first = producer(f->input(0), "Transpose", node);
  if (first == nullptr || !used_once(f->output())) return no_match("no transpose before it");
  auto p = perm_of(*first), q = perm_of(node);
  if (!p || !q || p->size() != q->size() || !is_identity(compose(*p, *q))) {
    return no_match("the transposes do not cancel");
  }
  std::vector<Value*> inputs = f->inputs;
  inputs[0] = first->input(0);
  r.replace(node, r.op(f->op_type, inputs, f->attributes));
  return done();
}

// Reduce(Transpose(x, p), axes)  =>  Reduce(x, p[axes])        when the axes left keep their order
RULE(reduce_without_transpose, "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin") {
  Node* inner = producer(node.input(0), "Transpose", node);
  if (inner == nullptr || !used_once(inner->output())) return no_match("no transpose before");
  auto perm = perm_of(*inner);
  auto axes = list_of(node, "axes");
  if (!perm || !axes || axes->empty()) return no_match("the axes are unknown");
  if (node.get<int64_t>("keepdims", 1) != 0) return no_match("the axes stay");
  std::vector<bool> reduced(perm->size(), false);
  std::vector<int64_t> mapped;
  for (int64_t a : *axes) {
    auto axis = axis_of(a, perm->size());
    if (!axis) return no_match("a bad axis");
    reduced[*axis] = true;
    mapped.push_back((*perm)[*axis]);
  }
  int64_t last = -1;
  for (size_t i = 0; i < perm->size(); ++i) {
    if (reduced[i]) continue;
    if ((*perm)[i] < last) return no_match("the axes that stay move");
    last = (*perm)[i];
  }
  std::sort(mapped.begin(), mapped.end());
  if (node.find("axes") != nullptr) {
    node.set("axes", mapped);
  } else {
    r.set_input(node, 1, r.constant(Tensor::ints(mapped), "axes"));
  }
  r.set_input(node, 0, inner->input(0));
  return done();
}

// Gemm(Transpose(a), b)  =>  Gemm(a, b, transA: flipped)        and b likewise
RULE(fuse_transpose_into_gemm, "Gemm") {
  for (size_t i = 0; i < 2; ++i) {
    Node* t = producer(node.input(i), "Transpose", node);
    if (t == nullptr) continue;
    auto perm = perm_of(*t);
    if (!perm || *perm != Perm{1, 0}) continue;
    const char* flag = i == 0 ? "transA" : "transB";
    node.set(flag, node.get<int64_t>(flag, 0) == 0 ? 1 : 0);
    r.set_input(node, i, t->input(0));
    return done();
  }
  return no_match("no transposed operand");
}

}  // namespace
}  // namespace onnxport::simplify
