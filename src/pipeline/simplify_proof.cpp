#include "pipeline/simplify_proof.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "onnx/check.h"
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
  options.sandbox = sandbox_policy(config_);
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
