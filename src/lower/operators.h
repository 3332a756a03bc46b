// What can be lowered, and from which opset on: read from the rules.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lower/opset_need.h"

namespace onnxport::lower {

struct SupportedOverload {
  std::string name;    // "" for the default overload
  std::string schema;  // as PyTorch writes it
  int64_t since = kLeastOpset;
  std::vector<OpsetNeed> parts;  // calls that need a later opset
};

struct SupportedOperator {
  std::string name;  // "aten::add"
  std::vector<SupportedOverload> overloads;
  int64_t since() const;  // the least of its overloads
};

// Sorted by name.
std::vector<SupportedOperator> supported_operators();

}  // namespace onnxport::lower
