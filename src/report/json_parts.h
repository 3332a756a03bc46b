// The parts that the JSON of all reports is made of; docs/report.md and docs/simplify.md have the
// keys.
#pragma once

#include <map>
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
// {"Conv": 53}; linear in the number of operators.
Json counts_json(const std::map<std::string, int>& counts);
// The end of the text is a newline. Whatever the texts in it hold, it is valid JSON in UTF-8, no
// key is in an object twice, nothing in it acts on a terminal (base/printable.h), and no text is
// longer than kMostOfMessage.
std::string dumped(const Json& json);

}  // namespace onnxport::report
