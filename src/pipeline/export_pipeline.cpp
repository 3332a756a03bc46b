// A file is built in a hidden folder beside its place, and gets its name only when it has passed
// everything that was asked for; a file that differs from PyTorch is kept under another name.
#include "pipeline/export_pipeline.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "aten/program.h"
#include "base/file.h"
#include "lower/dynamic_batch.h"
#include "lower/lower.h"
#include "onnx/check.h"
#include "onnx/graph.h"
#include "onnx/write.h"
#include "pipeline/facts.h"
#include "pipeline/files.h"
#include "pipeline/proof.h"
#include "pipeline/sandbox_policy.h"
#include "pipeline/session.h"
#include "pipeline/shapes.h"
#include "pipeline/source.h"
#include "read/checksums.h"
#include "simplify/simplify.h"
#include "verify/evaluate.h"

namespace onnxport::pipeline {
namespace {

class Export {
 public:
  Export(const std::string& source, const std::string& output, const OutputFormat& format,
         const ExportConfig& config, const Progress& progress, const std::stop_token& cancel)
      : source_(source),
        output_(output),
        format_(format),
        config_(config),
        report_(fresh_report(source, output)),
        session_(report_, progress, cancel, limits_of(config)) {
    report_.format = format.name();
  }

  Report run() {
    const Status status = stages();
    session_.finish(status);
    if (!status.ok()) report_.output_path.clear();
    return std::move(report_);
  }

 private:
  Status stages() {
    TRY(check_settings(config_));
    TRY(check_files(files_of_export(source_, output_, config_)));
    TRY(StagingFolder::beside(output_));  // before the work: a folder that cannot be written to
    TRY(read());
    TRY_ASSIGN(const bool made_dynamic, dynamic_batch());
    if (!made_dynamic) {
      TRY(lower());
      TRY(simplify());
      TRY(write());
      TRY(check());
      TRY(prove_file(0));
    }
    if (report_.outcome == Outcome::kDiffers) return keep_failed();
    TRY(convert());
    return session_.publish();
  }

  Status read() {
    return session_.stage("read", [&]() -> Status {
      std::error_code error;
      if (!std::filesystem::exists(source_, error)) {
        return Error{"there is no such file", source_};
      }
      TRY_ASSIGN(model_source_, read_source(source_, config_));
      // Both sides of the proof read the same bytes: a damaged weight would pass.
      if (config_.verify) TRY(read::check_sums(source_, session_.cancel()));
      report_.notes = program().notes;
      TRY(choose_shapes());
      return dump_program();
    });
  }

  Status choose_shapes() {
    auto shaped = shapes::apply(program(), config_);
    if (!shaped.ok()) return std::move(shaped).error().at(source_);
    shaped_ = std::move(*shaped);
    for (std::string& note : shaped_.notes) report_.notes.push_back(std::move(note));
    TRY_ASSIGN(ranges_, shapes::drawn_ranges(program(), config_));
    if (program().takes_list && !shaped_.batch_was_asked) shaped_.fixed_batch = 0;
    return {};
  }

  Status lower() {
    return session_.stage("lower", [&]() -> Status {
      lower::Options options{config_.opset_version, shaped_.input_names, config_.output_names,
                             session_.cancel()};
      auto model = lower::lower(program(), options);
      if (!model.ok()) return std::move(model).error().at(source_);
      model_ = std::move(*model);
      model_.producer_name = "onnxport";
      model_.producer_version = version();
      report_.nodes_before_simplify = model_.graph->total_node_count();
      return dump_graph("lowered");
    });
  }

  Status simplify() {
    if (config_.simplify) {
      TRY(session_.stage("simplify", [&]() -> Status {
        simplify::Options options;
        options.exact = config_.exact;
        options.skip.insert(config_.skip.begin(), config_.skip.end());
        options.cancel = session_.cancel();
        options.memory = session_.limits().memory / 2;  // the rest is for the graph
        options.evaluate = [this](const onnx::Model& constants) {
          return verify::evaluate(constants,
                                  {sandbox_policy(config_, session_.limits()), session_.cancel()});
        };
        TRY_ASSIGN(simplify::Summary summary, simplify::simplify(model_, options));
        report_.rules_fired = std::move(summary.fired);
        for (std::string& note : summary.notes) report_.notes.push_back(std::move(note));
        return dump_graph("simplified");
      }));
    }
    facts::fill_summary(model_, report_);
    return {};
  }

  // Text for whoever looks for a fault, where it is asked for; of a graph that is lowered twice
  // (see dynamic_batch) the last one.
  Status dump_program() {
    if (config_.dump_program.empty()) return {};
    return write_file(config_.dump_program, aten::dump(program()));
  }

  Status dump_graph(const char* stage) const {
    if (config_.dump_graph.empty()) return {};
    return write_file(dump_path(config_.dump_graph, stage), onnx::dump(model_));
  }

  Status write() {
    TRY(session_.stage_output(output_));
    return session_.stage("write", [&]() -> Status {
      auto path = format_.write(model_, session_.staging(), session_.cancel());
      if (!path.ok()) return session_.speak_of_output(std::move(path).error());
      onnx_path_ = std::move(*path);
      report_.file_bytes = facts::size_on_disk(onnx_path_);
      return {};
    });
  }

