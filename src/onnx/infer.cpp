#include "onnx/infer.h"

#include <algorithm>

#include "base/broadcast.h"
#include "onnx/infer_rule.h"

namespace onnxport::onnx {
namespace inference {
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

const Table& table() {
  static const Table rules = [] {
    Table t;
    add_elementwise_rules(t);
    add_shape_rules(t);
    add_indexing_rules(t);
    add_spatial_rules(t);
    add_matrix_rules(t);
    add_reduction_rules(t);
    add_control_rules(t);
    return t;
  }();
  return rules;
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

std::optional<Ints> Context::ints(size_t i) const {
  const Value* v = in(i);
  if (v == nullptr) return std::nullopt;
  if (const Tensor* t = v->constant()) {
    if (!is_integer(t->dtype) && t->dtype != DType::kBool) return std::nullopt;
    if (t->dims.size() > 1 || t->numel() > static_cast<int64_t>(kMaxInts)) return std::nullopt;
    if (byte_size(t->dtype) == 0) return std::nullopt;
    Ints content;
    for (int64_t x : t->as_ints()) content.emplace_back(x);
    return content;
  }
  return v->ints;
}

std::optional<std::vector<int64_t>> Context::const_ints(size_t i) const {
  std::optional<Ints> content = ints(i);
  if (!content) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const Expr& e : *content) {
    if (!e.is_const()) return std::nullopt;
    numbers.push_back(e.value());
  }
  return numbers;
}

std::optional<std::vector<int64_t>> Context::list(std::string_view name, size_t i,
                                                  bool& left_out) const {
  left_out = false;
  if (const Attribute* a = node.find(name)) {
    if (const auto* values = std::get_if<Attribute::Ints>(&a->v)) return *values;
    if (const auto* value = std::get_if<int64_t>(&a->v)) return Attribute::Ints{*value};
    return std::nullopt;
  }
  if (has(i)) return const_ints(i);
  left_out = true;
  return std::vector<int64_t>{};
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
  if (v != nullptr && ints.size() <= kMaxInts) v->ints = std::move(ints);
}

Status Context::wrong(std::string what) const {
  return Error{node.op_type + ": " + std::move(what), "node " + node.name};
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

namespace {

// What a body's inputs are known to be from the node that runs it.
void enter_bodies(const Node& node) {
  for (Graph* body : subgraphs(node)) {
    if (!node.is("Loop")) continue;
    for (size_t i = 0; i < body->inputs.size(); ++i) {
      Value* formal = body->inputs[i];
      const Value* actual = node.input(i);
      if (formal->dtype == DType::kUndefined) {
        if (i == 0) formal->dtype = DType::kInt64;
        if (i == 1) formal->dtype = DType::kBool;
        if (i >= 2 && actual != nullptr) formal->dtype = actual->dtype;
      }
    }
  }
}

}  // namespace
}  // namespace inference

Status infer(Node& node, int64_t opset) {
  const inference::Table& rules = inference::table();
  auto rule = rules.find(node.op_type);
  if (node.domain == "com.microsoft") {
    // What ONNX Runtime's quantizer leaves in files, under names with the domain.
    rule = rules.find("com.microsoft." + node.op_type);
  } else if (!node.domain.empty() && node.domain != "ai.onnx") {
    return {};
  }
  if (rule == rules.end()) return {};
  for (const Value* input : node.inputs) {
    // Sequences, maps and optionals: their element type is not the value's dtype.
    if (input != nullptr && !input->type_proto.empty()) return {};
  }
  inference::Context context(node, opset);
  if (Status status = rule->second(context); !status.ok()) {
    // What a file states of a node that cannot be right is not believed either.
    for (Value* output : node.outputs) {
      if (output == nullptr) continue;
      output->shape.reset();
      output->ints.reset();
    }
    return status;
  }
  inference::propagate_ints(context);
  return {};
}

// Bodies before the node that runs them, with an explicit stack: nesting comes from a file.
Status infer(Model& model, std::vector<Error>* problems) {
  struct Frame {
    Node* next;
    bool entered;
  };
  const int64_t opset = model.opset();
  std::vector<Frame> stack{{model.graph->first(), false}};
  while (!stack.empty()) {
    Node* node = stack.back().next;
    if (node == nullptr) {
      stack.pop_back();
      continue;
    }
    if (!stack.back().entered) {
      stack.back().entered = true;
      const std::vector<Graph*> bodies = subgraphs(*node);
      if (!bodies.empty()) {
        inference::enter_bodies(*node);
        for (Graph* body : bodies) {
          stack.push_back({body->first(), false});
        }
        continue;
      }
    }
    stack.back() = {node->next, false};
    if (Status status = infer(*node, opset); !status.ok()) {
      if (problems == nullptr) return status;
      problems->push_back(status.error());
    }
  }
  return {};
}

}  // namespace onnxport::onnx
