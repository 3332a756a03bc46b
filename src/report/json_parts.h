// The parts that the JSON of all reports is made of; docs/report.md and docs/simplify.md have the
// keys.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "onnxport/report.h"

namespace onnxport::report {

using Json = nlohmann::ordered_json;

// [{"name": "input", "dtype": "float32", "dims": ["batch_size", 3, 224, 224]}]
Json tensors_json(const std::vector<TensorReport>& tensors);
Json runs_json(const std::vector<RunReport>& runs);
Json seconds_json(const std::vector<Stage>& stages);
// The end of the text is a newline; bytes that are not UTF-8 are replaced.
std::string dumped(const Json& json);

}  // namespace onnxport::report
