// onnxport: what can be asked of an export, a proof or a simplification.
//
//   onnxport::ExportConfig config;
//   config.opset_version = 17;
//   config.inputs.push_back({.name = "image", .sizes = {{1, 3, 224, 224}}});
//   if (auto error = onnxport::load_config("export.json", config)) std::cerr << error->text();
//
// docs/options.md lists every setting with its key and its option of the command. No function here
// throws; nothing here includes more than the standard library.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#define ONNXPORT_API __attribute__((visibility("default")))

namespace onnxport {

// Both ends are included. Integers are drawn evenly, floats uniformly.
struct ValueRange {
  double low = 0;
  double high = 0;
  bool operator==(const ValueRange&) const = default;
};

// What is asked of one input. It is found by `name`; without a name, the first such InputSpec is
// for the model's first input, the second for its second, and so on. Refused: two for one name, a
// name that the model does not have, more of them than it has inputs, and an input that is given
// the same thing by name and by position.
struct InputSpec {
  // The name in the file, or that of forward(); "input" where there is but one.
  std::string name = {};
  // Unset: as the model says. Sizes of dynamic axes are examples. For a simplification they are
  // what the sizes become, and -1 keeps one as it is.
  std::optional<std::vector<int64_t>> sizes = {};
  // Axis -> name of the dimension; a negative axis counts from the end. As soon as it is set for
  // one input, no axes but those named here are dynamic.
  std::optional<std::map<int, std::string>> axes = {};
  std::string new_name = {};  // in the file; by position it is given for every input or for none
  // TorchScript only, by name: the element type where float32 is wrong ("int64"), and the value of
  // an input that is not a tensor (16000, 0.5, true, "mean"), which becomes a constant.
  std::string type = {};
  std::optional<std::variant<bool, int64_t, double, std::string>> value = {};
  // What the proof draws the input's values from, where the default (normal floats, integers from 0
  // to 9) is wrong.
  std::optional<ValueRange> range = {};
  bool operator==(const InputSpec&) const = default;
};

// What is asked for. The defaults are the command's defaults.
struct ExportConfig {
  std::string format = "onnx";
  int64_t opset_version = 17;  // 13 to newest_opset()
  // Where none has axes, axis 0 of every input is dynamic and named "batch_size".
  std::vector<InputSpec> inputs;
  bool static_shapes = false;             // no dynamic axis at all
  std::vector<std::string> output_names;  // empty: "output", or the dict's keys, output_<i>
  bool simplify = true;
  bool exact = false;             // simplify without the rules that change the rounding of floats
  std::vector<std::string> skip;  // rules to leave out, see simplify_rules()
  bool check = true;              // onnx.checker, full check
  bool verify = true;             // run against PyTorch
  double tolerance = 1e-4;
  int seeds = 3;
  bool allow_nan = false;
  double run_limit = 120;  // seconds for one run of a model with a loop that may not end; 0: none
  // What a file makes libtorch and ONNX Runtime do, they do in a process that can reach nothing
  // else: "auto" as far as the kernel can, "require" all of it or not at all, "off" for files of
  // one's own.
  std::string sandbox = "auto";
  // Bytes of memory for each process of the run: what folding and reading may add comes from it,
  // and is refused where it would be more. Unset: three quarters of what the machine has free.
  std::optional<int64_t> memory;
  double time_limit = 0;  // seconds for the whole run; 0: no limit
  // For whoever looks for a fault: text files of the program as it was read, and of the graph as it
  // was lowered and as it was simplified (PREFIX.lowered.txt, PREFIX.simplified.txt). Empty: none.
  std::string dump_program;
  std::string dump_graph;
};

// What is asked of simplify_model(). The defaults are the command's defaults.
struct SimplifyConfig {
  std::vector<InputSpec> inputs;  // name and sizes: dynamic inputs get them, and all that follows
  bool exact = false;             // leave out what changes the rounding of floats
  std::vector<std::string> skip;  // names of rules, see simplify_rules()
  // How much larger the file may become by folding: bytes, or else percent of the original.
  std::optional<int64_t> max_growth_bytes;
  double max_growth_percent = 1;
  bool check = true;        // onnx.checker, and the comparison with the original in ONNX Runtime
  double tolerance = 1e-4;  // relative to an output's largest value; half precision has its own
  int threads = 2;          // of ONNX Runtime
  std::string sandbox = "auto";   // as ExportConfig::sandbox
  std::optional<int64_t> memory;  // as ExportConfig's
  double time_limit = 0;          // seconds for the whole run; 0: no limit
  bool overwrite = false;         // the output may be the source itself
  bool trace = false;             // fill SimplifyReport::trace and refusals
  std::string trace_only;         // of this rule or this node only, by its name; empty: of all
};

// What is wrong with a configuration.
struct ConfigError {
  std::string file;     // the configuration file; empty for what a program or a command line says
  std::string key;      // "opset_version"; empty where the file as a whole is meant
  std::string message;  // what was found, and what would be right
  std::string text() const {
    std::string out = file.empty() ? "" : file + ": ";
    if (!key.empty()) out += file.empty() ? key + ": " : "key \"" + key + "\": ";
    return out + message;
  }
};

// Reads a JSON file (docs/config.schema.json) into `config`. What the file does not say stays; on
// an error everything does.
[[nodiscard]] ONNXPORT_API std::optional<ConfigError> load_config(const std::string& path,
                                                                  ExportConfig& config);
[[nodiscard]] ONNXPORT_API std::optional<ConfigError> load_config(const std::string& path,
                                                                  SimplifyConfig& config);

// What is wrong with the settings themselves, before there is a model. export_model(),
// verify_model() and simplify_model() refuse the same with the same words.
[[nodiscard]] ONNXPORT_API std::optional<ConfigError> check_config(const ExportConfig& config);
[[nodiscard]] ONNXPORT_API std::optional<ConfigError> check_config(const SimplifyConfig& config);

// A rule of the simplifier, or one of its other steps that can be skipped by name.
struct SimplifyRule {
  std::string name;
  std::vector<std::string> operators;  // where it starts; empty: any
  bool exact = true;                   // false: changes floats within rounding
};
ONNXPORT_API std::vector<SimplifyRule> simplify_rules();  // sorted by name

ONNXPORT_API int64_t newest_opset();

}  // namespace onnxport
