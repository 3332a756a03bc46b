// ExportConfig from a JSON file. Every key is checked for its type; an unknown one is an error that
// names the nearest known key, since a misspelt key would otherwise be a silent default.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "onnxport/export.h"
#include "pipeline/distance.h"

namespace onnxport {
namespace {

using Json = nlohmann::json;

Error wrong_type(const Json& value, const char* wanted) {
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

Result<std::vector<int64_t>> as_shape(const Json& value) {
  if (!value.is_array()) return wrong_type(value, "a list of sizes");
  std::vector<int64_t> out;
  for (const Json& item : value) {
    TRY_ASSIGN(int64_t size, as_int(item));
    if (size < 0) return wrong_type(item, "a size of 0 or more");
    out.push_back(size);
  }
  return out;
}

// [1, 3, 224, 224], or one such list per input, or {"name": [...]}.
Status read_input_shape(const Json& value, ExportConfig& config) {
  if (value.is_object()) {
    for (const auto& [name, shape] : value.items()) {
      auto sizes = as_shape(shape);
      if (!sizes.ok()) return std::move(sizes).error().at(name);
      config.named_input_shapes[name] = std::move(*sizes);
    }
    return {};
  }
  config.input_shapes.clear();
  if (value.is_array() && !value.empty() && value[0].is_array()) {
    for (const Json& shape : value) {
      TRY_ASSIGN(auto sizes, as_shape(shape));
      config.input_shapes.push_back(std::move(sizes));
    }
    return {};
  }
  TRY_ASSIGN(auto sizes, as_shape(value));
  config.input_shapes.push_back(std::move(sizes));
  return {};
}

Result<int> as_axis(const std::string& text) {
  char* end = nullptr;
  long axis = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || std::abs(axis) > 64) {
    return Error{"`" + text + "` is no axis: use numbers such as \"0\"", ""};
  }
  return static_cast<int>(axis);
}

// {"input": {"0": "batch_size"}}; {"input": [0, 2]} as torch.onnx also takes, with made-up names.
Status read_dynamic_axes(const Json& value, ExportConfig& config) {
  if (!value.is_object()) return wrong_type(value, "{\"input\": {\"0\": \"batch_size\"}}");
  config.dynamic_axes.emplace();
  for (const auto& [name, axes] : value.items()) {
    auto& named = (*config.dynamic_axes)[name];
    if (axes.is_array()) {
      for (const Json& item : axes) {
        TRY_ASSIGN(int64_t axis, as_int(item));
        if (std::abs(axis) > 64) return wrong_type(item, "an axis");
        named[static_cast<int>(axis)] =
            axis == 0 ? "batch_size" : fmt::format("{}_axis_{}", name, axis);
      }
      continue;
    }
    if (!axes.is_object()) return wrong_type(axes, "{\"0\": \"batch_size\"}").at(name);
    for (const auto& [axis_text, dimension] : axes.items()) {
      TRY_ASSIGN(int axis, as_axis(axis_text));
      TRY_ASSIGN(named[axis], as_string(dimension));
    }
  }
  return {};
}

// {"sampling_rate": 16000, "reduction": "mean"}
Status read_input_values(const Json& value, ExportConfig& config) {
  if (!value.is_object()) return wrong_type(value, "{\"sampling_rate\": 16000}");
  for (const auto& [name, item] : value.items()) {
    auto& to = config.input_values[name];
    if (item.is_number_float()) {
      to = item.get<double>();
    } else if (item.is_boolean()) {
      to = item.get<bool>();
    } else if (item.is_string()) {
      to = item.get<std::string>();
    } else {
      auto number = as_int(item);
      if (!number.ok()) return wrong_type(item, "a number, true, false or a string").at(name);
      to = *number;
    }
  }
  return {};
}

// {"input_ids": "int64"}
Status read_input_types(const Json& value, ExportConfig& config) {
  if (!value.is_object()) return wrong_type(value, "{\"input_ids\": \"int64\"}");
  for (const auto& [name, item] : value.items()) {
    TRY_ASSIGN(config.input_types[name], as_string(item));
  }
  return {};
}

struct Key {
  const char* name;
  Status (*read)(const Json& value, ExportConfig& config);
};

// One line a key: `field` takes what `read` makes of the value.
#define ONNXPORT_KEY(name, field, reader)                         \
  {                                                               \
    name, [](const Json& value, ExportConfig& config) -> Status { \
      TRY_ASSIGN(config.field, reader(value));                    \
      return {};                                                  \
    }                                                             \
  }

const Key kKeys[] = {
    {"input_shape", read_input_shape},
    {"dynamic_axes", read_dynamic_axes},
    {"input_values", read_input_values},
    {"input_types", read_input_types},
    ONNXPORT_KEY("format", format, as_string),
    ONNXPORT_KEY("opset_version", opset_version, as_int),
    ONNXPORT_KEY("static", static_shapes, as_bool),
    ONNXPORT_KEY("input_names", input_names, as_strings),
    ONNXPORT_KEY("output_names", output_names, as_strings),
    ONNXPORT_KEY("simplify", simplify, as_bool),
    ONNXPORT_KEY("exact", exact, as_bool),
    ONNXPORT_KEY("skip", skip, as_strings),
    ONNXPORT_KEY("check", check, as_bool),
    ONNXPORT_KEY("verify", verify, as_bool),
    ONNXPORT_KEY("allow_nan", allow_nan, as_bool),
    {"tolerance",
     [](const Json& value, ExportConfig& config) -> Status {
       if (!value.is_number() || !(value.get<double>() >= 0)) {
         return wrong_type(value, "a number of 0 or more");
       }
       config.tolerance = value.get<double>();
       return {};
     }},
    {"run_limit",
     [](const Json& value, ExportConfig& config) -> Status {
       if (!value.is_number() || !(value.get<double>() >= 0)) {
         return wrong_type(value, "a number of seconds");
       }
       config.run_limit = value.get<double>();
       return {};
     }},
    {"seeds",
     [](const Json& value, ExportConfig& config) -> Status {
       TRY_ASSIGN(int64_t seeds, as_int(value));
       if (seeds < 1 || seeds > 1000) return wrong_type(value, "a number of seeds from 1 to 1000");
       config.seeds = static_cast<int>(seeds);
       return {};
     }},
};
#undef ONNXPORT_KEY

Status read_config(const std::string& path, ExportConfig& config) {
  TRY_ASSIGN(std::string text, read_file(path, size_t{1} << 24));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false, /*ignore_comments=*/true);
  if (json.is_discarded()) {
    std::string why = "is not valid JSON";
    try {
      json = Json::parse(text, nullptr, true, true);
    } catch (const Json::exception& e) {
      why += std::string(": ") + e.what();
    }
    return Error{why, ""};
  }
  if (!json.is_object()) return wrong_type(json, "an object of settings");
  ExportConfig changed = config;
  for (const auto& [name, value] : json.items()) {
    const Key* key = std::find_if(std::begin(kKeys), std::end(kKeys),
                                  [&name = name](const Key& k) { return name == k.name; });
    if (key == std::end(kKeys)) {
      std::vector<std::string> known;
      for (const Key& k : kKeys) known.emplace_back(k.name);
      return Error{
          fmt::format("unknown key \"{}\"; did you mean \"{}\"?", name, nearest(name, known)), ""};
    }
    if (auto status = key->read(value, changed); !status.ok()) {
      return std::move(status).error().at("key \"" + name + "\"");
    }
  }
  config = std::move(changed);
  return {};
}

}  // namespace

std::string load_config(const std::string& path, ExportConfig& config) {
  auto status = read_config(path, config);
  if (status.ok()) return "";
  const Error& error = status.error();
  return error.where.starts_with(path) ? error.str() : Error(error).at(path).str();
}

}  // namespace onnxport
