// Reshapes around what works on rows, or on elements: one of the two is enough, or none.
#include <algorithm>

#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

// Reshape(Transpose(x))  =>  Reshape(x)        when the axes that are not 1 keep their order
RULE(reshape_without_transpose, "Reshape", "Squeeze", "Unsqueeze", "Flatten") {
  Node* transpose = producer(node.input(0), "Transpose", node);
  if (transpose == nullptr) return no_match("no Transpose before");
  const Value* x = transpose->input(0);
  const auto perm = transpose->get<onnx::Attribute::Ints>("perm", {});
  if (!x->shape || !node.output()->shape) return no_match("the shapes are unknown");
  if (!onnx::is_permutation(perm, x->shape->size())) {
    return no_match("perm does not spell out each axis once");
  }
  int64_t last = -1;
  for (int64_t axis : perm) {
    if ((*x->shape)[static_cast<size_t>(axis)].is_const(1)) continue;
    if (axis < last) return no_match("elements move");
    last = axis;
  }
  if (*x->shape == *node.output()->shape) {
    return replace_if_possible(r, node, transpose->input(0));
  }
  Value* y = reshaped(r, transpose->input(0), *node.output()->shape);
  if (y == nullptr) return no_match("two sizes or more are open");
  r.replace(node, y);
  return done();
}

// What one node between the reshapes needs of the axes.
enum class Works { kOnElements, kOnRows, kNot };

bool is_last_axis(const Node& node, int64_t fallback) {
  const Value* x = node.input(0);
  if (!x->shape) return false;
  const int64_t axis = node.get<int64_t>("axis", fallback);
  return axis == -1 || axis + 1 == static_cast<int64_t>(x->shape->size());
}

// How the node works on its operand `at`.
Works works(const Node& node, size_t at, int64_t opset) {
  if (!node.domain.empty() || node.outputs.size() != 1) return Works::kNot;
  if (has_trait(node, Trait::kUnary)) return at == 0 ? Works::kOnElements : Works::kNot;
  if (has_trait(node, Trait::kBroadcasts) && node.inputs.size() == 2) {
    const Tensor* c = constant_of(node.input(1 - at));
    if (c == nullptr || !node.input(at)->shape) return Works::kNot;
    if (c->numel() == 1 && c->dims.empty()) return Works::kOnElements;
    if (c->dims.size() == 1 && same_shape(node.input(at), node.output())) {
      return c->numel() == 1 ? Works::kOnElements : Works::kOnRows;
    }
    return Works::kNot;
  }
  if (at != 0) return Works::kNot;
  if (node.is("MatMul")) {
    const Tensor* w = constant_of(node.input(1));
    const bool rows = node.input(0)->shape && node.input(0)->shape->size() >= 2;
    return rows && w != nullptr && w->dims.size() == 2 ? Works::kOnRows : Works::kNot;
  }
  if (node.is("LayerNormalization")) {
    return is_last_axis(node, -1) ? Works::kOnRows : Works::kNot;
  }
  if (node.is("Softmax") || node.is("LogSoftmax")) {
    return opset >= 13 && is_last_axis(node, -1) ? Works::kOnRows : Works::kNot;
  }
  return Works::kNot;
}

struct Link {
  Node* node;
  size_t at;  // the operand that comes from the reshape
};

// From the second reshape up to the first, which is not among them.
std::vector<Link> between(const Node& second, int64_t opset, bool& on_rows, Node*& first) {
  constexpr size_t kMaxLinks = 12;
  std::vector<Link> links;
  const Value* v = second.input(0);
  on_rows = false;
  while (links.size() < kMaxLinks) {
    Node* node = producer(v, second);
    if (node == nullptr || !used_once(v)) return {};
    if (reshapes(node)) {
      first = node;
      return links;
    }
    Works how = Works::kNot;
    for (size_t at = 0; at < std::min<size_t>(node->inputs.size(), 2); ++at) {
      if (constant_of(node->input(at)) != nullptr) continue;
      how = works(*node, at, opset);
      if (how == Works::kNot) return {};
      links.push_back({node, at});
      v = node->input(at);
      break;
    }
    if (how == Works::kNot) return {};
    on_rows |= how == Works::kOnRows;
  }
  return {};
}

