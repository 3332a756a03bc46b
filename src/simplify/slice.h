// What a Slice takes, whichever opset says it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "simplify/rule.h"

namespace onnxport::simplify {

struct Cut {
  std::vector<int64_t> starts, ends, axes, steps;  // one a cut axis; axes counted from the front
};
// nullopt: something is computed, or the rank is unknown.
std::optional<Cut> cut_of(const Node& slice);
// Of a Slice of opset 10 and later that cuts x so.
std::vector<Value*> inputs_of(Rewriter& r, Value* x, const Cut& cut);

}  // namespace onnxport::simplify
