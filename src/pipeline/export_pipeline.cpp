// A file is built in a hidden folder beside its place, and gets its name only when it has passed
// everything that was asked for; a file that differs from PyTorch is kept under another name.
#include "pipeline/export_pipeline.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "aten/program.h"
#include "lower/dynamic_batch.h"
#include "lower/lower.h"
#include "onnx/check.h"
#include "onnx/graph.h"
#include "onnx/read.h"
#include "onnx/write.h"
#include "pipeline/facts.h"
#include "pipeline/shapes.h"
#include "pipeline/source.h"
#include "pipeline/staging_folder.h"
#include "pipeline/timed.h"
#include "read/checksums.h"
#include "simplify/simplify.h"
#include "verify/evaluate.h"
#include "verify/verify.h"

namespace onnxport::pipeline {
namespace {

std::string divergence_text(const verify::Divergence& d) {
  if (d.value.empty()) return d.reason;
  std::string out =
      d.onnx_node.empty() ? d.aten_op : fmt::format("node {} ({})", d.onnx_node, d.op_type);
  out += " computing `" + d.value + "`";
  if (!d.onnx_node.empty() && !d.aten_op.empty()) out += " from " + d.aten_op;
  if (!d.module_path.empty()) out += " in module " + d.module_path;
  if (!d.source.empty()) out += " at " + d.source;
  return out + ": " + d.reason;
}

void take_verdict(const verify::Verdict& verdict, Report& report) {
  report.verified = true;
  report.torch_version = verdict.torch_version;
  report.onnxruntime_version = verdict.runtime_version;
  report.outcome = verdict.passed ? Outcome::kPassed : Outcome::kDiffers;
  report.error = verdict.passed ? "" : verdict.reason;
  if (verdict.passed) {
    report.notes.insert(report.notes.end(), verdict.notes.begin(), verdict.notes.end());
  }
  report.outputs.clear();
  for (const auto& o : verdict.outputs) {
    report.outputs.push_back(
        {o.name, o.passed, o.max_abs, o.max_rel, o.scale, o.float32_abs, o.reason});
  }
  report.runs.clear();
  for (const auto& run : verdict.runs) {
    std::string dims;
    for (const auto& d : run.input_dims) {
      dims += dims.empty() ? "[" : ", [";
      for (size_t i = 0; i < d.size(); ++i) dims += (i > 0 ? ", " : "") + std::to_string(d[i]);
      dims += "]";
    }
    report.runs.push_back(fmt::format("seed {}, {}: {:.3g}{}", run.seed, dims, run.max_abs,
                                      run.passed ? "" : " (failed)"));
  }
  report.first_divergence = verdict.first ? divergence_text(*verdict.first) : "";
}

verify::Options verify_options(const ExportConfig& config) {
  verify::Options options;
  options.tolerance = config.tolerance;
  options.seeds = config.seeds;
  options.allow_nan = config.allow_nan;
  options.run_limit = config.run_limit;
  return options;
}

// The same words as for a file or the command line.
Status checked(const ExportConfig& config) {
  const auto error = check_config(config);
  return error ? Status(Error{error->text(), ""}) : Status();
}

class Export {
 public:
  Export(const std::string& source, const std::string& output, const ExportConfig& config,
         const Progress& progress)
      : source_(source),
        output_(output),
        config_(config),
        progress_(progress),
        report_(fresh_report(source, output)) {}

  Report run() {
    auto status = steps();
    if (!status.ok()) {
      report_.outcome = Outcome::kRefused;
      report_.error = status.error().str();
      report_.output_path.clear();
    }
    return std::move(report_);
  }

 private:
  aten::Program& program() { return model_source_.program(); }

  Status steps() {
    TRY(checked(config_));
    TRY(StagingFolder::beside(output_));  // before the work: a folder that cannot be written to
    TRY(read());
    if (shaped_.fixed_batch > 0) {
      TRY_ASSIGN(bool done, with_dynamic_batch());
      if (done) return {};
    }
    TRY(lower());
    TRY(simplify());
    TRY_ASSIGN(StagingFolder folder, StagingFolder::beside(output_));
    TRY(write(folder));
    if (config_.check) TRY(check(folder));
    if (!config_.verify) {
      report_.outcome = Outcome::kPassed;
      return folder.publish();
    }
    TRY(verify(folder, 0));
    return report_.outcome == Outcome::kPassed ? folder.publish() : keep_failed();
  }

