#include "options/json_value.h"

#include <fmt/format.h>

namespace onnxport::options {

Error wrong_type(const Json& value, const std::string& wanted) {
  std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (shown.size() > 60) shown = shown.substr(0, 57) + "...";
  return Error{fmt::format("expected {}, found {}", wanted, shown), ""};
}

Result<bool> as_bool(const Json& value) {
  if (!value.is_boolean()) return wrong_type(value, "true or false");
  return value.get<bool>();
}

Result<int64_t> as_int(const Json& value) {
  if (!value.is_number_integer()) return wrong_type(value, "an integer");
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) {
    return wrong_type(value, "an integer of 64 bits");
  }
  return value.get<int64_t>();
}

Result<double> as_number(const Json& value) {
  if (!value.is_number()) return wrong_type(value, "a number");
  return value.get<double>();
}

Result<std::string> as_string(const Json& value) {
  if (!value.is_string()) return wrong_type(value, "a string");
  return value.get<std::string>();
}

Result<std::vector<std::string>> as_strings(const Json& value) {
  if (!value.is_array()) return wrong_type(value, "a list of names");
  std::vector<std::string> out;
  for (const Json& item : value) {
    TRY_ASSIGN(std::string text, as_string(item));
    out.push_back(std::move(text));
  }
  return out;
}

}  // namespace onnxport::options