  Status check() {
    if (!config_.check) return {};
    return session_.stage("check", [&]() -> Status {
      Status status = onnx::check_file(onnx_path_);
      if (!status.ok()) return session_.speak_of_output(std::move(status).error());
      return {};
    });
  }

  Status prove_file(int64_t fixed_batch) {
    if (!config_.verify) {
      report_.outcome = Outcome::kPassed;
      return {};
    }
    return session_.stage("verify", [&]() -> Status {
      Status status =
          prove(*model_source_, onnx_path_, {fixed_batch, ranges_}, config_, session_, report_);
      if (!status.ok()) return session_.speak_of_output(std::move(status).error());
      session_.speak_of_output(report_.error);
      if (report_.first_divergence) session_.speak_of_output(report_.first_divergence->reason);
      return {};
    });
  }

  // A format of a program's own is made of the file that has passed.
  Status convert() {
    if (!format_.converts()) return {};
    return session_.stage("convert", [&]() -> Status {
      Status status =
          format_.convert(onnx_path_, session_.staging(), report_, config_, session_.cancel());
      if (!status.ok()) return session_.speak_of_output(std::move(status).error());
      report_.file_bytes = session_.staging().bytes();
      if (report_.verified) {
        report_.notes.push_back("what is proven is the ONNX file that `" + format_.name() +
                                "` was made from");
      }
      return {};
    });
  }

  // Written anew rather than renamed: external data is referred to by name.
  Status keep_failed() {
    onnx::WriteOptions options;
    options.cancel = session_.cancel();
    const std::string kept = failed_path(output_, format_.extension());
    TRY_ASSIGN([[maybe_unused]] auto written, onnx::write_model(model_, kept, options));
    report_.output_path = kept;
    return {};
  }

  // A source with a fixed batch: the graph made dynamic is a candidate, taken only when it has been
  // shown to compute, for several batches, what the fixed program computes slice by slice. False:
  // there is none, or the batch stays fixed, and a note says why; an error where the user asked for
  // a dynamic one.
  Result<bool> dynamic_batch() {
    if (shaped_.fixed_batch <= 0) return false;
    const char* kind = model_source_->kind().name;
    std::string why = "it can only be made dynamic with the proof (leave out --no-verify)";
    if (config_.verify) {
      const Status tried = try_dynamic_batch();
      TRY(check_cancelled(session_.cancel()));
      if (tried.ok() && report_.outcome == Outcome::kPassed) {
        report_.notes.push_back(fmt::format(
            "the {} has a fixed batch of {}; made dynamic, and verified against it slice by slice",
            kind, shaped_.fixed_batch));
        return true;
      }
      why = tried.ok() ? difference() : session_.speak_of_output(tried.error()).str();
    }
    std::string text =
        fmt::format("the {} has a fixed batch of {}, and {}; for a dynamic one {}", kind,
                    shaped_.fixed_batch, why, model_source_->advice_for_dynamic_batch());
    if (shaped_.batch_was_asked) return Error{text, source_};
    report_.notes.push_back("the batch stays fixed: " + text);
    forget_proof(report_);
    report_.rules_fired.clear();
    return false;
  }

  Status try_dynamic_batch() {
    TRY(lower());
    TRY(lower::make_batch_dynamic(model_, shaped_.fixed_batch, shaped_.batch_name));
    TRY(simplify());
    TRY(write());
    TRY(check());
    return prove_file(shaped_.fixed_batch);
  }

  // Why the proof failed, in one line.
  std::string difference() const {
    std::string why = report_.error;
    for (const OutputReport& output : report_.comparison) {
      if (why.empty() && !output.passed)
        why = fmt::format("output `{}` {}", output.name, output.reason);
    }
    return "made dynamic it computes something else: " + why;
  }

  aten::Program& program() { return model_source_->program(); }

  const std::string& source_;
  const std::string& output_;
  const OutputFormat& format_;
  const ExportConfig& config_;
  Report report_;
  Session session_;
  std::unique_ptr<Source> model_source_;
  shapes::Shaped shaped_;
  std::vector<std::optional<verify::ValueRange>> ranges_;
  onnx::Model model_;
  std::string onnx_path_;  // what is checked and proven
};

}  // namespace

Report fresh_report(const std::string& source, const std::string& output) {
  Report report;
  report.source_path = source;
  report.output_path = output;
  report.onnxport_version = version();
  return report;
}

std::string failed_path(const std::string& output, const std::string& extension) {
  const bool extended = !extension.empty() && output.ends_with(extension);
  return output.substr(0, output.size() - (extended ? extension.size() : 0)) + ".failed.onnx";
}

Report run_export(const std::string& source, const std::string& output, const OutputFormat& format,
                  const ExportConfig& config, const Progress& progress,
                  const std::stop_token& cancel) {
  return Export(source, output, format, config, progress, cancel).run();
}

}  // namespace onnxport::pipeline
