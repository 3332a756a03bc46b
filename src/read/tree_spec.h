// PyTorch's pytree text of a model's outputs, for the names of the leaves.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace onnxport::read {

// Names of a namedtuple's fields by its serialized type name (`treespec_namedtuple_fields`).
using NamedTupleFields = std::unordered_map<std::string, std::vector<std::string>>;

// One name per leaf, in order: keys of dicts, fields of dataclasses and namedtuples, joined by `_`
// where they nest; an element of a tuple or list adds its index below a name and is "" without one.
Result<std::vector<std::string>> leaf_names(std::string_view treespec,
                                            const NamedTupleFields& fields);

}  // namespace onnxport::read
