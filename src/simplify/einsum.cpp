// Einsum as the operator that does the same alone; and transposes around it, which its equation can
// say.
#include "simplify/einsum.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>
#include <utility>

#include "simplify/match.h"
#include "simplify/product.h"

namespace onnxport::simplify {
namespace {

bool has(std::string_view labels, char label) { return labels.find(label) != std::string::npos; }

bool are_distinct(std::string_view labels) {
  return std::set<char>(labels.begin(), labels.end()).size() == labels.size();
}

bool ends_with(std::string_view labels, std::string_view end) {
  return labels.size() >= end.size() && labels.substr(labels.size() - end.size()) == end;
}

// The labels of a term as they are written, "..." being `dots` axes.
std::optional<std::string> written_out(std::string_view term, size_t dots) {
  std::string labels;
  bool has_dots = false;
  for (size_t i = 0; i < term.size(); ++i) {
    if (std::isalpha(static_cast<unsigned char>(term[i])) != 0) {
      labels += term[i];
    } else if (term.substr(i, 3) == "..." && !has_dots) {
      for (size_t k = dots; k-- > 0;) labels += static_cast<char>('0' + k);
      has_dots = true;
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  return labels;
}

// Without "->": the axes of "...", then the letters that occur once, in order. Runtimes differ on
// what order capitals have.
std::optional<std::string> implied_output(const std::vector<std::string>& terms, size_t dots) {
  std::string all, output;
  for (const std::string& term : terms) all += term;
  for (size_t k = dots; k-- > 0;) output += static_cast<char>('0' + k);
  std::string letters;
  for (const char c : all) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0) return std::nullopt;
    if (std::isalpha(static_cast<unsigned char>(c)) == 0) continue;
    if (std::count(all.begin(), all.end(), c) == 1) letters += c;
  }
  std::sort(letters.begin(), letters.end());
  return output + letters;
}

}  // namespace

std::optional<Equation> equation_of(const Node& einsum) {
  std::string text = einsum.get<std::string>("equation", "");
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t arrow = text.find("->");
  const std::string_view left = std::string_view(text).substr(0, std::min(arrow, text.size()));
  constexpr size_t kMaxDots = 8;
  Equation equation;
  size_t dots = 0;
  for (size_t from = 0; from <= left.size();) {
    const size_t comma = std::min(left.find(',', from), left.size());
    const std::string_view term = left.substr(from, comma - from);
    from = comma + 1;
    const Value* x = einsum.input(equation.terms.size());
    if (x == nullptr || !x->shape) return std::nullopt;
    const bool open = term.find("...") != std::string_view::npos;
    const size_t letters = open ? term.size() - 3 : term.size();
    const size_t rank = x->shape->size();
    if (rank < letters || (!open && rank != letters) || rank - letters > kMaxDots) {
      return std::nullopt;
    }
    dots = std::max(dots, rank - letters);
    equation.has_dots |= open;
    auto labels = written_out(term, rank - letters);
    if (!labels || labels->size() != rank || !are_distinct(*labels)) return std::nullopt;
    equation.terms.push_back(std::move(*labels));
  }
  if (equation.terms.size() != einsum.inputs.size()) return std::nullopt;
  auto output = arrow != std::string::npos
                    ? written_out(std::string_view(text).substr(arrow + 2), dots)
                    : implied_output(equation.terms, dots);
  if (!output || !are_distinct(*output)) return std::nullopt;
  for (size_t k = 0; k < dots; ++k) {  // an output without "..." has nothing to put them
    if (!has(*output, static_cast<char>('0' + k))) return std::nullopt;
  }
  for (const char c : *output) {
    if (std::none_of(equation.terms.begin(), equation.terms.end(),
                     [&](const std::string& term) { return has(term, c); })) {
      return std::nullopt;
    }
  }
  equation.output = std::move(*output);
  return equation;
}

namespace {

using Ints = onnx::Attribute::Ints;

// perm of the Transpose that turns axes `from` into `to`; nullopt: they are not the same axes.
std::optional<Ints> perm_between(std::string_view from, std::string_view to) {
  if (from.size() != to.size()) return std::nullopt;
  Ints perm;
  for (const char c : to) {
    const size_t at = from.find(c);
    if (at == std::string_view::npos) return std::nullopt;
    perm.push_back(static_cast<int64_t>(at));
  }
  return perm;
}

bool has_type_of_product(const Value* a, const Value* b, int64_t opset) {
  if (a->dtype != b->dtype) return false;
  if (a->dtype == DType::kBFloat16) return opset >= 13;
  return is_floating(a->dtype) || a->dtype == DType::kInt32 || a->dtype == DType::kInt64;
}

// --- transposes around it ------------------------------------------------------------------------

std::string text_of(const Equation& equation) {
  std::string text;
  for (const std::string& term : equation.terms) text += (text.empty() ? "" : ",") + term;
  return text + "->" + equation.output;
}

// A Transpose before an input that nothing else uses, maybe with one number multiplied after it.
struct Moved {
  Node* transpose = nullptr;
  Node* scale = nullptr;
};
std::optional<Moved> moved_before(const Node& einsum, size_t input) {
  const Value* v = einsum.input(input);
  Moved moved;
  if (used_once(v) && factor_of(producer(v, einsum))) {
    moved.scale = producer(v, einsum);
    v = factor_of(moved.scale)->x;
  }
  moved.transpose = producer(v, "Transpose", einsum);
  if (moved.transpose == nullptr || !used_once(v)) return std::nullopt;
  if (!moved.transpose->input(0)->shape || !perm_of(*moved.transpose)) return std::nullopt;
  return moved;
}

bool is_between_transposes(const Node& einsum) {
  for (size_t i = 0; i < einsum.inputs.size(); ++i) {
    if (moved_before(einsum, i)) return true;
  }
  const Value* y = einsum.output();
  return used_once(y) && y->uses[0].node->is("Transpose") && y->uses[0].node->graph == y->graph;
}

// --- one input -----------------------------------------------------------------------------------

// Einsum(x: "ijk->kij")  =>  Transpose(x), or x when nothing moves
RULE(einsum_to_transpose, "Einsum") {
  const auto equation = equation_of(node);
  if (!equation || equation->terms.size() != 1) return no_match("not of one input");
  const auto perm = perm_between(equation->terms[0], equation->output);
  if (!perm) return no_match("axes are summed");
  if (equation->terms[0] == equation->output) return replace_if_possible(r, node, node.input(0));
  Value* y = r.op("Transpose", {node.input(0)}, {{"perm", *perm}});
  stand_for(y, node);
  r.replace(node, y);
  return done();
}

// Einsum(x: "ijk->ik")  =>  ReduceSum(x, [1])        the axes that stay keep their order
RULE_ROUNDING(einsum_to_sum, "Einsum") {
  const auto equation = equation_of(node);
  if (!equation || equation->terms.size() != 1) return no_match("not of one input");
  if (!has_type_of_product(node.input(0), node.input(0), r.opset()))
    return no_match("the operator does not take this type");
  std::string stays;
  Ints axes;
  for (size_t i = 0; i < equation->terms[0].size(); ++i) {
    const char label = equation->terms[0][i];
    if (has(equation->output, label)) {
      stays += label;
    } else {
      axes.push_back(static_cast<int64_t>(i));
    }
  }
  if (stays != equation->output || axes.empty()) return no_match("axes move");
  Value* x = node.input(0);
  Value* y = r.opset() >= 13
                 ? r.op("ReduceSum", {x, r.constant(Tensor::ints(axes), "axes")}, {{"keepdims", 0}})
                 : r.op("ReduceSum", {x}, {{"axes", axes}, {"keepdims", 0}});
  stand_for(y, node);
  r.replace(node, y);
  return done();
}

// --- two inputs ----------------------------------------------------------------------------------

// Einsum(a, b: "bij,ij->bij")  =>  Mul(a, b)        nothing is summed, the last axes are shared
RULE(einsum_to_mul, "Einsum") {
  const auto equation = equation_of(node);
  if (!equation || equation->terms.size() != 2) return no_match("not of two inputs");
  const std::string &a = equation->terms[0], &b = equation->terms[1], &y = equation->output;
  if (!ends_with(y, a) || !ends_with(y, b) || std::max(a.size(), b.size()) != y.size()) {
    return no_match("axes move, or are summed");
  }
  if (!has_type_of_product(node.input(0), node.input(1), r.opset()))
    return no_match("the operator does not take this type");
  Value* product = r.op("Mul", {node.input(0), node.input(1)});
  stand_for(product, node);
  r.replace(node, product);
  return done();
}

// How MatMul wants the axes of its inputs.
struct Factors {
  std::string left, right;
};

// The axes of a product over axis k that gives `y`, of these inputs; nullopt: MatMul cannot.
std::optional<Factors> factors_for(const std::string& left, const std::string& right, char k,
                                   const std::string& y) {
  const std::string sum(1, k);
  if (right == sum) return Factors{y + k, right};
  if (left == sum) {
    if (y.empty()) return std::nullopt;
    return Factors{left, y.substr(0, y.size() - 1) + k + y.back()};
  }
  if (y.size() < 2) return std::nullopt;
  const char row = y[y.size() - 2], column = y.back();
  if (has(right, row) || has(left, column)) return std::nullopt;
  const std::string batch = y.substr(0, y.size() - 2);
  // Each input has the last ones of the batch's axes, and one of them has all.
  Factors factors;
  for (const char label : batch) {
    if (has(left, label)) factors.left += label;
    if (has(right, label)) factors.right += label;
  }
  if (!ends_with(batch, factors.left) || !ends_with(batch, factors.right)) return std::nullopt;
  factors.left += row;
  factors.left += k;
  factors.right += k;
  factors.right += column;
  return factors;
}

// The one axis that is summed over both inputs; nullopt: another number of them, or one that only
// one input has.
std::optional<char> summed_axis(const Equation& equation) {
  const std::string &a = equation.terms[0], &b = equation.terms[1];
  std::string sums;
  for (const char label : a + b) {
    if (has(equation.output, label)) continue;
    if (!has(a, label) || !has(b, label)) return std::nullopt;
    if (!has(sums, label)) sums += label;
  }
  return sums.size() == 1 ? std::optional(sums[0]) : std::nullopt;
}

// Whether x, whose axes are `labels`, can have the axes `wanted` without a node more.
bool can_take(const Value* x, const std::string& labels, const std::string& wanted) {
  if (labels == wanted) return true;
  return perm_between(labels, wanted) && constant_of(x) != nullptr && used_once(x);
}

Value* taken(Rewriter& r, Value* x, const std::string& labels, const std::string& wanted) {
  if (labels == wanted) return x;
  return r.constant(constant_of(x)->transposed(*perm_between(labels, wanted)), x->name);
}

// Einsum(a, b: "bij,bjk->bik")  =>  MatMul(a, b)
//     one axis is summed, and all are in MatMul's order, for a constant of its own after a
//     Transpose
RULE_ROUNDING(einsum_to_matmul, "Einsum") {
  const auto equation = equation_of(node);
  if (!equation || equation->terms.size() != 2) return no_match("not of two inputs");
  const auto k = summed_axis(*equation);
  if (!k) return no_match("not one axis is summed");
  if (!equation->has_dots && is_between_transposes(node)) {
    return no_match("the equation takes the transposes in first");
  }
  if (!has_type_of_product(node.input(0), node.input(1), r.opset()))
    return no_match("the operator does not take this type");
  std::vector<Expr> sizes;  // of the axis in both inputs: Einsum broadcasts, MatMul does not
  for (size_t i = 0; i < 2; ++i) {
    sizes.push_back((*node.input(i)->shape)[equation->terms[i].find(*k)]);
  }
  if (sizes[0] != sizes[1]) return no_match("the sizes of the axis differ, or are unknown");
  for (size_t first = 0; first < 2; ++first) {
    Value *a = node.input(first), *b = node.input(1 - first);
    const std::string &left = equation->terms[first], &right = equation->terms[1 - first];
    const auto factors = factors_for(left, right, *k, equation->output);
    if (!factors || !can_take(a, left, factors->left) || !can_take(b, right, factors->right)) {
      continue;
    }
    Value* product =
        r.op("MatMul", {taken(r, a, left, factors->left), taken(r, b, right, factors->right)});
    stand_for(product, node);
    r.replace(node, product);
    return done();
  }
  return no_match("axes would have to move");
}

// Einsum(Transpose(a), b)  =>  Einsum(a, b)        the equation says it
// Einsum(Transpose(a) * k, b)  =>  Einsum(a * k, b)        k one number
RULE_ROUNDING(fuse_transpose_into_einsum, "Einsum") {
  auto equation = equation_of(node);
  if (!equation || equation->has_dots) return no_match("the equation has open axes");
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const auto moved = moved_before(node, i);
    std::string& term = equation->terms[i];
    const auto perm = moved ? perm_of(*moved->transpose) : std::nullopt;
    if (!perm || perm->size() != term.size()) continue;
    std::string before(term.size(), ' ');
    for (size_t axis = 0; axis < term.size(); ++axis) {
      before[static_cast<size_t>((*perm)[axis])] = term[axis];
    }
    term = before;
    Value* x = moved->transpose->input(0);
    if (moved->scale != nullptr) {
      std::vector<Value*> inputs = moved->scale->inputs;
      std::replace(inputs.begin(), inputs.end(), moved->transpose->output(), x);
      x = r.op(moved->scale->op_type, inputs);
      stand_for(x, *moved->scale);
    }
    node.set("equation", text_of(*equation));
    r.set_input(node, i, x);
    return done();
  }
  return no_match("no Transpose of its own before");
}

// Transpose(Einsum(a, b))  =>  Einsum(a, b)        the equation says it
RULE_ROUNDING(fuse_einsum_and_transpose, "Transpose") {
  Node* einsum = producer(node.input(0), "Einsum", node);
  if (einsum == nullptr || !used_once(einsum->output())) return no_match("no Einsum before");
  auto equation = equation_of(*einsum);
  const auto perm = einsum->output()->shape ? perm_of(node) : std::nullopt;
  if (!equation || equation->has_dots || !perm) return no_match("the equation has open axes");
  if (perm->size() != equation->output.size()) return no_match("the rank differs");
  std::string output;
  for (const int64_t axis : *perm) output += equation->output[static_cast<size_t>(axis)];
  equation->output = output;
  Value* y = r.op("Einsum", einsum->inputs, {{"equation", text_of(*equation)}});
  stand_for(y, *einsum);
  r.replace(node, y);
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
