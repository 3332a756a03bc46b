// aten::Program -> onnx::Model, one rule per ATen overload.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "aten/program.h"
#include "aten/schema.h"
#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::lower {

struct Options {
  int64_t opset = 17;
  std::vector<std::string> input_names;   // empty: "input", or the forward()'s names when several
  std::vector<std::string> output_names;  // empty: "output", or dict keys / output_<i> when several
  std::stop_token cancel = {};            // looked at before every call
};

// An Error unless there are none, or one for each of the model's `count` inputs or outputs.
Status check_names(const std::vector<std::string>& names, size_t count, const char* of_what);

// Names: an ONNX node is named after its module path (made unique), a value keeps the aten value's
// name (so `verify` can compare the two graphs value by value), a weight keeps its parameter name.
// All overloads without a rule and all refusals are reported in one Error, grouped, with how often,
// module path and source line of the first use.
Result<onnx::Model> lower(const aten::Program& program, const Options& options);

// The schema of an operator that has a rule, for aten::ProgramBuilder; null for any other.
const aten::Schema* find_schema(const std::string& full_name);

}  // namespace onnxport::lower
