// --max-growth: a number of bytes, or a part of the file.
#include "options/input_forms.h"
#include "options/json_value.h"
#include "options/text.h"

namespace onnxport::options {

const char* const kGrowthSchema =
    R"({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^([0-9]+[KM]?|[0-9.]+%)$"}]})";

Status growth_from_texts(const Texts& texts, Settings& settings) {
  SimplifyConfig& config = settings.simplify;
  const std::string& text = texts.back();
  const Error usage{"write a number of bytes (65536, 64K, 1M) or a part of the file (2%)", text};
  std::string number = trimmed(text);
  if (number.ends_with('%')) {
    number.pop_back();
    double percent = 0;
    if (!parse(number, percent) || !(percent >= 0) || percent > 1e6) return usage;
    config.max_growth_bytes.reset();
    config.max_growth_percent = percent;
    return {};
  }
  const int64_t unit = take_unit(number, "KM");
  int64_t bytes = 0;
  if (!parse(number, bytes) || bytes < 0 || bytes > int64_t{1} << 40) return usage;
  config.max_growth_bytes = bytes * unit;
  return {};
}

Status growth_from_json(const Json& value, Settings& settings) {
  if (value.is_string()) return growth_from_texts({value.get<std::string>()}, settings);
  if (!value.is_number_integer()) {
    return wrong_type(value, "a number of bytes, or a text such as \"64K\" or \"2%\"");
  }
  return growth_from_texts({value.dump()}, settings);
}

Status check_growth(const Settings& settings) {
  const SimplifyConfig& config = settings.simplify;
  if (config.max_growth_bytes.value_or(0) < 0 || !(config.max_growth_percent >= 0)) {
    return Error{"must be 0 or more", ""};
  }
  return {};
}

}  // namespace onnxport::options
