// onnxport: what a run has to tell, as data. `text()`, `json()` and `html()` draw it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#define ONNXPORT_API __attribute__((visibility("default")))

namespace onnxport {

enum class Outcome {
  kPassed,     // written, and proven where that was asked for
  kDiffers,    // the proof failed; an export keeps the file as OUT.failed.onnx
  kRefused,    // nothing was written: `error` says why
  kCancelled,  // stopped from outside: nothing was written
};

// A number, or the name or formula of a dynamic size ("batch_size", "2*height").
using Dim = std::variant<int64_t, std::string>;

struct ONNXPORT_API TensorReport {
  std::string name;
  std::string dtype;                     // "float32"; empty: None, not a tensor
  std::optional<std::vector<Dim>> dims;  // unset: not even the rank is known

  std::string text() const;  // "input: float32[batch_size, 3, 224, 224]"
};

// One run of both sides on the same inputs.
struct RunReport {
  std::string values = "random";     // what the inputs hold: random, mixed, zeros, large
  int seed = 0;                      // of those values
  std::vector<TensorReport> inputs;  // every size is a number
  double max_abs_difference = 0;     // the largest of all outputs
  bool passed = true;
  // More than the tolerance allows, but no more than what rounding does to the original.
  bool within_noise = false;
};

// Where the two sides part: the first value that differs while all that it is computed from agrees.
struct DivergenceReport {
  std::string value;      // its name; empty where only a reason is known
  std::string onnx_node;  // the node that computes it, if the file has one for it
  std::string op_type;
  std::string aten_op;
  std::string module_path;
  std::string source;  // file, line and function of the model's code
  double max_abs_difference = 0;
  std::string reason;

  std::string text() const;  // in one line
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

// What an export, a verification and a simplification tell alike.
struct ReportBase {
  Outcome outcome = Outcome::kRefused;
  std::string error;  // what, where and what to do; empty when all is well
  std::string source_path;
  std::string output_path;
  int64_t opset = 0;
  uint64_t file_bytes = 0;  // external data included
  size_t nodes = 0;         // those of subgraphs included
  std::map<std::string, int> operators;
  uint64_t parameters = 0;  // elements of all initializers
  std::vector<TensorReport> inputs;
  std::vector<TensorReport> outputs;
  std::vector<RunReport> runs;
  std::map<std::string, int> rules_fired;
  std::vector<Stage> stages;
  std::vector<std::string> notes;  // why a batch stayed fixed, what was left out, ...
  std::string onnxport_version, onnxruntime_version;
  // What stood around the processes that ran the file ("landlock, seccomp"); empty: none was
  // needed.
  std::string sandbox;

  bool passed() const { return outcome == Outcome::kPassed; }
  // 0 passed, 1 refused or differs, 130 cancelled (as after Ctrl-C).
  int exit_code() const { return passed() ? 0 : outcome == Outcome::kCancelled ? 130 : 1; }
};

// Of export_model() and verify_model(), see export.h.
struct ONNXPORT_API Report : ReportBase {
  // output_path: where the file is (OUT.failed.onnx if it differs)
  std::string format = "onnx";
  bool writes = true;  // an export; false: a verification of a file that was there
  size_t nodes_before_simplify = 0;
  bool verified = false;
  std::vector<OutputReport> comparison;  // an entry for each output
  std::optional<DivergenceReport> first_divergence;
  std::string torch_version;

  std::string text() const;  // what the command prints
  std::string json() const;  // stable keys, see docs/report.md
  std::string html() const;  // one self-contained page
};

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

// Of simplify_model(), see simplify.h. What differs is never written: kPassed, kRefused or
// kCancelled.
struct ONNXPORT_API SimplifyReport : ReportBase {
  // output_path: empty when nothing was written
  uint64_t file_bytes_before = 0;
  size_t nodes_before = 0;
  std::map<std::string, int> operators_before;
  uint64_t parameters_before = 0;
  bool checked = false;    // onnx.checker accepts the file
  bool compared = false;   // run against the original
  bool identical = false;  // every output of every run, byte for byte
  std::vector<OutputMatch> comparison;
  std::vector<WrongRule> wrong_rules;
  std::vector<RuleApplication> trace;  // if asked for
  std::vector<RuleRefusal> refusals;   // if asked for; by rule, the most frequent reason first

  std::string text() const;  // what the command prints
  std::string json() const;  // stable keys, see docs/simplify.md
  std::string html() const;  // one self-contained page
};

}  // namespace onnxport
