// Values of a configuration file, each held to its type.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace onnxport::options {

using Json = nlohmann::json;

// "expected a string, found 17"
Error wrong_type(const Json& value, const std::string& wanted);

Result<bool> as_bool(const Json& value);
Result<int64_t> as_int(const Json& value);
Result<double> as_number(const Json& value);
Result<std::string> as_string(const Json& value);
Result<std::vector<std::string>> as_strings(const Json& value);

}  // namespace onnxport::options
