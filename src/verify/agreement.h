// Whether two ONNX files compute the same: what one gives for made-up inputs is recorded, and what
// the other gives is held against it, output by output. Both run in ONNX Runtime with its own graph
// optimizations off, so that a difference is the files' and not the optimizer's.
#pragma once

#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "onnx/graph.h"
#include "sandbox/wall.h"
#include "verify/trials.h"

namespace onnxport::verify {

struct AgreementOptions {
  double tolerance = 1e-4;  // of float32 outputs, relative to the output's largest value
  int threads = 2;
  bool few_runs = false;  // two in place of up to five: for a model of gigabytes
  // Seconds that opening a file, or one run, may take; 0: no limit. Whether a loop ends depends on
  // data, and a product of two small numbers may take days.
  double step_limit = 0;
  std::set<std::string> random_outputs;  // see random_outputs(): compared in type and rank only
  std::stop_token cancel;
  sandbox::Policy sandbox;  // of the process that runs both
};

struct OutputAgreement {
  std::string name;
  bool passed = true;
  bool identical = true;  // byte for byte
  size_t judged = 0;      // runs that count: in the others rounding alone changes the original
  double max_abs = 0, scale = 0;
  double max_rel = 0;  // max_abs / scale, the largest of all runs
  std::string reason;
};

struct RunInput {
  std::string name;
  std::string dtype;
  std::vector<int64_t> dims;
};

struct RunAgreement {
  std::string values;  // "zeros": what the inputs hold
  int seed = 0;
  std::vector<RunInput> inputs;
  bool passed = true;
  double max_abs = 0;
  // Some output differs by more than the tolerance allows, but by no more than rounding alone makes
  // the original differ from itself here.
  bool within_noise = false;
};

struct Agreement {
  bool passed = true;
  bool identical = true;
  std::string reason;  // of the first difference
  std::vector<OutputAgreement> outputs;
  std::vector<RunAgreement> runs;
  std::vector<std::string> notes;
};

// Runs the file at `original` on made-up inputs, random ones and edge cases, at two sizes where
// sizes are dynamic, then the file at `other` on the same. Stops at the first run that differs. A
// file that ONNX Runtime refuses, fails to run, or crashes on, differs. A difference in values
// counts when it is larger than what the tolerance allows, and larger than what a change of the
// inputs by one part in a million does to the original itself.
//
// Inputs that the original does not take, or on which ONNX Runtime crashes, are replaced by others;
// the error says why there is nothing to compare with. All runs are in a process of their own.
Result<Agreement> compare_files(const std::string& original, const std::string& other,
                                const std::vector<TrialInput>& inputs,
                                const AgreementOptions& options);

// The outputs that random numbers reach.
std::set<std::string> random_outputs(const onnx::Model& model);

}  // namespace onnxport::verify
