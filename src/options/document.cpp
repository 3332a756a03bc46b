#include "options/document.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "options/table.h"

namespace onnxport::options {
namespace {

using Json = nlohmann::ordered_json;

// --- schema -------------------------------------------------------------------------------------

Json number(double value) {
  if (value == std::floor(value) && std::abs(value) < 0x1p53) return static_cast<int64_t>(value);
  return value;
}

struct TypeSchema {
  Settings& defaults;
  Json operator()(Member<bool> at) const {
    return {{"type", "boolean"}, {"default", at(defaults)}};
  }
  Json operator()(Member<int> at) const { return {{"type", "integer"}, {"default", at(defaults)}}; }
  Json operator()(Member<int64_t> at) const {
    return {{"type", "integer"}, {"default", at(defaults)}};
  }
  Json operator()(Member<double> at) const {
    return {{"type", "number"}, {"default", number(at(defaults))}};
  }
  Json operator()(Member<std::string> at) const {
    return {{"type", "string"}, {"default", at(defaults)}};
  }
  Json operator()(Member<std::vector<std::string>> at) const {
    return {{"type", "array"}, {"items", {{"type", "string"}}}, {"default", at(defaults)}};
  }
  Json operator()(const Form& form) const { return Json::parse(form.schema); }
};

Json schema_of(const Option& option) {
  Settings defaults;
  Json out = std::visit(TypeSchema{defaults}, option.value);
  if (std::isfinite(option.limits.low)) out["minimum"] = number(option.limits.low);
  if (std::isfinite(option.limits.high)) out["maximum"] = number(option.limits.high);
  out["description"] =
      fmt::format("{}{} ({})", turns_off(option) ? "false: " : "", option.help, spelled(option));
  if (*option.example != '\0') out["examples"] = Json::array({Json::parse(option.example)});
  return out;
}

Json schema_of(unsigned commands, const char* title) {
  Json properties = Json::object();
  properties["$schema"] = {{"type", "string"}};
  for (const Option* option : rows_of(commands)) {
    if (*option->key != '\0') properties[option->key] = schema_of(*option);
  }
  return {{"title", title},
          {"type", "object"},
          {"properties", std::move(properties)},
          {"additionalProperties", false}};
}

// --- page ---------------------------------------------------------------------------------------

const char* type_of(const Option& option) {
  struct Name {
    const char* operator()(Member<bool>) const { return "true, false"; }
    const char* operator()(Member<int>) const { return "integer"; }
    const char* operator()(Member<int64_t>) const { return "integer"; }
    const char* operator()(Member<double>) const { return "number"; }
    const char* operator()(Member<std::string>) const { return "text"; }
    const char* operator()(Member<std::vector<std::string>>) const { return "list of texts"; }
    const char* operator()(const Form&) const { return ""; }
  };
  return std::visit(Name{}, option.value);
}

std::string commands_of(unsigned commands) {
  std::string out;
  for (Command command : {kExport, kVerify, kCheck, kInspect, kSimplify}) {
    if ((commands & command) != 0) out += (out.empty() ? "" : ", ") + std::string(name_of(command));
  }
  return out;
}

std::string code(const std::string& text) { return text.empty() ? "" : "`" + text + "`"; }

// The bar ends a cell.
std::string cell(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string flag_of(const Option& option) {
  std::string out = code(option.flag);
  const size_t comma = out.find(',');
  return comma == std::string::npos ? out : out.replace(comma, 1, "`, `");
}

std::string key_row(const Option& option) {
  std::string values = *option.example != '\0' ? code(option.example) : type_of(option);
  std::string unset = default_text(option);
  if (!std::holds_alternative<Form>(option.value)) unset = code(unset);
  return fmt::format("| {} | {} | {} | {} | {} | {} |\n", code(option.key), flag_of(option),
                     cell(description(option)), cell(values), cell(unset),
                     commands_of(option.commands));
}

std::string keys(unsigned commands) {
  std::string out =
      "| key | option | what it does | a value in a file | without it | commands |\n"
      "|---|---|---|---|---|---|\n";
  for (const Option* option : rows_of(commands)) {
    if (*option->key != '\0') out += key_row(*option);
  }
  return out;
}

std::string command_line() {
  std::string out = "| option | what it does | commands |\n|---|---|---|\n";
  for (const Option& option : table()) {
    if (*option.key != '\0') continue;
    const std::string flag = is_positional(option) ? option.flag : flag_of(option);
    out += fmt::format("| {} | {}{} | {} |\n", flag, cell(description(option)),
                       option.required ? " (required)" : "", commands_of(option.commands));
  }
  return out;
}

}  // namespace

std::string schema() {
  const Json out = {
      {"$schema", "https://json-schema.org/draft/2020-12/schema"},
      {"title", "A configuration file of onnxport (--config)"},
      {"anyOf", {{{"$ref", "#/$defs/export"}}, {{"$ref", "#/$defs/simplify"}}}},
      {"$defs",
       {{"export", schema_of(kOfExport, "For export, verify and inspect")},
        {"simplify", schema_of(kSimplify, "For simplify")}}},
  };
  return out.dump(2) + "\n";
}

std::string page() {
  return "# Options\n\n"
         "<!-- Written by scripts/generate_docs from src/options/table.cpp. -->\n\n"
         "What can be set stands in one table of the sources, from which come the command line, the "
         "keys of a configuration\nfile (`--config FILE.json`), the checks and this page; "
         "[config.schema.json](config.schema.json) is the same for editors and programs.\n"
         "What the command line says wins over the file. A bool has two options, `--simplify` and "
         "`--no-simplify`: the one that is not\nthe default is listed. In C++ the keys are members "
         "of `ExportConfig` and `SimplifyConfig` (`onnxport/config.h`); those of\ninputs are members "
         "of an `InputSpec`.\n\n"
         "## Exports\n\n" +
         keys(kOfExport) +
         "\nA file that is not made for a command is refused: a file for exports is for `export`, "
         "`verify` and `inspect`, and each takes what is\nits own.\n\n"
         "## Inputs\n\n"
         "An input is found by the name that it gets in the file, by that of `forward()`, or as "
         "`input` where there is but one; shapes without\na name are for the inputs in order. "
         "Refused: an input that the model does not have, more inputs than it has, and an input that "
         "is given\nthe same thing twice. As soon as `dynamic_axes` names axes, no others are "
         "dynamic.\n\n"
         "## Simplifications\n\n" +
         keys(kSimplify) + "\n## Only on the command line\n\n" + command_line();
}

}  // namespace onnxport::options
