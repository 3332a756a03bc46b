// Sizes solved for a symbol in them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/expr.h"

namespace onnxport {

// factor * symbol + rest, as the normal form of an expression says.
struct Linear {
  std::string symbol;
  int64_t factor = 0;
  int64_t rest = 0;
};
// nullopt: a number, or of another form.
std::optional<Linear> linear_form(const Expr& e);

// The whole number, at least 0, that makes `e` equal to `wanted` when put for `symbol`; every other
// symbol of `e` is in `known`. nullopt: there is none, or `e` does not go in equal steps from 0.
std::optional<int64_t> solve(const Expr& e, const std::string& symbol, int64_t wanted,
                             std::map<std::string, int64_t> known = {});

}  // namespace onnxport