// Reshape(f(Reshape(x)))  =>  f(x), else f(Reshape(x))
//     f works on elements, or on rows and the last axis stays a row: MatMul with a constant, a
//     bias, LayerNormalization, Softmax
RULE(reshape_around_rows, "Reshape", "Squeeze", "Unsqueeze", "Flatten") {
  bool on_rows = false;
  Node* first = nullptr;
  const std::vector<Link> links = between(node, r.opset(), on_rows, first);
  if (links.empty()) return no_match("no reshape before what works on rows");
  Value* x = first->input(0);
  const Value *inside = first->output(), *y = node.input(0), *out = node.output();
  if (!x->shape || !inside->shape || !y->shape || !out->shape)
    return no_match("the shapes are unknown");
  if (y->shape->empty() || inside->shape->empty()) return no_match("a scalar");
  Shape sizes = *out->shape;  // of x, once it comes out of the one reshape that is left
  if (on_rows) {
    if (sizes.size() < 2 || sizes.back() != y->shape->back()) return no_match("rows are cut");
    sizes.back() = inside->shape->back();
  }
  for (const Link& link : links) {  // a constant of shape [1] would give a scalar a dimension
    if (sizes.empty() && link.node->inputs.size() > 1 &&
        !constant_of(link.node->input(1 - link.at))->dims.empty()) {
      return no_match("a constant has more dimensions");
    }
  }
  Value* v = *x->shape == sizes ? x : nullptr;
  if (v == nullptr) {
    // A matrix product and its bias are one Gemm: what the reshape saves would be lost again.
    const bool multiplies = std::any_of(links.begin(), links.end(),
                                        [](const Link& link) { return link.node->is("MatMul"); });
    if (multiplies && inside->shape->size() == 2) return no_match("a Gemm is as good");
    v = reshaped(r, x, sizes);
  }
  if (v == nullptr) return no_match("two sizes or more are open");
  for (size_t i = links.size(); i-- > 0;) {
    const Node& old = *links[i].node;
    std::vector<Value*> inputs = old.inputs;
    inputs[links[i].at] = v;
    Attributes attributes = old.attributes;
    for (auto& [key, value] : attributes) {
      if (key == "axis") value = onnx::Attribute(-1);
    }
    v = r.op(old.op_type, std::move(inputs), std::move(attributes));
    stand_for(v, old);
  }
  r.replace(node, v);
  return done();
}

// Reshape(Gemm(Reshape(x), w, b))  =>  MatMul(x, w) + b        when all but the last axis stay
RULE_ROUNDING(reshape_around_gemm, "Reshape", "Unsqueeze") {
  Node* gemm = producer(node.input(0), "Gemm", node);
  if (gemm == nullptr || !used_once(gemm->output())) return no_match("no Gemm before");
  Node* first = producer(gemm->input(0), node);
  if (!reshapes(first)) return no_match("no reshape before the Gemm");
  const Tensor *w = constant_of(gemm->input(1)), *b = constant_of(gemm->input(2));
  if (w == nullptr || w->dims.size() != 2 || !is_float(gemm->input(1)))
    return no_match("the weight is not a constant matrix");
  if (gemm->input(2) != nullptr && (b == nullptr || b->dims.size() != 1))
    return no_match("the bias is not a constant row");
  if (gemm->get<float>("alpha", 1) != 1 || gemm->get<float>("beta", 1) != 1 ||
      gemm->get<int64_t>("transA", 0) != 0) {
    return no_match("not a plain product");
  }
  Value* x = first->input(0);
  const Value *y = gemm->output(), *out = node.output();
  if (!x->shape || !y->shape || !out->shape || out->shape->size() < 3)
    return no_match("the shapes are unknown, or too few axes");
  Shape sizes = *out->shape;
  if (sizes.back() != y->shape->back()) return no_match("rows are cut");
  sizes.back() = first->output()->shape ? first->output()->shape->back() : Expr();
  if (sizes != *x->shape) return no_match("other axes change too");
  Value* weight = gemm->input(1);
  if (gemm->get<int64_t>("transB", 0) != 0) {
    if (!used_once(weight)) return no_match("the weight is used elsewhere");
    weight = r.constant(w->transposed({1, 0}), weight->name);
  }
  Value* v = r.op("MatMul", {x, weight});
  stand_for(v, *gemm);
  if (b != nullptr) v = r.op("Add", {v, gemm->input(2)});
  r.replace(node, v);
  return done();
}

// Split(x) into ones, each squeezed  =>  Gather(x, i)        for each of them
RULE(split_and_squeeze_to_gather, "Squeeze", "Reshape") {
  Node* split = producer(node.input(0), "Split", node);
  if (split == nullptr || !split->input(0)->shape) return no_match("no Split before");
  const Value* x = split->input(0);
  const auto axis = axis_of(split->get<int64_t>("axis", 0), x->shape->size());
  if (!axis) return no_match("a bad axis");
  Shape without = *x->shape;
  without.erase(without.begin() + static_cast<int64_t>(*axis));
  for (const Value* part : split->outputs) {
    if (part == nullptr || !used_once(part)) return no_match("a part is used otherwise");
    const Node& user = *part->uses[0].node;
    if (user.graph != node.graph || (!user.is("Squeeze") && !user.is("Reshape")) ||
        part->uses[0].input != 0 || !part->shape || !(*part->shape)[*axis].is_const(1) ||
        !user.output()->shape || *user.output()->shape != without) {
      return no_match("a part is used otherwise");
    }
  }
  std::vector<Value*> parts = split->outputs;
  Value* from = split->input(0);
  for (size_t i = 0; i < parts.size(); ++i) {
    Node* user = parts[i]->uses[0].node;
    Value* index = r.constant(
        Tensor::of<int64_t>(DType::kInt64, {}, std::vector<int64_t>{static_cast<int64_t>(i)}),
        "index");
    r.replace(*user, r.op("Gather", {from, index}, {{"axis", static_cast<int64_t>(*axis)}}, user));
  }
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
