// simplify_model: read, simplify, write, check, compare. The file is built in a hidden folder
// beside its place. When it is not right, the smallest number of rule applications that shows it is
// looked for by halving: the last of them names the rule and the node. That rule is left out, and
// the search goes on until the file is right.
#include <fmt/format.h>

#include <filesystem>

#include "onnxport/simplify.h"
#include "pipeline/exception_boundary.h"
#include "pipeline/facts.h"
#include "pipeline/files.h"
#include "pipeline/session.h"
#include "pipeline/simplify_build.h"
#include "pipeline/simplify_proof.h"
#include "simplify/simplify.h"

namespace onnxport {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostWrongRules = 16;

class Simplification {
 public:
  Simplification(const std::string& source, const std::string& output, const SimplifyConfig& config,
                 const Progress& progress, const std::stop_token& cancel)
      : source_(source),
        output_(output),
        config_(config),
        session_(report_, progress, cancel, pipeline::limits_of(config)),
        build_(source_, config_, session_, report_),
        proof_(source_, config_, session_, build_, report_) {
    report_.source_path = source;
    report_.onnxport_version = version();
  }

  SimplifyReport run() {
    const Status status = stages();
    session_.finish(status);
    if (!status.ok()) report_.output_path.clear();
    return std::move(report_);
  }

 private:
  Status stages() {
    TRY(pipeline::check_settings(config_));
    TRY(choose_output());
    TRY(session_.stage_output(output_));
    TRY(build_.read());
    TRY(build_.make({SIZE_MAX, config_.trace}));
    TRY(prove());
    tell();
    TRY(publish());
    report_.outcome = Outcome::kPassed;
    return {};
  }

  Status choose_output() {
    std::error_code error;
    if (!fs::exists(source_, error)) return Error{"there is no such file", source_};
    output_ = pipeline::simplify_output(source_, output_, config_);
    TRY(pipeline::check_files(pipeline::files_of_simplify(source_, output_, config_), source_));
    report_.output_path = output_;
    return {};
  }

  Status prove() {
    if (!config_.check) return {};
    TRY_ASSIGN(std::string problem, proof_.find_problem());
    if (problem.empty()) return {};
    return session_.stage("search", [&] { return leave_out_wrong_rules(std::move(problem)); });
  }

  Status leave_out_wrong_rules(std::string problem) {
    while (!problem.empty()) {
      size_t applications = 0;
      for (const auto& [rule, times] : build_.summary().fired) {
        applications += static_cast<size_t>(times);
      }
      TRY_ASSIGN(const size_t guilty, first_bad_application(applications, problem));
      TRY(build_.make({guilty, true}));
      TRY_ASSIGN(const std::string reason, proof_.find_problem());
      const simplify::Application last = build_.last_application();
      report_.wrong_rules.push_back(
          {last.rule, last.node, last.op_type, reason.empty() ? problem : reason});
      if (!build_.leave_out(last.rule) || report_.wrong_rules.size() > kMostWrongRules) {
        return Error{"no set of rules gives a file that is right: " + problem, source_};
      }
      TRY(build_.make({SIZE_MAX, config_.trace}));
      TRY_ASSIGN(problem, proof_.find_problem());
    }
    return {};
  }

  // The number of applications, from 1 to `bad`, that first shows a problem.
  Result<size_t> first_bad_application(size_t bad, const std::string& problem) {
    TRY(build_.make({0, false}));
    TRY_ASSIGN(const std::string unchanged, proof_.find_problem());
    if (!unchanged.empty() || bad == 0) {
      return Error{"the file differs from the original even where no rule is applied: " +
                       (unchanged.empty() ? problem : unchanged),
                   source_};
    }
    size_t good = 0;
    while (bad - good > 1) {
      const size_t middle = good + (bad - good) / 2;
      TRY(build_.make({middle, false}));
      TRY_ASSIGN(const std::string found, proof_.find_problem());
      (found.empty() ? good : bad) = middle;
    }
    return bad;
  }

  void tell() {
    facts::fill_summary(build_.model(), report_);
    report_.rules_fired = build_.summary().fired;
    for (const std::string& note : build_.summary().notes) report_.notes.push_back(note);
    if (!config_.trace_only.empty() && report_.trace.empty() && report_.refusals.empty()) {
      report_.notes.push_back(
          fmt::format("nothing to trace: `{}` is not a node that a rule looked at, nor a rule that "
                      "looked at one",
                      config_.trace_only));
    }
    if (!config_.check) report_.notes.emplace_back("neither checked nor compared: --no-check");
    if (config_.check) proof_.report_agreement();
  }

  Status publish() {
    std::error_code error;
    const std::string data = output_ + ".data";
    const bool writes_data = fs::exists(session_.staging().file() + ".data", error);
    const bool has_data = fs::exists(data, error);
    if (writes_data && has_data && !config_.overwrite && !fs::exists(output_, error)) {
      return Error{
          "is there without its .onnx and may be another model's: move it away, choose "
          "another name, or say --overwrite",
          data};
    }
    if (!writes_data && has_data && fs::equivalent(source_, output_, error)) {
      report_.notes.push_back(data + " is no longer needed by this file");
    }
    build_.close();
    return session_.publish();
  }

  const std::string& source_;
  std::string output_;
  const SimplifyConfig& config_;
  SimplifyReport report_;
  pipeline::Session session_;
  pipeline::SimplifyBuild build_;
  pipeline::SimplifyProof proof_;
};

}  // namespace

std::string simplified_path(const std::string& source) {
  constexpr std::string_view kExtension = ".onnx";
  const std::string stem =
      source.ends_with(kExtension) ? source.substr(0, source.size() - kExtension.size()) : source;
  return stem + ".simplified.onnx";
}

SimplifyReport simplify_model(const std::string& source, const std::string& output,
                              const SimplifyConfig& config, const Progress& progress,
                              const std::stop_token& cancel) {
  SimplifyReport report;
  report.source_path = source;
  report.onnxport_version = version();
  return exception_boundary(std::move(report), [&] {
    return Simplification(source, output, config, progress, cancel).run();
  });
}

}  // namespace onnxport
