// onnxport: simplifies an ONNX file from any exporter, and proves that it still computes the same.
//
//   onnxport::SimplifyConfig config;
//   config.inputs = {{.name = "input", .sizes = {{1, 3, 224, 224}}}};
//   onnxport::SimplifyReport report = onnxport::simplify_model("model.onnx", "small.onnx", config);
//   if (!report.passed()) std::cerr << report.text();
//
// No function here throws; nothing here includes ONNX or protobuf headers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "onnxport/export.h"

namespace onnxport {

struct RuleApplication {
  std::string rule;
  std::string node;
  std::string op_type;
  size_t removed = 0;  // nodes
  size_t made = 0;
};

// Nodes of the simplified model that a rule looked at and left as they are, for one reason.
struct RuleRefusal {
  std::string rule;
  std::string reason;
  std::vector<std::string> nodes;  // their names, in the order of the graph
};

// A rule after which the file was no longer right, and which was left out therefore.
struct WrongRule {
  std::string rule;
  std::string node;  // where it went wrong first
  std::string op_type;
  std::string reason;
};

struct OutputMatch {
  std::string name;
  bool passed = false;
  bool identical = false;  // byte for byte in every run
  double max_abs_difference = 0;
  double max_rel_difference = 0;  // relative to the largest value of the output in the same run
  double scale = 0;               // max |the original's output|
  std::string reason;
};

struct ONNXPORT_API SimplifyReport {
  Outcome outcome = Outcome::kRefused;  // kPassed or kRefused: what differs is never written
  std::string error;
  std::string source_path;
  std::string output_path;  // empty when nothing was written
  int64_t opset = 0;
  uint64_t file_bytes = 0, file_bytes_before = 0;  // external data included
  size_t nodes = 0, nodes_before = 0;
  std::map<std::string, int> operators, operators_before;
  uint64_t parameters = 0, parameters_before = 0;
  std::vector<std::string> inputs;  // "input: float32[batch_size, 3, 224, 224]"
  std::vector<std::string> output_types;
  bool checked = false;    // onnx.checker accepts the file
  bool compared = false;   // run against the original
  bool identical = false;  // every output of every run, byte for byte
  std::vector<OutputMatch> outputs;
  std::vector<std::string> runs;  // "random, float32[2, 3, 32, 32]: identical"
  std::map<std::string, int> rules_fired;
  std::vector<WrongRule> wrong_rules;
  std::vector<RuleApplication> trace;  // if asked for
  std::vector<RuleRefusal> refusals;   // if asked for; by rule, the most frequent reason first
  std::vector<Stage> stages;           // read, simplify, write, check, compare
  std::vector<std::string> notes;      // why something was not compared, ...
  std::string onnxport_version, onnxruntime_version;

  bool passed() const { return outcome == Outcome::kPassed; }
  int exit_code() const { return passed() ? 0 : 1; }
  std::string text() const;  // what the command prints
  std::string json() const;  // stable keys, see docs/simplify.md
  std::string html() const;  // one self-contained page
};

// "model.onnx" -> "model.simplified.onnx"
ONNXPORT_API std::string simplified_path(const std::string& source);

// Reads `source`, writes `output`. The file gets its name only when it has passed: nothing is
// written over a good file by a bad one. An empty `output` is simplified_path(source), or the
// source itself with config.overwrite.
ONNXPORT_API SimplifyReport simplify_model(const std::string& source, const std::string& output,
                                           const SimplifyConfig& config = {},
                                           const Progress& progress = {});

}  // namespace onnxport
