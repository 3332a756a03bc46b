// JSON documents through simdjson's DOM, with limits, and short words for fields whose errors say
// which field of what was wrong.
#pragma once

#include <simdjson.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::formats {

using JsonValue = simdjson::dom::element;
using JsonObject = simdjson::dom::object;
using JsonArray = simdjson::dom::array;

struct JsonLimits {
  size_t max_bytes = size_t{1} << 30;
  int max_depth = 256;
};

// Owns the parsed document; JsonValues point into it.
class Json {
 public:
  static Result<Json> parse(std::string_view text, const JsonLimits& limits = {});
  JsonValue root() const { return root_; }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_;
  JsonValue root_;
};

Result<JsonObject> json_object(JsonValue value, std::string_view what);
Result<JsonArray> json_array(JsonValue value, std::string_view what);
Result<std::string_view> json_string(JsonValue value, std::string_view what);
Result<int64_t> json_int(JsonValue value, std::string_view what);
Result<bool> json_bool(JsonValue value, std::string_view what);
// A number, or one of the words that PyTorch writes where JSON has none: NaN, Infinity, -Infinity.
Result<double> json_double(JsonValue value, std::string_view what);

// The field, or an error that it is missing.
Result<JsonValue> json_field(JsonObject object, std::string_view name);
// The field if it is there and not null.
std::optional<JsonValue> json_optional(JsonObject object, std::string_view name);

// Field and type in one: `json_field` then `json_object` and so on.
Result<JsonObject> object_field(JsonObject object, std::string_view name);
Result<JsonArray> array_field(JsonObject object, std::string_view name);
Result<std::string_view> string_field(JsonObject object, std::string_view name);
Result<int64_t> int_field(JsonObject object, std::string_view name);

// The one field of an object that PyTorch writes for a union: {"as_int": 3}.
struct JsonUnion {
  std::string_view tag;
  JsonValue value;
};
Result<JsonUnion> json_union(JsonValue value, std::string_view what);

}  // namespace onnxport::formats
