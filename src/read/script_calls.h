// What a function of a TorchScript archive calls, found without running it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "read/script_names.h"

namespace onnxport::read {

struct FunctionCalls {
  size_t size = 0;                                 // its own expressions and statements
  std::vector<const CodeFunction*> calls = {};     // one entry a call
  std::vector<const CodeFunction*> mentions = {};  // taken as a value
  std::vector<const CodeClass*> classes = {};      // mentioned, made
  std::vector<std::string_view> maybe = {};        // methods of whatever class: one entry a call
};

// Types are followed as far as TorchScript code declares them, so that `(x).forward(y)` is the
// method of one class; where they are not known, it may be that of any.
//
// Refuses every operator that is not on the list (aten/allowed_operators.h), by whatever name or
// alias it is reached, `fork`, native classes, names that nothing defines, and in __setstate__ and
// __getstate__, which libtorch runs while it loads an archive, whatever could take long: loops,
// calls, and operators that make tensors or let lists and strings grow.
Result<FunctionCalls> find_calls(CodeNames& names, const CodeFunction& function);

}  // namespace onnxport::read
