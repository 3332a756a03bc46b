// Attention that was spelt out, put together again where the opset has it.
#include <algorithm>
#include <string>

#include "simplify/einsum.h"
#include "simplify/match.h"
#include "simplify/product.h"

namespace onnxport::simplify {
namespace {

bool has_rank(const Value* v, size_t rank) {
  return v != nullptr && v->shape && v->shape->size() == rank && v->dtype == DType::kFloat;
}

// v = k with its last two axes swapped: k, made if need be; null when v is not a Transpose.
Value* swapped_back(Rewriter& r, const Value* v, const Node& user) {
  Node* transpose = producer(v, "Transpose", user);
  if (transpose == nullptr) return nullptr;
  auto perm = transpose->get<onnx::Attribute::Ints>("perm", {});
  if (perm.size() != 4) return nullptr;
  std::swap(perm[2], perm[3]);
  if (std::is_sorted(perm.begin(), perm.end())) return transpose->input(0);
  return r.op("Transpose", {transpose->input(0)}, {{"perm", perm}});
}

// q times k^T: a MatMul with the keys transposed, or an Einsum of both as they are; null: neither.
Node* product_of_keys(const Value* v, const Node& user) {
  if (Node* matmul = producer(v, "MatMul", user)) return matmul;
  Node* einsum = producer(v, "Einsum", user);
  if (einsum == nullptr || einsum->inputs.size() != 2) return nullptr;
  const auto equation = equation_of(*einsum);
  if (!equation || equation->terms[0].size() != 4 || equation->terms[1].size() != 4) return nullptr;
  const std::string &q = equation->terms[0], &k = equation->terms[1];
  const bool alike = q[0] == k[0] && q[1] == k[1] && q[3] == k[3];
  return alike && equation->output == q.substr(0, 3) + k[2] ? einsum : nullptr;
}

// What is added to the scores: broadcast over batch and heads at most.
bool is_mask(const Value* mask, const Value* scores) {
  if (mask == nullptr || !mask->shape || mask->dtype != DType::kFloat) return false;
  const size_t rank = mask->shape->size();
  if (rank < 2 || rank > 4) return false;
  for (size_t i = 1; i <= 2; ++i) {
    if ((*mask->shape)[rank - i] != (*scores->shape)[4 - i]) return false;
  }
  return true;
}

// MatMul(Softmax(MatMul(q, k^T) * scale + mask), v)  =>  Attention(q, k, v, mask)
//     [batch, heads, length, size] each, opset 23; Einsum(q, k: "bhid,bhjd->bhij") too
RULE_ROUNDING(recover_attention, "MatMul") {
  if (r.opset() < 23) return no_match("no Attention in this opset");
  Node* softmax = producer(node.input(0), "Softmax", node);
  Value* v = node.input(1);
  if (softmax == nullptr || !used_once(softmax->output()) || !has_rank(v, 4)) {
    return no_match("no Softmax of scores before");
  }
  const int64_t axis = softmax->get<int64_t>("axis", -1);
  Value* scores = softmax->input(0);
  if ((axis != -1 && axis != 3) || !has_rank(scores, 4)) return no_match("another axis");
  Value* mask = nullptr;
  Product product = product_of(scores, node);
  Node* add = producer(scores, "Add", node);
  for (size_t i = 0; add != nullptr && used_once(scores) && i < 2; ++i) {
    if (!used_once(add->input(i)) || !is_mask(add->input(1 - i), scores)) continue;
    Product inner = product_of(add->input(i), node);
    if (inner.leaves.size() != 1 || product_of_keys(inner.leaves[0], node) == nullptr) continue;
    product = inner;
    mask = add->input(1 - i);
    break;
  }
  if (product.leaves.size() != 1 || !used_once(product.leaves[0]))
    return no_match("the scores are not one product");
  Node* qk = product_of_keys(product.leaves[0], node);
  if (qk == nullptr || !has_rank(qk->input(0), 4) || !has_rank(qk->input(1), 4)) {
    return no_match("no product of queries and keys");
  }
  const Shape &q = *qk->input(0)->shape, &keys = *qk->input(1)->shape;
  for (size_t i = 0; i < 2; ++i) {
    if (q[i] != keys[i] || q[i] != (*v->shape)[i]) return no_match("batch or heads are broadcast");
  }
  const bool swapped = qk->is("MatMul");
  if (keys[swapped ? 3 : 2] != (*v->shape)[2]) return no_match("other lengths");
  Value* k = swapped ? swapped_back(r, qk->input(1), node) : qk->input(1);
  if (k == nullptr) return no_match("the keys are not transposed");
  std::vector<Value*> inputs{qk->input(0), k, v};
  if (mask != nullptr) inputs.push_back(mask);
  r.replace(node, r.op("Attention", inputs, {{"scale", product.number}}));
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
