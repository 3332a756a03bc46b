#include "options/input_forms.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "options/json_value.h"
#include "options/text.h"

namespace onnxport::options {

const char* const kShapesSchema = R"({"anyOf": [
  {"type": "array", "items": {"type": "integer", "minimum": 0}},
  {"type": "array", "items": {"type": "array", "items": {"type": "integer", "minimum": 0}}},
  {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer", "minimum": 0}}}]})";
const char* const kSimplifyShapesSchema = R"({"anyOf": [
  {"type": "array", "items": {"type": "integer", "minimum": -1}},
  {"type": "array", "items": {"type": "array", "items": {"type": "integer", "minimum": -1}}},
  {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer", "minimum": -1}}}]})";
const char* const kAxesSchema = R"({"type": "object", "additionalProperties": {"anyOf": [
  {"type": "object", "propertyNames": {"pattern": "^-?[0-9]+$"}, "additionalProperties": {"type": "string"}},
  {"type": "array", "items": {"type": "integer", "minimum": -64, "maximum": 64}}]}})";
const char* const kValuesSchema =
    R"({"type": "object", "additionalProperties": {"type": ["number", "boolean", "string"]}})";
const char* const kTypesSchema = R"({"type": "object", "additionalProperties": {"enum": [
  "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]}})";
const char* const kNamesSchema = R"({"type": "array", "items": {"type": "string"}})";
const char* const kRangesSchema =
    R"({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}})";

