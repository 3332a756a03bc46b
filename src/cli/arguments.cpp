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

}  // namespace

Status add_input_shape(const std::string& text, ExportConfig& config) {
  size_t colon = text.rfind(':');
  std::string sizes_text = colon == std::string::npos ? text : text.substr(colon + 1);
  std::vector<int64_t> sizes;
  for (const std::string& part : split(sizes_text, ',')) {
    int64_t size = 0;
    if (!parse(trimmed(part), size) || size < 0) {
      return Error{"`" + part + "` is no size; write 1,3,224,224 or name:1,3,224,224",
                   "--input-shape " + text};
    }
    sizes.push_back(size);
  }
  if (colon == std::string::npos) {
    config.input_shapes.push_back(std::move(sizes));
  } else {
    config.named_input_shapes[text.substr(0, colon)] = std::move(sizes);
  }
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

Result<std::vector<std::string>> names(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string& part : split(text, ',')) {
    out.push_back(trimmed(part));
    if (out.back().empty()) return Error{"`" + text + "` has an empty name; write a,b", ""};
  }
  return out;
}

}  // namespace onnxport::cli
