// The proof: the written file in ONNX Runtime against the program in libtorch.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "aten/program.h"
#include "base/result.h"
#include "libtorch/plugin.h"
#include "sandbox/wall.h"

namespace onnxport::verify {

// Both ends included: integers evenly, floats uniformly.
struct ValueRange {
  double low = 0;
  double high = 0;
};

struct Options {
  double tolerance =
      1e-4;  // on max |a-b| / max(1, max |reference|): relative where outputs are large
  int seeds = 3;
  std::vector<int64_t> batches = {1, 2, 5};  // for the dynamic batch symbol
  bool allow_nan = false;  // a NaN in the reference itself is a failure unless allowed
  bool float64 = true;     // also measure what float32 itself loses
  // > 0: axis 0 of every input of the program is fixed to this size, and the file is claimed to
  // take any. The program then runs slice by slice (the last one filled up), its outputs put
  // together.
  int64_t fixed_batch = 0;
  // Seconds that one run may take of a model with a loop whose end depends on the data: nobody can
  // tell whether it ends. 0: any time.
  double run_limit = 120;
  sandbox::Policy sandbox;  // of the process that runs both
  // Of the program's inputs, in order, where they are drawn from a range of their own; may be
  // shorter.
  std::vector<std::optional<ValueRange>> ranges = {};
  std::stop_token cancel;  // looked at between runs and calls, and by the runtime between nodes
};

struct OutputVerdict {
  std::string name;
  bool passed = true;
  double max_abs = 0;                 // over all runs
  double max_rel = 0;                 // |a-b| / max(|reference|, scale / 1000)
  double scale = 0;                   // max |reference|
  std::optional<double> float32_abs;  // max |float32 reference - float64 reference|
  std::string reason;  // of a failure: "dtype int64 instead of float32", "NaN at [0, 3]"...
};

// The first value, in the order of the program, that differs while all before it agree.
struct Divergence {
  std::string onnx_node;  // name
  std::string op_type;
  std::string aten_op;
  std::string value;
  std::string module_path;
  std::string source;
  double max_abs = 0;
  std::string reason;
};

struct Run {
  int seed;
  std::vector<std::vector<int64_t>> input_dims;
  double max_abs;
  bool passed;
};

struct Verdict {
  bool passed = false;
  std::vector<OutputVerdict> outputs;
  std::vector<Run> runs;
  std::optional<Divergence> first;
  std::string reason;  // when nothing could be compared at all
  std::vector<std::string> notes;
  std::string torch_version;
  std::string runtime_version;
  double seconds = 0;
};

// Both run in a process of their own, behind the sandbox's wall. An Error when the proof could not
// be attempted (no runtime, no libtorch, no process); a failed proof is a Verdict. With
// `make_module`, which is called in that process, the module's forward() is what the file is
// measured by, and the program serves only to say where they part; sizes that the module refuses
// while it takes others are then a failure: they were fixed when it was traced.
Result<Verdict> verify(const aten::Program& program, const std::string& onnx_path,
                       const Options& options, const libtorch::MakeModule& make_module = {});

}  // namespace onnxport::verify