namespace {

using Sizes = std::vector<int64_t>;
using Inputs = std::vector<InputSpec>;
using Axes = std::map<int, std::string>;

constexpr int64_t kKeep = -1;
constexpr int kMostAxes = 64;

// --- shapes -------------------------------------------------------------------------------------

Result<Sizes> sizes_of_text(const std::string& text, bool may_keep) {
  Sizes sizes;
  for (const std::string& part : split(text, ',')) {
    int64_t size = 0;
    const std::string word = trimmed(part);
    if (may_keep && (word == "-1" || word == "?")) {
      sizes.push_back(kKeep);
    } else if (parse(word, size) && size >= 0) {
      sizes.push_back(size);
    } else {
      return Error{"`" + part + "` is not a size; write 1,3,224,224 or name:1,3,224,224", ""};
    }
  }
  return sizes;
}

Status read_shapes(const Texts& texts, bool may_keep, Inputs& inputs) {
  for (InputSpec& spec : inputs) spec.sizes.reset();
  size_t position = 0;
  for (const std::string& text : texts) {
    const size_t colon = text.rfind(':');
    const std::string name = colon == std::string::npos ? "" : text.substr(0, colon);
    auto sizes = sizes_of_text(text.substr(colon + 1), may_keep);  // npos + 1 is 0
    if (!sizes.ok()) return std::move(sizes).error().at(text);
    InputSpec& spec = name.empty() ? input_at(inputs, position++) : input_named(inputs, name);
    if (spec.sizes) return Error{"`" + name + "` is given two shapes", text};
    spec.sizes = std::move(*sizes);
  }
  drop_empty(inputs);
  return {};
}

Result<Sizes> sizes_of_json(const Json& value, bool may_keep) {
  if (!value.is_array()) return wrong_type(value, "a list of sizes");
  Sizes sizes;
  for (const Json& item : value) {
    TRY_ASSIGN(int64_t size, as_int(item));
    if (size < 0 && !(may_keep && size == kKeep)) {
      return wrong_type(item, may_keep ? "a size of 0 or more, or -1" : "a size of 0 or more");
    }
    sizes.push_back(size);
  }
  return sizes;
}

Status read_shapes(const Json& value, bool may_keep, Inputs& inputs) {
  for (InputSpec& spec : inputs) spec.sizes.reset();
  if (value.is_object()) {
    for (const auto& [name, shape] : value.items()) {
      auto sizes = sizes_of_json(shape, may_keep);
      if (!sizes.ok()) return std::move(sizes).error().at(name);
      input_named(inputs, name).sizes = std::move(*sizes);
    }
  } else if (value.is_array() && !value.empty() && value[0].is_array()) {
    size_t position = 0;
    for (const Json& shape : value) {
      TRY_ASSIGN(input_at(inputs, position++).sizes, sizes_of_json(shape, may_keep));
    }
  } else {
    TRY_ASSIGN(input_at(inputs, 0).sizes, sizes_of_json(value, may_keep));
  }
  drop_empty(inputs);
  return {};
}

// --- axes ---------------------------------------------------------------------------------------

Result<int> axis_of(const std::string& text) {
  int axis = 0;
  if (!parse(trimmed(text), axis) || std::abs(axis) > kMostAxes) {
    return Error{"`" + text + "` is not an axis: use numbers such as \"0\"", ""};
  }
  return axis;
}

Status set_axis(Axes& axes, int axis, const std::string& name) {
  auto [found, added] = axes.emplace(axis, name);
  if (added || found->second == name) return {};
  return Error{fmt::format("axis {} is given two names, `{}` and `{}`", axis, found->second, name),
               ""};
}

Axes& axes_of(Inputs& inputs, const std::string& name) {
  auto& axes = input_named(inputs, name).axes;
  if (!axes) axes.emplace();
  return *axes;
}

Status add_axes(const Json& value, Inputs& inputs) {
  if (!value.is_object()) return wrong_type(value, "{\"input\": {\"0\": \"batch_size\"}}");
  // Nothing is listed, so nothing is dynamic.
  if (value.empty()) input_at(inputs, 0).axes.emplace();
  for (const auto& [name, axes] : value.items()) {
    Axes& named = axes_of(inputs, name);
    if (axes.is_array()) {
      for (const Json& item : axes) {
        TRY_ASSIGN(int64_t axis, as_int(item));
        if (std::abs(axis) > kMostAxes) return wrong_type(item, "an axis").at(name);
        const std::string made = axis == 0 ? "batch_size" : fmt::format("{}_axis_{}", name, axis);
        TRY(set_axis(named, static_cast<int>(axis), made));
      }
      continue;
    }
    if (!axes.is_object()) return wrong_type(axes, "{\"0\": \"batch_size\"}").at(name);
    for (const auto& [axis_text, dimension] : axes.items()) {
      auto axis = axis_of(axis_text);
      if (!axis.ok()) return std::move(axis).error().at(name);
      TRY_ASSIGN(const std::string wanted, as_string(dimension));
      TRY(set_axis(named, *axis, wanted));
    }
  }
  return {};
}

// input:0=batch_size,2=height;mask:0=batch_size
Status add_axes(const std::string& text, Inputs& inputs) {
  const Error usage{"write input:0=batch_size,2=height, or JSON", ""};
  if (trimmed(text).starts_with('{')) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) {
      return Error{"is not a JSON object such as {\"input\": {\"0\": \"batch\"}}", ""};
    }
    return add_axes(json, inputs);
  }
  for (const std::string& group : split(text, ';')) {
    const size_t colon = group.rfind(':');
    if (colon == std::string::npos || colon == 0) return usage;
    Axes& axes = axes_of(inputs, trimmed(group.substr(0, colon)));
    for (const std::string& part : split(group.substr(colon + 1), ',')) {
      const size_t equals = part.find('=');
      if (equals == std::string::npos) return usage;
      auto axis = axis_of(part.substr(0, equals));
      if (!axis.ok()) return usage;
      TRY(set_axis(axes, *axis, trimmed(part.substr(equals + 1))));
    }
  }
  return {};
}

void clear_axes(Inputs& inputs) {
  for (InputSpec& spec : inputs) spec.axes.reset();
}

// --- values and types ---------------------------------------------------------------------------

