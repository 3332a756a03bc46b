// One row of the table of options: all that is known of a setting. The command line, the keys of a
// configuration file, the check of values, --help, docs/config.schema.json and docs/options.md
// follow from it.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "onnxport/config.h"

namespace onnxport::options {

enum Command : unsigned {
  kExport = 1U << 0U,
  kVerify = 1U << 1U,
  kCheck = 1U << 2U,
  kInspect = 1U << 3U,
  kSimplify = 1U << 4U,
};
constexpr unsigned kOfExport = kExport | kVerify | kInspect;  // what an ExportConfig is for
const char* name_of(Command command);

// All that one call of the command is asked.
struct Settings {
  ExportConfig config;      // kOfExport
  SimplifyConfig simplify;  // kSimplify
  // Of the command alone.
  std::string source, onnx_path, output, config_path, report_path;
  bool json = false, quiet = false, list_rules = false;
};

// A setting that is more than a bool, a number, a text or a list of texts.
struct Form {
  // All texts that the command line gives, in order. They stand in place of what was there before.
  Status (*from_texts)(const std::vector<std::string>& texts, Settings& settings);
  Status (*from_json)(const nlohmann::json& value, Settings& settings);
  const char* schema;    // JSON schema of the value
  const char* unset;     // what holds without it
  bool repeated = true;  // the option is given again for each value
  bool is_flag = false;  // it may stand without a value, and is "true" then
};

// The member that is set.
template <typename T>
using Member = T& (*)(Settings&);
using Value = std::variant<Member<bool>, Member<int>, Member<int64_t>, Member<double>,
                           Member<std::string>, Member<std::vector<std::string>>, Form>;

struct Limits {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

struct Option {
  // "-o,--output"; "model" is a positional. A bool that is true by default has "--no-check".
  const char* flag = "";
  const char* key = "";  // in a configuration file; "": only the command line has it
  unsigned commands = 0;
  Value value;
  const char* help = "";
  const char* example = "";  // JSON; "": of a bool the opposite of the default
  Limits limits = {};        // of numbers
  // What else a value has to be.
  Status (*check)(const Settings& settings) = nullptr;
  bool required = false;
  bool commas = false;  // a list is one text, "a,b"; else the option is given again for each
};

// "static" for "--static", "check" for "--no-check", "output" for "-o,--output".
std::string long_name(const Option& option);
// The flag as messages name it: "--output"; "model" for a positional.
std::string spelled(const Option& option);
bool is_positional(const Option& option);
// The flag turns a bool off: "--no-check".
bool turns_off(const Option& option);
// The help's text, and the range of a number that has one.
std::string description(const Option& option);
// As text; "" where there is none.
std::string default_text(const Option& option);

}  // namespace onnxport::options
