#include "aten/bind_sizes.h"

#include <optional>

#include "base/expr_solve.h"

namespace onnxport::aten {
namespace {

using Bindings = std::map<std::string, int64_t>;

struct Equation {
  Expr size;
  int64_t actual;
  std::string place;
};

Error mismatch(const Equation& e, const std::string& why) {
  return Error{"size " + std::to_string(e.actual) + " where the program has " + e.size.str() + why,
               e.place};
}

// The one symbol of `size` that has no value yet; nullopt when there is none or more than one.
std::optional<std::string> lone_unknown(const Expr& size, const Bindings& known) {
  std::optional<std::string> unknown;
  for (const std::string& symbol : size.symbols()) {
    if (known.contains(symbol)) continue;
    if (unknown) return std::nullopt;
    unknown = symbol;
  }
  return unknown;
}

}  // namespace

Result<Bindings> bind_sizes(const Program& program, const std::vector<std::vector<int64_t>>& dims) {
  if (dims.size() != program.inputs.size()) {
    return Error{"the program has " + std::to_string(program.inputs.size()) + " inputs, " +
                     std::to_string(dims.size()) + " were given",
                 ""};
  }
  std::vector<Equation> equations;
  for (size_t i = 0; i < dims.size(); ++i) {
    const Value& value = program.value(program.inputs[i].value);
    if (!value.shape) continue;
    std::string input = "input `" + program.inputs[i].name + "`";
    if (value.shape->size() != dims[i].size()) {
      return Error{"rank " + std::to_string(dims[i].size()) + " where the program has " +
                       to_string(*value.shape),
                   input};
    }
    for (size_t axis = 0; axis < dims[i].size(); ++axis) {
      equations.push_back(
          {(*value.shape)[axis], dims[i][axis], input + " axis " + std::to_string(axis)});
    }
  }

  Bindings known;
  for (const Equation& e : equations) {
    if (e.size.is_symbol()) known.try_emplace(e.size.symbol_name(), e.actual);
  }
  for (bool progress = true; progress;) {
    progress = false;
    for (const Equation& e : equations) {
      auto symbol = lone_unknown(e.size, known);
      if (!symbol) continue;
      auto x = solve(e.size, *symbol, e.actual, known);
      if (!x) continue;
      known[*symbol] = *x;
      progress = true;
    }
  }
  for (const Equation& e : equations) {
    auto size = e.size.eval(known);
    if (!size) return mismatch(e, ", which no size of its symbols gives");
    if (*size != e.actual) {
      return mismatch(e, e.size.is_const() ? "" : " = " + std::to_string(*size));
    }
  }
  return known;
}

}  // namespace onnxport::aten