  const char* kind() const { return model_source_.is_script() ? "TorchScript file" : ".pt2"; }

  // A source with a fixed batch: the graph made dynamic is a candidate, taken only when it has been
  // shown to compute, for several batches, what the fixed program computes slice by slice. False:
  // the batch stays fixed, and a note says why; an error where the user asked for a dynamic one.
  Result<bool> with_dynamic_batch() {
    std::string why = "it can only be made dynamic with the proof (leave out --no-verify)";
    if (config_.verify) {
      TRY_ASSIGN(StagingFolder folder, StagingFolder::beside(output_));
      auto tried = try_dynamic_batch(folder);
      if (tried.ok() && report_.outcome == Outcome::kPassed) {
        report_.notes.push_back(fmt::format(
            "the {} has a fixed batch of {}; made dynamic, and verified against it slice by slice",
            kind(), shaped_.fixed_batch));
        TRY(folder.publish());
        return true;
      }
      why = tried.ok() ? difference() : in_place(std::move(tried).error(), folder).str();
    }
    std::string again =
        model_source_.is_script()
            ? "trace it again with the batch taken from the input (x.size(0))"
            : fmt::format(
                  "export it again with dynamic_shapes={{\"{}\": {{0: torch.export.Dim(\"batch\")}}}}",
                  program().inputs[0].name);
    std::string text = fmt::format("the {} has a fixed batch of {}, and {}; for a dynamic one {}",
                                   kind(), shaped_.fixed_batch, why, again);
    if (shaped_.batch_was_asked) return Error{text, source_};
    report_.notes.push_back("the batch stays fixed: " + text);
    forget_verdict();
    return false;
  }

  Status try_dynamic_batch(const StagingFolder& folder) {
    TRY(lower());
    TRY(lower::make_batch_dynamic(model_, shaped_.fixed_batch, shaped_.batch_name));
    TRY(simplify());
    TRY(write(folder));
    if (config_.check) TRY(check(folder));
    return verify(folder, shaped_.fixed_batch);
  }

  // Why the proof failed, in one line.
  std::string difference() const {
    std::string why = report_.error;
    for (const OutputReport& output : report_.outputs) {
      if (why.empty() && !output.passed)
        why = fmt::format("output `{}` {}", output.name, output.reason);
    }
    return "made dynamic it computes something else: " + why;
  }

  void forget_verdict() {
    report_.outcome = Outcome::kRefused;
    report_.verified = false;
    report_.error.clear();
    report_.first_divergence.clear();
    report_.outputs.clear();
    report_.runs.clear();
    report_.rules_fired.clear();
  }

  Status read() {
    Timed timed("read", report_.stages, progress_);
    std::error_code error;
    if (!std::filesystem::exists(source_, error)) {
      return Error{"there is no such file", source_};
    }
    if (std::filesystem::equivalent(source_, output_, error)) {
      return Error{"the output would replace the model it is made from; choose another name",
                   output_};
    }
    TRY_ASSIGN(model_source_, Source::read(source_, config_));
    // Both sides of the proof read the same bytes: a damaged weight would pass.
    if (config_.verify) TRY(read::check_sums(source_));
    report_.notes = program().notes;
    auto shaped = shapes::apply(program(), config_);
    if (!shaped.ok()) return std::move(shaped).error().at(source_);
    shaped_ = std::move(*shaped);
    for (std::string& note : shaped_.notes) report_.notes.push_back(std::move(note));
    TRY_ASSIGN(ranges_, shapes::drawn_ranges(program(), config_));
    if (shaped_.fixed_batch > 0 && !shaped_.batch_was_asked) {
      TRY_ASSIGN(const bool list, model_source_.takes_list());
      if (list) shaped_.fixed_batch = 0;
    }
    return {};
  }

  Status lower() {
    Timed timed("lower", report_.stages, progress_);
    lower::Options options{config_.opset_version, shaped_.input_names, config_.output_names};
    auto model = lower::lower(program(), options);
    if (!model.ok()) return std::move(model).error().at(source_);
    model_ = std::move(*model);
    model_.producer_name = "onnxport";
    model_.producer_version = version();
    report_.nodes_before_simplify = model_.graph->total_node_count();
    return {};
  }

