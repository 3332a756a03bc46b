// What the reader knows of ATen's in-place calls, so that it needs no libtorch to make them
// functional.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aten/program.h"

namespace onnxport::read {

// How an in-place call is computed without changing its argument.
struct InPlace {
  enum class Kind {
    kFunctional,  // the call of the same name without `_`, same arguments
    kCompare,     // the same, but its result is bool and is converted to the argument's type
    kCopy,        // copy_: the source, converted and expanded
    kFill,        // fill_: the value, expanded
    kZero,        // zero_
    kNothing,     // leaves the data as it is (requires_grad_, detach_, dropout_ when not training)
    kReshape,     // changes sizes, not data: squeeze_, unsqueeze_, t_, transpose_
    kUnknown,     // mutates in a way that we do not know
  } kind;
  std::string functional;     // "aten::relu"
  std::string self = "self";  // what the functional call names its first argument
};

// nullopt for a call that changes none of its arguments. Every call whose name ends in a single
// `_`, or that writes to `out`, is taken to mutate: known, or kUnknown.
std::optional<InPlace> in_place(const aten::Node& node);

}  // namespace onnxport::read
