// What is known of the numbers in a value that is computed.
#pragma once

#include <optional>

#include "simplify/rule.h"

namespace onnxport::simplify {

// The least number that an element of this type can be, infinity aside; nullopt: of no number.
std::optional<double> lowest_of(DType dtype);

// A number that no element of v is below (NaN aside), from the operators that v is made by: 0
// behind a Relu, `min` behind a Clip, also over what only moves elements. nullopt: nothing is
// known.
std::optional<double> lower_bound_of(const Value* v, const Node& user);

}  // namespace onnxport::simplify
