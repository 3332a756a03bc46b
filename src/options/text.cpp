#include "options/text.h"

namespace onnxport::options {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string::npos; begin = end + 1) {
    out.push_back(text.substr(begin, end - begin));
  }
  out.push_back(text.substr(begin));
  return out;
}

std::string trimmed(const std::string& text) {
  size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

Result<std::vector<std::string>> names_of(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string& part : split(text, ',')) {
    out.push_back(trimmed(part));
    if (out.back().empty()) return Error{"`" + text + "` has an empty name; write a,b", ""};
  }
  return out;
}

Result<std::pair<std::string, std::string>> name_and_value(const std::string& text,
                                                           const char* usage) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Error{std::string("write ") + usage, text};
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

int64_t take_unit(std::string& number, std::string_view units) {
  const size_t at = number.empty() ? std::string::npos : units.find(number.back());
  if (at == std::string_view::npos) return 1;
  number.pop_back();
  return int64_t{1} << (10 * (at + 1));
}

}  // namespace onnxport::options