using Number = std::variant<bool, int64_t, double, std::string>;

Number number_of(const std::string& text) {
  int64_t whole = 0;
  double real = 0;
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  if (parse(text, whole)) return whole;
  if (parse(text, real)) return real;
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '"' || text.front() == '\'');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

Result<Number> number_of(const Json& item) {
  if (item.is_number_float()) return Number(item.get<double>());
  if (item.is_boolean()) return Number(item.get<bool>());
  if (item.is_string()) return Number(item.get<std::string>());
  auto whole = as_int(item);
  if (!whole.ok()) return wrong_type(item, "a number, true, false or a string");
  return Number(*whole);
}

// name=TEXT for each text, no name twice.
template <typename F>
Status read_named(const Texts& texts, const char* usage, Inputs& inputs, F set) {
  std::set<std::string> seen;
  for (const std::string& text : texts) {
    TRY_ASSIGN(auto given, name_and_value(text, usage));
    if (!seen.insert(given.first).second) {
      return Error{"`" + given.first + "` is given twice", text};
    }
    Status status = set(input_named(inputs, given.first), given.second);
    if (!status.ok()) return std::move(status).error().at(text);
  }
  return {};
}

// "0..9"
Result<ValueRange> range_of(const std::string& text) {
  ValueRange range;
  const size_t dots = text.find("..");
  if (dots == std::string::npos || !parse(trimmed(text.substr(0, dots)), range.low) ||
      !parse(trimmed(text.substr(dots + 2)), range.high)) {
    return Error{"write name=0..9", ""};
  }
  return range;
}

}  // namespace

Status shapes_from_texts(const Texts& texts, Settings& s) {
  return read_shapes(texts, false, s.config.inputs);
}
Status shapes_from_json(const Json& value, Settings& s) {
  return read_shapes(value, false, s.config.inputs);
}
Status simplify_shapes_from_texts(const Texts& texts, Settings& s) {
  return read_shapes(texts, true, s.simplify.inputs);
}
Status simplify_shapes_from_json(const Json& value, Settings& s) {
  return read_shapes(value, true, s.simplify.inputs);
}

Status axes_from_texts(const Texts& texts, Settings& s) {
  clear_axes(s.config.inputs);
  for (const std::string& text : texts) {
    Status status = add_axes(text, s.config.inputs);
    if (!status.ok()) return std::move(status).error().at(text);
  }
  drop_empty(s.config.inputs);
  return {};
}
Status axes_from_json(const Json& value, Settings& s) {
  clear_axes(s.config.inputs);
  TRY(add_axes(value, s.config.inputs));
  drop_empty(s.config.inputs);
  return {};
}

Status values_from_texts(const Texts& texts, Settings& s) {
  return read_named(texts, "name=16000", s.config.inputs,
                    [](InputSpec& spec, const std::string& text) -> Status {
                      spec.value = number_of(text);
                      return {};
                    });
}
Status values_from_json(const Json& value, Settings& s) {
  if (!value.is_object()) return wrong_type(value, "{\"sampling_rate\": 16000}");
  for (const auto& [name, item] : value.items()) {
    auto number = number_of(item);
    if (!number.ok()) return std::move(number).error().at(name);
    input_named(s.config.inputs, name).value = std::move(*number);
  }
  return {};
}

Status types_from_texts(const Texts& texts, Settings& s) {
  return read_named(texts, "name=int64", s.config.inputs,
                    [](InputSpec& spec, const std::string& text) -> Status {
                      spec.type = text;
                      return {};
                    });
}
Status types_from_json(const Json& value, Settings& s) {
  if (!value.is_object()) return wrong_type(value, "{\"input_ids\": \"int64\"}");
  for (const auto& [name, item] : value.items()) {
    auto type = as_string(item);
    if (!type.ok()) return std::move(type).error().at(name);
    input_named(s.config.inputs, name).type = std::move(*type);
  }
  return {};
}

