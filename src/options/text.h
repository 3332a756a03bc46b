// Texts of the command line as values.
#pragma once

#include <charconv>
#include <string>
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

// "a,b" -> {"a", "b"}; empty names are an error.
Result<std::vector<std::string>> names_of(const std::string& text);

// "name=16000" -> {"name", "16000"}; the error says to write `usage`.
Result<std::pair<std::string, std::string>> name_and_value(const std::string& text,
                                                           const char* usage);

}  // namespace onnxport::options
