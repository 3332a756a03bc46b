#include "simplify/fix_shapes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/expr_solve.h"
#include "onnx/infer.h"
#include "onnx/walk.h"

namespace onnxport::simplify {
namespace {

using onnx::Graph;
using onnx::Value;

// symbol -> its size and the input that said so
struct Binding {
  int64_t size;
  std::string input;
};
using Bindings = std::map<std::string, Binding>;

// What a caller can give: initializers that are listed as inputs have their values already.
std::vector<Value*> free_inputs(const Graph& graph) {
  std::vector<Value*> inputs;
  for (Value* v : graph.inputs) {
    if (!v->initializer) inputs.push_back(v);
  }
  return inputs;
}

std::string text_of(const std::vector<int64_t>& sizes) {
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

Result<Value*> find_input(const Graph& graph, const InputShape& shape, size_t& next) {
  const std::vector<Value*> inputs = free_inputs(graph);
  if (shape.name.empty()) {
    if (next < inputs.size()) return inputs[next++];
    return Error{fmt::format("{} is one shape too many: the model has {} input{}",
                             text_of(shape.sizes), inputs.size(), inputs.size() == 1 ? "" : "s"),
                 ""};
  }
  for (Value* v : graph.inputs) {
    if (v->name == shape.name) return v;
  }
  std::vector<std::string> names;
  for (const Value* v : inputs) names.push_back("`" + v->name + "`");
  return Error{fmt::format("the model has no input `{}`; it has {}", shape.name,
                           names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))),
               ""};
}

// c * symbol + d = size, solved for the symbol; nullopt when it has no such form.
struct Solution {
  std::string symbol;
  std::optional<int64_t> size;  // none: no whole size fits
};
std::optional<Solution> solve_for_any(const Expr& dim, int64_t size) {
  const auto form = linear_form(dim);
  if (!form) return std::nullopt;
  return Solution{form->symbol, solve(dim, form->symbol, size)};
}

// One dimension of an input takes its size: directly, or through the symbols in it.
Status fix_axis(Value& input, size_t axis, int64_t size, Bindings& bindings) {
  Expr& dim = (*input.shape)[axis];
  const std::string where = fmt::format("axis {} of input `{}`", axis, input.name);
  if (onnx::is_unknown_dim(dim)) {
    dim = size;
    return {};
  }
  std::map<std::string, Expr> known;
  for (const auto& [symbol, binding] : bindings) known.emplace(symbol, Expr(binding.size));
  const Expr now = dim.substitute(known);
  if (now.is_const()) {
    if (now.is_const(size)) return {};
    for (const std::string& symbol : dim.symbols()) {
      auto found = bindings.find(symbol);
      if (found == bindings.end()) continue;
      return Error{
          fmt::format("{} would be {}, but input `{}` makes it {}: it is {} there and here", where,
                      size, found->second.input, now.value(), symbol),
          ""};
    }
    return Error{fmt::format("{} is fixed at {} and cannot become {}", where, now.value(), size),
                 ""};
  }
  const std::optional<Solution> solution = solve_for_any(now, size);
  if (!solution) return {};  // takes the size itself; what it is made of stays dynamic
  if (!solution->size) {
    return Error{fmt::format("{} is {} and cannot become {}", where, dim.str(), size), ""};
  }
  bindings[solution->symbol] = {*solution->size, input.name};
  return {};
}

void substitute(onnx::Model& model, const Bindings& bindings) {
  std::map<std::string, Expr> sizes;
  for (const auto& [symbol, binding] : bindings) sizes.emplace(symbol, Expr(binding.size));
  if (sizes.empty()) return;
  for (Graph* graph : onnx::all_graphs(model)) {
    for (Value* value : graph->values()) {
      if (value->shape) {
        for (Expr& dim : *value->shape) {
          if (!dim.is_const()) dim = dim.substitute(sizes);
        }
      }
      if (value->ints) {
        for (Expr& content : *value->ints) {
          if (!content.is_const()) content = content.substitute(sizes);
        }
      }
    }
  }
}

// What the outputs declared, made fixed where the sizes now follow.
void settle_outputs(const Graph& graph, const std::vector<std::optional<Shape>>& declared) {
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    Value* out = graph.outputs()[i];
    if (out->producer == nullptr || !out->shape) continue;
    const Shape inferred = *out->shape;
    const bool fixed =
        std::all_of(inferred.begin(), inferred.end(), [](const Expr& d) { return d.is_const(); });
    if (!declared[i]) {
      if (!fixed) out->shape.reset();
      continue;
    }
    Shape settled = *declared[i];
    for (size_t d = 0; d < settled.size() && settled.size() == inferred.size(); ++d) {
      if (!settled[d].is_const() && inferred[d].is_const()) settled[d] = inferred[d];
    }
    out->shape = std::move(settled);
  }
}

