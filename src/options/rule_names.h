// The names that --skip takes.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace onnxport::options {

// The error names the first that is not a rule, and known names near it.
Status check_rule_names(const std::vector<std::string>& names);

}  // namespace onnxport::options
