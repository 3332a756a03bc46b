// onnxport: turns a trained PyTorch model into an ONNX file that is proven to compute the same.
//
//   onnxport::ExportConfig config;
//   config.opset_version = 17;
//   onnxport::Report report = onnxport::export_model("model.pt2", "model.onnx", config);
//   if (!report.passed()) std::cerr << report.text();
//
// No function here throws; nothing here includes libtorch, ONNX or protobuf headers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#define ONNXPORT_API __attribute__((visibility("default")))

namespace onnxport {

// What is asked for. The defaults are the command's defaults.
struct ExportConfig {
  std::string format = "onnx";
  int64_t opset_version = 17;  // 13 to newest_opset()
  // Sizes per input, in order; empty: as the file says. Sizes of dynamic axes are examples.
  std::vector<std::vector<int64_t>> input_shapes;
  std::map<std::string, std::vector<int64_t>> named_input_shapes;  // the same, by input name
  // Input name -> axis -> name of the dimension. Unset: axis 0 of every input is "batch_size".
  std::optional<std::map<std::string, std::map<int, std::string>>> dynamic_axes;
  bool static_shapes = false;  // no dynamic axis at all
  // TorchScript only, by input name: values of inputs that are not tensors (16000, 0.5, true,
  // "mean"), and element types where float32 is wrong ("int64").
  std::map<std::string, std::variant<bool, int64_t, double, std::string>> input_values;
  std::map<std::string, std::string> input_types;
  std::vector<std::string> input_names;   // empty: "input", or the forward()'s names
  std::vector<std::string> output_names;  // empty: "output", or the dict's keys, output_<i>
  bool simplify = true;
  bool exact = false;             // simplify without the rules that change the rounding of floats
  std::vector<std::string> skip;  // rules to leave out, see simplify_rules() in simplify.h
  bool check = true;              // onnx.checker, full check
  bool verify = true;             // run against PyTorch
  double tolerance = 1e-4;
  int seeds = 3;
  bool allow_nan = false;
  // Seconds for one run of a model with a loop that may not end; 0: no limit, and no process of its
  // own.
  double run_limit = 120;
};

// Reads the keys opset_version, input_shape, dynamic_axes, simplify (and the names above) of a JSON
// file into config. Returns an error text, empty when all is well.
ONNXPORT_API std::string load_config(const std::string& path, ExportConfig& config);

enum class Outcome {
  kPassed,   // written, and proven where `verify` was on
  kDiffers,  // the proof failed; the file is kept as OUT.failed.onnx
  kRefused,  // nothing was written: `error` says why
};

struct OutputReport {
  std::string name;
  bool passed = false;
  double max_abs_difference = 0;
  double max_rel_difference = 0;
  double scale = 0;                          // max |PyTorch's output|
  std::optional<double> float32_difference;  // what float32 loses against float64 in PyTorch
  std::string reason;
};

struct Stage {
  std::string name;  // read, lower, simplify, write, check, verify
  double seconds = 0;
};

struct ONNXPORT_API Report {
  Outcome outcome = Outcome::kRefused;
  std::string error;  // kRefused: what, where and what to do
  std::string source_path;
  std::string output_path;  // where the file is (OUT.failed.onnx if it differs)
  std::string format = "onnx";
  int64_t opset = 0;
  uint64_t file_bytes = 0;  // external data included
  size_t nodes = 0;
  size_t nodes_before_simplify = 0;
  std::map<std::string, int> operators;
  uint64_t parameters = 0;          // elements of all initializers
  std::vector<std::string> inputs;  // "input: float32[batch_size, 3, 224, 224]"
  std::vector<std::string> output_types;
  std::vector<OutputReport> outputs;
  bool verified = false;
  std::string first_divergence;   // node, module path and source line; or empty
  std::vector<std::string> runs;  // "seed 0, input [2, 3, 224, 224]: 1.2e-06"
  std::vector<Stage> stages;
  std::vector<std::string> notes;  // why a batch stayed fixed, what was left out, ...
  std::map<std::string, int> rules_fired;
  std::string onnxport_version, torch_version, onnxruntime_version;

  bool passed() const { return outcome == Outcome::kPassed; }
  int exit_code() const { return passed() ? 0 : 1; }
  std::string text() const;  // what the command prints
  std::string json() const;  // stable keys, see docs/report.md
  std::string html() const;  // one self-contained page
};

// Called as stages start and end: for a progress line.
using Progress = std::function<void(const std::string& stage, bool finished, double seconds)>;

// The one function that runs the whole pipeline. `config.format` picks a registered format.
ONNXPORT_API Report export_model(const std::string& source, const std::string& output,
                                 const ExportConfig& config = {}, const Progress& progress = {});
// The proof alone, for an ONNX file that is there already.
ONNXPORT_API Report verify_model(const std::string& source, const std::string& onnx_path,
                                 const ExportConfig& config = {}, const Progress& progress = {});

// The registry. "onnx" is registered by the library itself.
using Exporter = std::function<Report(const std::string& source, const std::string& output,
                                      const ExportConfig& config, const Progress& progress)>;
// False when the name is taken.
ONNXPORT_API bool register_format(const std::string& name, Exporter exporter);
ONNXPORT_API std::vector<std::string> formats();

ONNXPORT_API int64_t newest_opset();
ONNXPORT_API const char* version();
// For a program compiled with this libtorch ("2.13.0"): an error text when onnxport's plugin was
// built with another one, empty when all is well or there is no plugin. onnxport/torch.h asks.
ONNXPORT_API std::string check_torch(const std::string& version);

}  // namespace onnxport