Status bind_all(onnx::Model& model, const std::vector<InputShape>& shapes, Bindings& bindings) {
  struct Wanted {
    Value* input;
    size_t axis;
    int64_t size;
  };
  std::vector<Wanted> symbols, expressions;
  std::set<const Value*> seen;
  size_t next = 0;
  for (const InputShape& shape : shapes) {
    TRY_ASSIGN(Value * input, find_input(*model.graph, shape, next));
    if (!seen.insert(input).second) {
      return Error{fmt::format("input `{}` is given two shapes", input->name), ""};
    }
    if (!input->type_proto.empty()) {
      return Error{fmt::format("input `{}` is not a tensor: it has no shape to fix", input->name),
                   ""};
    }
    if (!input->shape) input->shape = Shape(shape.sizes.size(), onnx::unknown_dim());
    if (input->rank() != shape.sizes.size()) {
      return Error{
          fmt::format("{} has {} sizes, input `{}` has {}: {}", text_of(shape.sizes),
                      shape.sizes.size(), input->name, input->rank(), to_string(*input->shape)),
          ""};
    }
    for (size_t axis = 0; axis < shape.sizes.size(); ++axis) {
      if (shape.sizes[axis] == kKeepSize) continue;
      if (shape.sizes[axis] < 0) {
        return Error{fmt::format("{} is not a size for input `{}`", shape.sizes[axis], input->name),
                     ""};
      }
      const Expr& dim = (*input->shape)[axis];
      (dim.is_symbol() ? symbols : expressions).push_back({input, axis, shape.sizes[axis]});
    }
  }
  for (const auto& list : {symbols, expressions}) {
    for (const Wanted& w : list) TRY(fix_axis(*w.input, w.axis, w.size, bindings));
  }
  substitute(model, bindings);
  for (const auto& list : {symbols, expressions}) {
    for (const Wanted& w : list) {
      Expr& dim = (*w.input->shape)[w.axis];
      if (!dim.is_const()) dim = w.size;
    }
  }
  return {};
}

}  // namespace

Status fix_input_shapes(onnx::Model& model, const std::vector<InputShape>& shapes) {
  if (shapes.empty()) return {};
  if (!model.graph->sort()) return Error{"the graph has a cycle", ""};
  std::vector<std::optional<Shape>> declared;
  for (const Value* out : model.graph->outputs()) declared.push_back(out->shape);
  std::vector<Value*> untyped;  // what the file states no type of
  for (Graph* graph : onnx::all_graphs(model)) {
    for (Value* value : graph->values()) {
      if (value->producer != nullptr && value->dtype == DType::kUndefined) {
        untyped.push_back(value);
      }
    }
  }
  std::vector<Error> before, after;
  TRY(onnx::infer(model, &before));
  for (size_t i = 0; i < declared.size(); ++i) {
    Value* out = model.graph->outputs()[i];
    if (out->producer != nullptr && declared[i]) out->shape = declared[i];
  }
  Bindings bindings;
  TRY(bind_all(model, shapes, bindings));
  for (size_t i = 0; i < declared.size(); ++i) declared[i] = model.graph->outputs()[i]->shape;
  TRY(onnx::infer(model, &after));
  std::set<std::string> known;
  for (const Error& e : before) known.insert(e.where);
  for (Error& e : after) {
    if (known.count(e.where) == 0) {
      return Error{"these sizes do not fit the model: " + e.message, e.where};
    }
  }
  settle_outputs(*model.graph, declared);
  for (Value* value : untyped) {
    if (value->graph_outputs > 0) continue;
    value->dtype = DType::kUndefined;
    value->shape.reset();
    value->ints.reset();
  }
  return {};
}

}  // namespace onnxport::simplify
