// Einsum's equation, with what it leaves open written out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "simplify/rule.h"

namespace onnxport::simplify {

// One character an axis: letters, and digits in place of "...", the last axis of it being '0'.
struct Equation {
  std::vector<std::string> terms;  // one an input; no letter twice in one of them
  std::string output;              // no letter twice
  bool has_dots = false;           // the same digits may stand for 1 and another size
};

// nullopt: it cannot be read, a rank is unknown, or a letter stands for a diagonal.
std::optional<Equation> equation_of(const Node& einsum);

}  // namespace onnxport::simplify
