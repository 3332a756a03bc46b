// --memory: a number of bytes, for an export and for a simplification.
#include "options/input_forms.h"
#include "options/json_value.h"
#include "options/text.h"

namespace onnxport::options {

const char* const kMemorySchema =
    R"({"anyOf": [{"type": "integer", "minimum": 67108864}, {"type": "string", "pattern": "^[0-9.]+[KMGT]?$"}]})";

namespace {

constexpr int64_t kLeast = int64_t{64} << 20;  // the program itself takes that
constexpr int64_t kMost = int64_t{1} << 50;

Status from_texts(const Texts& texts, std::optional<int64_t>& memory) {
  const std::string& text = texts.back();
  std::string number = trimmed(text);
  const auto unit = static_cast<double>(take_unit(number, "KMGT"));
  double count = 0;
  if (!parse(number, count) || !(count * unit <= static_cast<double>(kMost)) || count < 0) {
    return Error{"write a number of bytes (4294967296, 512M, 4G)", text};
  }
  memory = static_cast<int64_t>(count * unit);
  return {};
}

Status from_json(const Json& value, std::optional<int64_t>& memory) {
  if (value.is_string()) return from_texts({value.get<std::string>()}, memory);
  if (!value.is_number_integer()) {
    return wrong_type(value, "a number of bytes, or a text such as \"4G\"");
  }
  return from_texts({value.dump()}, memory);
}

Status check(const std::optional<int64_t>& memory) {
  if (memory.value_or(kLeast) >= kLeast) return {};
  return Error{"must be 64M or more", ""};
}

}  // namespace

Status memory_from_texts(const Texts& texts, Settings& s) {
  return from_texts(texts, s.config.memory);
}
Status memory_from_json(const Json& value, Settings& s) {
  return from_json(value, s.config.memory);
}
Status check_memory(const Settings& s) { return check(s.config.memory); }

Status simplify_memory_from_texts(const Texts& texts, Settings& s) {
  return from_texts(texts, s.simplify.memory);
}
Status simplify_memory_from_json(const Json& value, Settings& s) {
  return from_json(value, s.simplify.memory);
}
Status check_simplify_memory(const Settings& s) { return check(s.simplify.memory); }

}  // namespace onnxport::options
