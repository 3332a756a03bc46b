// How large the code of a TorchScript archive becomes when every call is replaced by what it calls,
// as libtorch does before it runs anything, and how deep its compiler goes. Counted over the graph
// of calls, in linear time, without expanding anything.
#pragma once

#include <span>

#include "base/result.h"
#include "read/script_calls.h"
#include "read/script_names.h"

namespace onnxport::read {

// `calls`: of each of names.functions(), in order. Refuses functions that call themselves,
// expansions that are too large, and chains of functions and classes that are too deep, by their
// names.
Status check_expansion(const CodeNames& names, std::span<const FunctionCalls> calls);

}  // namespace onnxport::read
