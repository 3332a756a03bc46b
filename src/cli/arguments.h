// Texts of the command line as values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "onnxport/export.h"
#include "onnxport/simplify.h"

namespace onnxport::cli {

// "1,3,224,224" (the next input's) or "name:1,3,224,224".
Status add_input_shape(const std::string& text, ExportConfig& config);
// The same for `simplify`, where -1 or ? keeps a dimension as it is.
Status add_input_shape(const std::string& text, SimplifyConfig& config);
// "65536", "64K", "1M" or "2%".
Status set_max_growth(const std::string& text, SimplifyConfig& config);

// "input:0=batch_size,2=height" (several, separated by ';' or by giving the option again), or JSON
// as in a configuration file.
Status add_dynamic_axes(const std::string& text, ExportConfig& config);

// "sampling_rate=16000": what reads as a number, true or false is one; else, or in quotes, a
// string.
Status add_input_value(const std::string& text, ExportConfig& config);

// "input_ids=int64".
Status add_input_type(const std::string& text, ExportConfig& config);

// "a,b" -> {"a", "b"}; empty names are an error.
Result<std::vector<std::string>> names(const std::string& text);

}  // namespace onnxport::cli
