#include "formats/json.h"

#include <fmt/format.h>

#include <limits>

namespace onnxport::formats {

namespace {

template <typename T>
Result<T> typed(JsonValue value, std::string_view what, const char* kind) {
  T out;
  if (value.get(out) == simdjson::SUCCESS) return out;
  std::string found = simdjson::minify(value);
  if (found.size() > 60) found = found.substr(0, 57) + "...";
  return Error{fmt::format("`{}` should be {}, but is {}", what, kind, found), ""};
}

// What simdjson's error means to someone who has a file that does not load.
std::string explain(simdjson::error_code code, const JsonLimits& limits) {
  if (code == simdjson::DEPTH_ERROR) {
    return fmt::format("JSON is nested deeper than the limit of {}", limits.max_depth);
  }
  if (code == simdjson::CAPACITY) {
    return fmt::format("JSON is longer than the limit of {} bytes", limits.max_bytes);
  }
  if (code == simdjson::EMPTY) return "JSON is empty";
  return fmt::format("is not valid JSON ({})", simdjson::error_message(code));
}

}  // namespace

Result<Json> Json::parse(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return Error{fmt::format("JSON of {} bytes is longer than the limit of {}", text.size(),
                             limits.max_bytes),
                 ""};
  }
  Json json;
  json.parser_ = std::make_unique<simdjson::dom::parser>(limits.max_bytes);
  // Both stages' buffers are sized here, once, so that the depth limit below is the one in force.
  if (auto code = json.parser_->allocate(std::max<size_t>(text.size(), 64),
                                         static_cast<size_t>(limits.max_depth));
      code != simdjson::SUCCESS) {
    return Error{fmt::format("not enough memory for JSON of {} bytes", text.size()), ""};
  }
  simdjson::padded_string padded(text);
  if (auto code = json.parser_->parse(padded).get(json.root_); code != simdjson::SUCCESS) {
    return Error{explain(code, limits), ""};
  }
  return json;
}

Result<JsonObject> json_object(JsonValue value, std::string_view what) {
  return typed<JsonObject>(value, what, "an object");
}
Result<JsonArray> json_array(JsonValue value, std::string_view what) {
  return typed<JsonArray>(value, what, "a list");
}
Result<std::string_view> json_string(JsonValue value, std::string_view what) {
  return typed<std::string_view>(value, what, "a string");
}
Result<int64_t> json_int(JsonValue value, std::string_view what) {
  return typed<int64_t>(value, what, "an integer");
}
Result<bool> json_bool(JsonValue value, std::string_view what) {
  return typed<bool>(value, what, "true or false");
}

Result<double> json_double(JsonValue value, std::string_view what) {
  std::string_view word;
  if (value.get(word) == simdjson::SUCCESS) {
    if (word == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (word == "Infinity") return std::numeric_limits<double>::infinity();
    if (word == "-Infinity") return -std::numeric_limits<double>::infinity();
  }
  return typed<double>(value, what, "a number");
}

Result<JsonValue> json_field(JsonObject object, std::string_view name) {
  JsonValue out;
  if (object.at_key(name).get(out) == simdjson::SUCCESS) return out;
  return Error{fmt::format("field `{}` is missing", name), ""};
}

std::optional<JsonValue> json_optional(JsonObject object, std::string_view name) {
  JsonValue out;
  if (object.at_key(name).get(out) != simdjson::SUCCESS || out.is_null()) return std::nullopt;
  return out;
}

Result<JsonObject> object_field(JsonObject object, std::string_view name) {
  TRY_ASSIGN(JsonValue value, json_field(object, name));
  return json_object(value, name);
}
Result<JsonArray> array_field(JsonObject object, std::string_view name) {
  TRY_ASSIGN(JsonValue value, json_field(object, name));
  return json_array(value, name);
}
Result<std::string_view> string_field(JsonObject object, std::string_view name) {
  TRY_ASSIGN(JsonValue value, json_field(object, name));
  return json_string(value, name);
}
Result<int64_t> int_field(JsonObject object, std::string_view name) {
  TRY_ASSIGN(JsonValue value, json_field(object, name));
  return json_int(value, name);
}

// PyTorch has written unions in two ways: only the field that is set, and all fields with null for
// the others. The first field that is not null is the one.
Result<JsonUnion> json_union(JsonValue value, std::string_view what) {
  TRY_ASSIGN(JsonObject object, json_object(value, what));
  for (simdjson::dom::key_value_pair field : object) {
    if (!field.value.is_null()) return JsonUnion{field.key, field.value};
  }
  return Error{fmt::format("`{}` is a union with no field set", what), ""};
}

}  // namespace onnxport::formats
