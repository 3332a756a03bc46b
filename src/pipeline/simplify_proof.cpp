#include "pipeline/simplify_proof.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "onnx/check.h"
#include "onnx/walk.h"
#include "pipeline/sandbox_policy.h"
#include "verify/runtime.h"

namespace onnxport::pipeline {
namespace {

constexpr uint64_t kLargeFile = uint64_t{1} << 30;  // compared in fewer runs

RunReport run_report(const verify::RunAgreement& run) {
  RunReport out;
  out.values = run.values;
  out.seed = run.seed;
  out.passed = run.passed;
  out.max_abs_difference = run.max_abs;
  out.within_noise = run.within_noise;
  for (const verify::RunInput& from : run.inputs) {
    TensorReport& input = out.inputs.emplace_back();
    input.name = from.name;
    input.dtype = from.dtype;
    input.dims.emplace(from.dims.begin(), from.dims.end());
  }
  return out;
}

bool has_loop(const onnx::Model& model) {
  for (const onnx::Graph* graph : onnx::all_graphs(model)) {
    for (const onnx::Node* node = graph->first(); node != nullptr; node = node->next) {
      if (node->is("Loop")) return true;
    }
  }
  return std::any_of(model.functions.begin(), model.functions.end(), [](const std::string& bytes) {
    return bytes.find("Loop") != std::string::npos;
  });
}

// Seconds for one run, generous for a model of that size. A loop may have no end; what has none
// takes as long as its tensors are large.
double step_limit(const onnx::Model& model, uint64_t file_bytes) {
  constexpr double kBytesPerSecond = 1 << 20;
  return (has_loop(model) ? 12 : 120) + static_cast<double>(file_bytes) / kBytesPerSecond;
}

// Bytes for both sessions, one after the other: weights, what the nodes give, and what the runtime
// keeps of it.
uint64_t memory_for(uint64_t run_bytes, uint64_t file_bytes, uint64_t most) {
  constexpr uint64_t kRuntime = uint64_t{1280} << 20;
  const uint64_t graph = file_bytes > most / 64 ? most : 64 * file_bytes;
  const uint64_t run = run_bytes > most / 8 ? most : 8 * run_bytes;
  return std::min(most, kRuntime + graph + run);
}

}  // namespace

Result<std::string> SimplifyProof::find_problem() {
  std::string problem;
  TRY(session_.stage("check", [&] { return check(problem); }));
  if (!problem.empty()) return problem;
  TRY(session_.stage("compare", [&] { return compare(problem); }));
  return problem;
}

Status SimplifyProof::check(std::string& problem) {
  Status status = onnx::check_file(session_.staging().file());
  report_.checked = status.ok();
  if (status.ok()) return {};
  if (!original_checked_) {
    const Status original = onnx::check_file(source_);
    original_checked_ = true;
    original_valid_ = original.ok();
    if (!original.ok()) {
      report_.notes.push_back("not held against onnx.checker, since the original does not pass: " +
                              original.error().message);
    }
  }
  if (original_valid_) problem = session_.speak_of_output(std::move(status).error()).message;
  return {};
}

Status SimplifyProof::compare(std::string& problem) {
  if (!comparable_) return {};
  verify::AgreementOptions options;
  options.tolerance = config_.tolerance;
  options.threads = config_.threads;
  options.few_runs = report_.file_bytes_before > kLargeFile;
  options.random_outputs = build_.random_outputs();
  options.step_limit = step_limit(build_.model(), report_.file_bytes_before);
  options.sandbox = sandbox::at_most_more(
      sandbox_policy(config_, session_.limits()),
      memory_for(build_.summary().run_bytes, report_.file_bytes_before, session_.limits().memory));
  report_sandbox(options.sandbox, report_);
  options.cancel = session_.cancel();
  auto agreement = verify::compare_files(source_, session_.staging().file(),
                                         verify::trial_inputs(build_.model()), options);
  TRY(check_cancelled(session_.cancel()));
  if (!agreement.ok()) {
    comparable_ = false;
    report_.notes.push_back("not compared with the original: " + agreement.error().str());
    return {};
  }
  agreement_ = std::move(*agreement);
  session_.speak_of_output(agreement_.reason);
  if (!agreement_.passed) problem = agreement_.reason;
  return {};
}

void SimplifyProof::report_agreement() {
  if (!comparable_) return;
  report_.compared = true;
  report_.identical = agreement_.identical;
  if (auto runtime = verify::runtime_version(); runtime.ok()) {
    report_.onnxruntime_version = *runtime;
  }
  for (const verify::OutputAgreement& o : agreement_.outputs) {
    report_.comparison.push_back(
        {o.name, o.passed, o.identical, o.max_abs, o.max_rel, o.scale, o.reason});
  }
  for (const verify::RunAgreement& run : agreement_.runs) report_.runs.push_back(run_report(run));
  for (const std::string& note : agreement_.notes) report_.notes.push_back(note);
  if (!build_.random_outputs().empty()) {
    report_.notes.push_back(
        fmt::format("compared in type and rank only, since random numbers reach them: {}",
                    fmt::join(build_.random_outputs(), ", ")));
  }
}

}  // namespace onnxport::pipeline
