// Which input an InputSpec is for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"
#include "onnxport/config.h"

namespace onnxport::options {

// The one of this name, or the `position`-th of those without a name; made where there is none.
InputSpec& input_named(std::vector<InputSpec>& inputs, const std::string& name);
InputSpec& input_at(std::vector<InputSpec>& inputs, size_t position);
// Drops what says nothing, but for those that others are counted by.
void drop_empty(std::vector<InputSpec>& inputs);

// "int64" -> DType::kInt64; nothing where an input cannot have that type.
std::optional<DType> type_named(const std::string& name);

// Axes are named: no others are dynamic then.
bool has_axes(const std::vector<InputSpec>& inputs);
bool has_sizes(const std::vector<InputSpec>& inputs);

// New names in the inputs' order; empty when none is given by position.
std::vector<std::string> new_names(const std::vector<InputSpec>& inputs);

// Sizes, axes and ranges of a model's inputs, in their order. An input is found by `names`, what it
// will be called in the file, or `own_names`, what forward() calls it. Refused, with the option and
// the known names: what no input is found for, and an input that is given two different things.
Result<std::vector<InputSpec>> for_inputs(const std::vector<InputSpec>& specs,
                                          const std::vector<std::string>& names,
                                          const std::vector<std::string>& own_names);

}  // namespace onnxport::options
