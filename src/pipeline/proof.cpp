#include "pipeline/proof.h"

#include <algorithm>
#include <utility>

#include "base/cancel.h"
#include "pipeline/sandbox_policy.h"

namespace onnxport::pipeline {
namespace {

RunReport run_report(const verify::Run& run, aten::Program& program) {
  RunReport out;
  out.seed = run.seed;
  out.passed = run.passed;
  out.max_abs_difference = run.max_abs;
  for (size_t i = 0; i < run.input_dims.size(); ++i) {
    TensorReport& input = out.inputs.emplace_back();
    if (i < program.inputs.size()) {
      input.name = program.inputs[i].name;
      input.dtype = name(program.value(program.inputs[i].value).dtype);
    }
    input.dims.emplace(run.input_dims[i].begin(), run.input_dims[i].end());
  }
  return out;
}

void take_verdict(const verify::Verdict& verdict, aten::Program& program, Report& report) {
  report.verified = true;
  report.torch_version = verdict.torch_version;
  report.onnxruntime_version = verdict.runtime_version;
  report.outcome = verdict.passed ? Outcome::kPassed : Outcome::kDiffers;
  report.error = verdict.passed ? "" : verdict.reason;
  if (verdict.passed) {
    report.notes.insert(report.notes.end(), verdict.notes.begin(), verdict.notes.end());
  }
  report.comparison.clear();
  for (const verify::OutputVerdict& o : verdict.outputs) {
    report.comparison.push_back(
        {o.name, o.passed, o.max_abs, o.max_rel, o.scale, o.float32_abs, o.reason});
  }
  report.runs.clear();
  for (const verify::Run& run : verdict.runs) report.runs.push_back(run_report(run, program));
  // The names that the inputs have in the file.
  for (RunReport& run : report.runs) {
    for (size_t i = 0; i < std::min(run.inputs.size(), report.inputs.size()); ++i) {
      run.inputs[i].name = report.inputs[i].name;
    }
  }
  report.first_divergence.reset();
  if (const auto& d = verdict.first) {
    report.first_divergence = DivergenceReport{d->value,       d->onnx_node, d->op_type, d->aten_op,
                                               d->module_path, d->source,    d->max_abs, d->reason};
  }
}

}  // namespace

Status prove(Source& source, const std::string& onnx_path, const Claim& claim,
             const ExportConfig& config, const Session& session, Report& report) {
  verify::Options options;
  options.tolerance = config.tolerance;
  options.seeds = config.seeds;
  options.allow_nan = config.allow_nan;
  options.run_limit = config.run_limit;
  options.fixed_batch = claim.fixed_batch;
  options.ranges = claim.ranges;
  options.cancel = session.cancel();
  options.sandbox = sandbox_policy(config, session.limits());
  report_sandbox(options.sandbox, report);
  TRY_ASSIGN(const verify::Verdict verdict,
             verify::verify(source.program(), onnx_path, options, source.reference()));
  TRY(check_cancelled(session.cancel()));  // a verdict of half a proof is none
  take_verdict(verdict, source.program(), report);
  return {};
}

void forget_proof(Report& report) {
  report.outcome = Outcome::kRefused;
  report.verified = false;
  report.error.clear();
  report.first_divergence.reset();
  report.comparison.clear();
  report.runs.clear();
}

}  // namespace onnxport::pipeline