Status names_from_texts(const Texts& texts, Settings& s) {
  TRY_ASSIGN(const auto names, names_of(texts.back()));
  return names_from_json(Json(names), s);
}
Status names_from_json(const Json& value, Settings& s) {
  TRY_ASSIGN(const auto names, as_strings(value));
  for (InputSpec& spec : s.config.inputs) spec.new_name.clear();
  for (size_t i = 0; i < names.size(); ++i) input_at(s.config.inputs, i).new_name = names[i];
  drop_empty(s.config.inputs);
  return {};
}

Status ranges_from_texts(const Texts& texts, Settings& s) {
  return read_named(texts, "name=0..9", s.config.inputs,
                    [](InputSpec& spec, const std::string& text) -> Status {
                      TRY_ASSIGN(spec.range, range_of(text));
                      return {};
                    });
}
Status ranges_from_json(const Json& value, Settings& s) {
  if (!value.is_object()) return wrong_type(value, "{\"input_ids\": [0, 9]}");
  for (const auto& [name, item] : value.items()) {
    if (!item.is_array() || item.size() != 2 || !item[0].is_number() || !item[1].is_number()) {
      return wrong_type(item, "the lowest and the highest value, as in [0, 9]").at(name);
    }
    input_named(s.config.inputs, name).range = {item[0].get<double>(), item[1].get<double>()};
  }
  return {};
}

namespace {

std::string shown(const InputSpec& spec) {
  return spec.name.empty() ? "an input without a name" : "input `" + spec.name + "`";
}

Status check_names(const Inputs& inputs) {
  std::set<std::string> seen;
  for (const InputSpec& spec : inputs) {
    if (!spec.name.empty() && !seen.insert(spec.name).second) {
      return Error{"input `" + spec.name + "` is given twice", ""};
    }
  }
  return {};
}

Status check_sizes(const InputSpec& spec, int64_t least) {
  for (int64_t size : spec.sizes.value_or(Sizes())) {
    if (size < least) return Error{fmt::format("{} is not a size", size), shown(spec)};
  }
  return {};
}

Status check_range(const InputSpec& spec) {
  if (!spec.range) return {};
  const auto [low, high] = *spec.range;
  if (!std::isfinite(low) || !std::isfinite(high)) {
    return Error{"both ends of a range have to be finite", shown(spec)};
  }
  if (low <= high) return {};
  return Error{fmt::format("the range {}..{} has its low end above its high one", low, high),
               shown(spec)};
}

}  // namespace

Status check_shapes(const Settings& settings) {
  TRY(check_names(settings.config.inputs));
  for (const InputSpec& spec : settings.config.inputs) TRY(check_sizes(spec, 0));
  return {};
}

Status check_types(const Settings& settings) {
  for (const InputSpec& spec : settings.config.inputs) {
    if (spec.type.empty() || type_named(spec.type)) continue;
    return Error{
        fmt::format("there is no element type `{}`: write float32, int64, bool, ...", spec.type),
        shown(spec)};
  }
  return {};
}

Status check_values(const Settings& settings) {
  for (const InputSpec& spec : settings.config.inputs) {
    if (spec.name.empty() && spec.value) return Error{"a value needs the name of its input", ""};
  }
  return {};
}

Status check_ranges(const Settings& settings) {
  for (const InputSpec& spec : settings.config.inputs) TRY(check_range(spec));
  return {};
}

Status check_simplify_shapes(const Settings& settings) {
  TRY(check_names(settings.simplify.inputs));
  for (const InputSpec& spec : settings.simplify.inputs) {
    TRY(check_sizes(spec, kKeep));
    InputSpec only_sizes{.name = spec.name, .sizes = spec.sizes};
    if (spec != only_sizes) {
      return Error{"a simplification takes nothing but the sizes of an input", shown(spec)};
    }
  }
  return {};
}

}  // namespace onnxport::options
