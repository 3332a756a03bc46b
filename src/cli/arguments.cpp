#include "cli/arguments.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace onnxport::cli {
namespace {

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

template <typename T>
bool parse(const std::string& text, T& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Status axes_from_json(const std::string& text, ExportConfig& config) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object())
    return Error{"is not a JSON object such as {\"input\": {\"0\": \"batch\"}}", ""};
  for (const auto& [input, axes] : json.items()) {
    if (!axes.is_object())
      return Error{"`" + input + "` needs an object such as {\"0\": \"batch\"}", ""};
    for (const auto& [axis_text, name] : axes.items()) {
      int axis = 0;
      if (!parse(axis_text, axis) || !name.is_string()) {
        return Error{"`" + axis_text + "` needs to be an axis with the name of a dimension", input};
      }
      (*config.dynamic_axes)[input][axis] = name.get<std::string>();
    }
  }
  return {};
}

struct NamedShape {
  std::string name;  // may be empty
  std::vector<int64_t> sizes;
};

Result<NamedShape> named_shape(const std::string& text, bool may_keep) {
  const size_t colon = text.rfind(':');
  NamedShape shape;
  if (colon != std::string::npos) shape.name = text.substr(0, colon);
  for (const std::string& part : split(text.substr(colon + 1), ',')) {  // npos + 1 is 0
    int64_t size = 0;
    const std::string word = trimmed(part);
    if (may_keep && (word == "-1" || word == "?")) {
      shape.sizes.push_back(-1);
    } else if (parse(word, size) && size >= 0) {
      shape.sizes.push_back(size);
    } else {
      return Error{"`" + part + "` is no size; write 1,3,224,224 or name:1,3,224,224",
                   "--input-shape " + text};
    }
  }
  return shape;
}

}  // namespace

Status add_input_shape(const std::string& text, ExportConfig& config) {
  TRY_ASSIGN(NamedShape shape, named_shape(text, false));
  if (shape.name.empty()) {
    config.input_shapes.push_back(std::move(shape.sizes));
  } else {
    config.named_input_shapes[shape.name] = std::move(shape.sizes);
  }
  return {};
}

Status add_input_shape(const std::string& text, SimplifyConfig& config) {
  TRY_ASSIGN(NamedShape shape, named_shape(text, true));
  if (shape.name.empty()) {
    config.input_shapes.push_back(std::move(shape.sizes));
  } else if (!config.named_input_shapes.emplace(shape.name, std::move(shape.sizes)).second) {
    return Error{"`" + shape.name + "` is given two shapes", "--input-shape " + text};
  }
  return {};
}

Status set_max_growth(const std::string& text, SimplifyConfig& config) {
  const Error usage{"write a number of bytes (65536, 64K, 1M) or a part of the file (2%)",
                    "--max-growth " + text};
  std::string number = trimmed(text);
  const char unit = number.empty() ? '\0' : number.back();
  if (unit == '%' || unit == 'K' || unit == 'M') number.pop_back();
  if (unit == '%') {
    double percent = 0;
    if (!parse(number, percent) || !(percent >= 0) || percent > 1e6) return usage;
    config.max_growth_percent = percent;
    return {};
  }
  int64_t bytes = 0;
  if (!parse(number, bytes) || bytes < 0 || bytes > int64_t{1} << 40) return usage;
  config.max_growth_bytes = bytes * (unit == 'K' ? 1 << 10 : unit == 'M' ? 1 << 20 : 1);
  return {};
}

Status add_dynamic_axes(const std::string& text, ExportConfig& config) {
  if (!config.dynamic_axes) config.dynamic_axes.emplace();
  if (trimmed(text).starts_with('{')) {
    auto status = axes_from_json(text, config);
    return status.ok() ? Status() : Status(std::move(status).error().at("--dynamic-axes " + text));
  }
  for (const std::string& group : split(text, ';')) {
    size_t colon = group.rfind(':');
    Error usage{"write input:0=batch_size,2=height, or JSON", "--dynamic-axes " + text};
    if (colon == std::string::npos || colon == 0) return usage;
    auto& axes = (*config.dynamic_axes)[trimmed(group.substr(0, colon))];
    for (const std::string& part : split(group.substr(colon + 1), ',')) {
      size_t equals = part.find('=');
      int axis = 0;
      if (equals == std::string::npos || !parse(trimmed(part.substr(0, equals)), axis))
        return usage;
      axes[axis] = trimmed(part.substr(equals + 1));
    }
  }
  return {};
}

Status add_input_value(const std::string& text, ExportConfig& config) {
  size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Error{"write name=16000", "--input-value " + text};
  }
  std::string value = text.substr(equals + 1);
  auto& to = config.input_values[text.substr(0, equals)];
  int64_t whole = 0;
  double real = 0;
  if (value == "true" || value == "True") {
    to = true;
  } else if (value == "false" || value == "False") {
    to = false;
  } else if (parse(value, whole)) {
    to = whole;
  } else if (parse(value, real)) {
    to = real;
  } else if (value.size() >= 2 && value.front() == value.back() &&
             (value.front() == '"' || value.front() == '\'')) {
    to = value.substr(1, value.size() - 2);
  } else {
    to = value;
  }
  return {};
}

Status add_input_type(const std::string& text, ExportConfig& config) {
  size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Error{"write name=int64", "--input-type " + text};
  }
  config.input_types[text.substr(0, equals)] = text.substr(equals + 1);
  return {};
}

Result<std::vector<std::string>> names(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string& part : split(text, ',')) {
    out.push_back(trimmed(part));
    if (out.back().empty()) return Error{"`" + text + "` has an empty name; write a,b", ""};
  }
  return out;
}

}  // namespace onnxport::cli