  Status simplify() {
    if (config_.simplify) {
      Timed timed("simplify", report_.stages, progress_);
      simplify::Options options;
      options.exact = config_.exact;
      options.skip.insert(config_.skip.begin(), config_.skip.end());
      options.evaluate = verify::evaluate;
      TRY_ASSIGN(simplify::Summary summary, simplify::simplify(model_, options));
      report_.rules_fired = std::move(summary.fired);
      for (std::string& note : summary.notes) report_.notes.push_back(std::move(note));
    }
    facts::fill_summary(model_, report_);
    return {};
  }

  Status write(const StagingFolder& folder) {
    Timed timed("write", report_.stages, progress_);
    auto written = onnx::write_model(model_, folder.file());
    if (!written.ok()) return in_place(std::move(written).error(), folder);
    report_.file_bytes = written->bytes + written->external_bytes;
    return {};
  }

  Status check(const StagingFolder& folder) {
    Timed timed("check", report_.stages, progress_);
    auto status = onnx::check_file(folder.file());
    if (!status.ok()) return in_place(std::move(status).error(), folder);
    return {};
  }

  Status verify(const StagingFolder& folder, int64_t fixed_batch) {
    Timed timed("verify", report_.stages, progress_);
    verify::Options options = verify_options(config_);
    options.fixed_batch = fixed_batch;
    options.ranges = ranges_;
    TRY_ASSIGN(libtorch::Module * module, model_source_.module());
    auto verdict = verify::verify(program(), folder.file(), options, module);
    if (!verdict.ok()) return in_place(std::move(verdict).error(), folder);
    take_verdict(*verdict, report_);
    replace_paths(report_.error, folder);
    replace_paths(report_.first_divergence, folder);
    return {};
  }

  // Written anew rather than renamed: external data is referred to by name.
  Status keep_failed() {
    std::string kept = failed_path(output_);
    TRY_ASSIGN([[maybe_unused]] auto written, onnx::write_model(model_, kept));
    report_.output_path = kept;
    return {};
  }

  // Messages speak of the file that was asked for, not of the hidden folder.
  void replace_paths(std::string& text, const StagingFolder& folder) const {
    for (size_t at = text.find(folder.file()); at != std::string::npos;
         at = text.find(folder.file())) {
      text.replace(at, folder.file().size(), output_);
    }
  }
  Error in_place(Error error, const StagingFolder& folder) const {
    replace_paths(error.message, folder);
    replace_paths(error.where, folder);
    return error;
  }

  const std::string& source_;
  const std::string& output_;
  const ExportConfig& config_;
  const Progress& progress_;
  Report report_;
  Source model_source_;
  shapes::Shaped shaped_;
  std::vector<std::optional<verify::ValueRange>> ranges_;
  onnx::Model model_;
};

}  // namespace

Report fresh_report(const std::string& source, const std::string& output) {
  Report report;
  report.source_path = source;
  report.output_path = output;
  report.onnxport_version = version();
  return report;
}

std::string failed_path(const std::string& output) {
  constexpr std::string_view kExtension = ".onnx";
  std::string stem =
      output.ends_with(kExtension) ? output.substr(0, output.size() - kExtension.size()) : output;
  return stem + ".failed.onnx";
}

Report export_onnx(const std::string& source, const std::string& output, const ExportConfig& config,
                   const Progress& progress) {
  return Export(source, output, config, progress).run();
}

Report verify_onnx(const std::string& source, const std::string& onnx_path,
                   const ExportConfig& config, const Progress& progress) {
  Report report = fresh_report(source, onnx_path);
  auto status = [&]() -> Status {
    TRY(checked(config));
    Source model_source;
    {
      Timed timed("read", report.stages, progress);
      TRY_ASSIGN(onnx::Model model, onnx::read_model(onnx_path));
      TRY_ASSIGN(model_source, Source::read(source, with_shapes_of(model, config)));
      facts::fill_summary(model, report);
      report.file_bytes = facts::size_on_disk(onnx_path);
      report.notes = model_source.program().notes;
    }
    Timed timed("verify", report.stages, progress);
    TRY(read::check_sums(source));
    TRY_ASSIGN(libtorch::Module * module, model_source.module());
    verify::Options options = verify_options(config);
    TRY_ASSIGN(options.ranges, shapes::drawn_ranges(model_source.program(), config));
    TRY_ASSIGN(verify::Verdict verdict,
               verify::verify(model_source.program(), onnx_path, options, module));
    take_verdict(verdict, report);
    return {};
  }();
  if (!status.ok()) {
    report.outcome = Outcome::kRefused;
    report.error = status.error().str();
  }
  return report;
}

}  // namespace onnxport::pipeline
