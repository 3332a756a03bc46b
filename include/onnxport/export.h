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
#include <vector>

#include "onnxport/config.h"

namespace onnxport {

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

ONNXPORT_API const char* version();
// For a program compiled with this libtorch ("2.13.0"): an error text when onnxport's plugin was
// built with another one, empty when all is well or there is no plugin. onnxport/torch.h asks.
ONNXPORT_API std::string check_torch(const std::string& version);

}  // namespace onnxport
