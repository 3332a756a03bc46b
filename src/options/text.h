// Texts of the command line as values.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace onnxport::options {

std::vector<std::string> split(const std::string& text, char separator);
std::string trimmed(const std::string& text);

// All of `text` as a number; false when it is not one.
template <typename T>
bool parse(const std::string& text, T& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// Takes the unit off the end of a number of bytes ("64K" -> "64") and gives what it stands for:
// 1024 for the first of `units`, a beginning of "KMGT", its powers for the next; 1 where there is
// none.
int64_t take_unit(std::string& number, std::string_view units);

// "a,b" -> {"a", "b"}; empty names are an error.
Result<std::vector<std::string>> names_of(const std::string& text);

// "name=16000" -> {"name", "16000"}; the error says to write `usage`.
Result<std::pair<std::string, std::string>> name_and_value(const std::string& text,
                                                           const char* usage);

}  // namespace onnxport::options
