// Values of the table's options from texts and from JSON, and what is checked of all of them alike.
// An unknown key of a file is an error that names the nearest known one: a misspelt key would
// otherwise be a silent default.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/file.h"
#include "base/nearest.h"
#include "options/json_value.h"
#include "options/table.h"
#include "options/text.h"

namespace onnxport::options {
namespace {

constexpr size_t kMostBytes = size_t{1} << 24;
constexpr const char* kSchemaKey = "$schema";  // for editors

// --- from texts ---------------------------------------------------------------------------------

template <typename T>
Status set_whole(T& to, const std::string& text) {
  if (parse(text, to)) return {};
  return Error{"`" + text + "` is not a whole number", ""};
}

struct FromTexts {
  const Option& option;
  const std::vector<std::string>& texts;
  Settings& settings;

  const std::string& last() const { return texts.back(); }
  Status operator()(Member<bool> at) const {
    at(settings) = last() == "true";
    return {};
  }
  Status operator()(Member<int> at) const { return set_whole(at(settings), last()); }
  Status operator()(Member<int64_t> at) const { return set_whole(at(settings), last()); }
  Status operator()(Member<double> at) const {
    if (parse(last(), at(settings))) return {};
    return Error{"`" + last() + "` is not a number", ""};
  }
  Status operator()(Member<std::string> at) const {
    at(settings) = last();
    return {};
  }
  Status operator()(Member<std::vector<std::string>> at) const {
    if (!option.commas) {
      at(settings) = texts;
      return {};
    }
    TRY_ASSIGN(at(settings), names_of(last()));
    return {};
  }
  Status operator()(const Form& form) const { return form.from_texts(texts, settings); }
};

// --- from JSON ----------------------------------------------------------------------------------

struct FromJson {
  const Json& value;
  Settings& settings;

  Status operator()(Member<bool> at) const {
    TRY_ASSIGN(at(settings), as_bool(value));
    return {};
  }
  Status operator()(Member<int> at) const {
    TRY_ASSIGN(const int64_t whole, as_int(value));
    if (whole != static_cast<int>(whole)) return wrong_type(value, "a smaller number");
    at(settings) = static_cast<int>(whole);
    return {};
  }
  Status operator()(Member<int64_t> at) const {
    TRY_ASSIGN(at(settings), as_int(value));
    return {};
  }
  Status operator()(Member<double> at) const {
    TRY_ASSIGN(at(settings), as_number(value));
    return {};
  }
  Status operator()(Member<std::string> at) const {
    TRY_ASSIGN(at(settings), as_string(value));
    return {};
  }
  Status operator()(Member<std::vector<std::string>> at) const {
    TRY_ASSIGN(at(settings), as_strings(value));
    return {};
  }
  Status operator()(const Form& form) const { return form.from_json(value, settings); }
};

// --- what all values are held to ----------------------------------------------------------------

Status check_row(const Option& option, Settings& settings) {
  const auto [low, high] = option.limits;
  Status status = std::visit(
      [&, low = low, high = high](auto value) -> Status {
        using T = decltype(value);
        if constexpr (std::is_same_v<T, Member<int>> || std::is_same_v<T, Member<int64_t>> ||
                      std::is_same_v<T, Member<double>>) {
          const auto number = static_cast<double>(value(settings));
          if (number >= low && number <= high) return {};  // NaN is not
          return Error{high < std::numeric_limits<double>::infinity()
                           ? fmt::format("{} is out of range: {} to {}", number, low, high)
                           : fmt::format("{} is out of range: {} or more", number, low),
                       ""};
        }
        return {};
      },
      option.value);
  if (!status.ok() || option.check == nullptr) return status;
  return option.check(settings);
}

std::string key_or_flag(const Option& option) {
  return *option.key != '\0' ? option.key : spelled(option);
}

std::string unknown_key(const std::string& key, unsigned commands) {
  std::vector<std::string> known;
  for (const Option* option : rows_of(commands)) {
    if (*option->key != '\0') known.emplace_back(option->key);
  }
  const auto& all = table();
  if (std::any_of(all.begin(), all.end(), [&](const Option& o) { return key == o.key; })) {
    return fmt::format("is not a setting of {}; the keys are {}",
                       commands == kSimplify ? "a simplification" : "an export",
                       fmt::join(known, ", "));
  }
  return fmt::format("unknown; did you mean \"{}\"? The keys are {}", nearest(key, known),
                     fmt::join(known, ", "));
}

Result<Json> parsed(const std::string& path) {
  TRY_ASSIGN(std::string text, onnxport::read_file(path, kMostBytes));
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
  return json;
}

}  // namespace

Status read_texts(const Option& option, const std::vector<std::string>& texts, Settings& settings) {
  return std::visit(FromTexts{option, texts, settings}, option.value);
}

std::optional<ConfigError> read_settings(const std::string& path, unsigned commands,
                                         Settings& settings) {
  auto json = parsed(path);
  if (!json.ok()) {
    const Error& error = json.error();
    return ConfigError{path, "",
                       error.where.empty() || error.where == path ? error.message : error.str()};
  }
  Settings changed = settings;
  const auto rows = rows_of(commands);
  std::vector<const Option*> given;
  for (const auto& [key, value] : json->items()) {
    if (key == kSchemaKey) continue;
    auto row = std::find_if(rows.begin(), rows.end(),
                            [&key = key](const Option* option) { return key == option->key; });
    if (row == rows.end() || key.empty()) return ConfigError{path, key, unknown_key(key, commands)};
    given.push_back(*row);
    Status status = std::visit(FromJson{value, changed}, (*row)->value);
    if (!status.ok()) return ConfigError{path, key, status.error().str()};
  }
  for (const Option* row : given) {
    Status status = check_row(*row, changed);
    if (!status.ok()) return ConfigError{path, row->key, status.error().str()};
  }
  settings = std::move(changed);
  return std::nullopt;
}

std::optional<ConfigError> check(Settings settings, unsigned commands) {
  for (const Option* row : rows_of(commands)) {
    Status status = check_row(*row, settings);
    if (!status.ok()) return ConfigError{"", key_or_flag(*row), status.error().str()};
  }
  return std::nullopt;
}

}  // namespace onnxport::options

namespace onnxport {
namespace {

options::Settings settings_of(const ExportConfig& config) {
  options::Settings settings;
  settings.config = config;
  return settings;
}

options::Settings settings_of(const SimplifyConfig& config) {
  options::Settings settings;
  settings.simplify = config;
  return settings;
}

}  // namespace

std::optional<ConfigError> load_config(const std::string& path, ExportConfig& config) {
  options::Settings settings = settings_of(config);
  if (auto error = options::read_settings(path, options::kOfExport, settings)) return error;
  config = std::move(settings.config);
  return std::nullopt;
}

std::optional<ConfigError> load_config(const std::string& path, SimplifyConfig& config) {
  options::Settings settings = settings_of(config);
  if (auto error = options::read_settings(path, options::kSimplify, settings)) return error;
  config = std::move(settings.simplify);
  return std::nullopt;
}

std::optional<ConfigError> check_config(const ExportConfig& config) {
  return options::check(settings_of(config), options::kOfExport);
}

std::optional<ConfigError> check_config(const SimplifyConfig& config) {
  return options::check(settings_of(config), options::kSimplify);
}

}  // namespace onnxport
