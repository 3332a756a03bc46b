// How inputs are written on the command line and in a configuration file.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "options/inputs.h"
#include "options/option.h"

namespace onnxport::options {

using Texts = std::vector<std::string>;

// "1,3,224,224" (the next input's) or "name:1,3,224,224". As JSON [1, 3, 224, 224], a list of such
// lists, or {"name": [...]}.
Status shapes_from_texts(const Texts& texts, Settings& settings);
Status shapes_from_json(const nlohmann::json& value, Settings& settings);
extern const char* const kShapesSchema;
// The same for `simplify`, where -1 (or ?) keeps a size as it is.
Status simplify_shapes_from_texts(const Texts& texts, Settings& settings);
Status simplify_shapes_from_json(const nlohmann::json& value, Settings& settings);
extern const char* const kSimplifyShapesSchema;

// "input:0=batch_size,2=height" (several, separated by ';' or as texts of their own), or JSON:
// {"input": {"0": "batch_size"}}; {"input": [0, 2]} as torch.onnx also takes, with made-up names.
Status axes_from_texts(const Texts& texts, Settings& settings);
Status axes_from_json(const nlohmann::json& value, Settings& settings);
extern const char* const kAxesSchema;

// "sampling_rate=16000": what reads as a number, true or false is one; else, or in quotes, a
// string. As JSON {"sampling_rate": 16000, "reduction": "mean"}.
Status values_from_texts(const Texts& texts, Settings& settings);
Status values_from_json(const nlohmann::json& value, Settings& settings);
extern const char* const kValuesSchema;

// "input_ids=int64", {"input_ids": "int64"}
Status types_from_texts(const Texts& texts, Settings& settings);
Status types_from_json(const nlohmann::json& value, Settings& settings);
extern const char* const kTypesSchema;

// "a,b", ["a", "b"]
Status names_from_texts(const Texts& texts, Settings& settings);
Status names_from_json(const nlohmann::json& value, Settings& settings);
extern const char* const kNamesSchema;

// "input_ids=0..9", {"input_ids": [0, 9]}
Status ranges_from_texts(const Texts& texts, Settings& settings);
Status ranges_from_json(const nlohmann::json& value, Settings& settings);
extern const char* const kRangesSchema;

// "65536", "64K", "1M" or "2%"; 65536, "64K"
Status growth_from_texts(const Texts& texts, Settings& settings);
Status growth_from_json(const nlohmann::json& value, Settings& settings);
extern const char* const kGrowthSchema;

// "4294967296", "4G"; 4294967296, "4G"
Status memory_from_texts(const Texts& texts, Settings& settings);
Status memory_from_json(const nlohmann::json& value, Settings& settings);
Status simplify_memory_from_texts(const Texts& texts, Settings& settings);
Status simplify_memory_from_json(const nlohmann::json& value, Settings& settings);
extern const char* const kMemorySchema;

// What does not need a model: two for one name, sizes below 0, types that there are not, ranges
// that are upside down.
Status check_shapes(const Settings& settings);
Status check_simplify_shapes(const Settings& settings);
Status check_values(const Settings& settings);
Status check_types(const Settings& settings);
Status check_ranges(const Settings& settings);
Status check_growth(const Settings& settings);
Status check_memory(const Settings& settings);
Status check_simplify_memory(const Settings& settings);

}  // namespace onnxport::options
