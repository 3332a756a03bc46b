// simplify_model: read, simplify, write, check, compare. The file is built in a hidden folder
// beside its place. When it is not right, the smallest number of rule applications that shows it is
// looked for by halving: the last of them names the rule and the node. That rule is left out, and
// the search goes on until the file is right.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "onnx/check.h"
#include "onnx/read.h"
#include "onnx/walk.h"
#include "onnx/write.h"
#include "onnxport/simplify.h"
#include "pipeline/exception_boundary.h"
#include "pipeline/facts.h"
#include "pipeline/staging_folder.h"
#include "pipeline/timed.h"
#include "simplify/fix_shapes.h"
#include "simplify/refusals.h"
#include "simplify/simplify.h"
#include "verify/agreement.h"
#include "verify/evaluate.h"
#include "verify/runtime.h"

namespace onnxport {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFoldGrowth = 1 << 20;            // of one tensor, see simplify::Options
constexpr uint64_t kLargeFile = uint64_t{1} << 30;  // compared in fewer runs
constexpr size_t kMostWrongRules = 16;

void for_each_graph(const onnx::Model& model, const std::function<void(onnx::Graph&)>& visit) {
  for (onnx::Graph* graph : onnx::all_graphs(model)) visit(*graph);
}

uint64_t tensor_bytes(const onnx::Model& model) {
  uint64_t bytes = 0;
  for_each_graph(model, [&](const onnx::Graph& graph) {
    for (const onnx::Value* v : graph.initializers()) bytes += v->initializer->nbytes();
    for (const onnx::Node* node = graph.first(); node != nullptr; node = node->next) {
      for (const auto& [name, attribute] : node->attributes) {
        if (const auto* t = std::get_if<Tensor>(&attribute.v)) bytes += t->nbytes();
      }
    }
  });
  return bytes;
}

// What is done to the model in one attempt.
struct Attempt {
  size_t max_applications = SIZE_MAX;
  bool trace = false;
};

class Simplification {
 public:
  Simplification(const std::string& source, const std::string& output, const SimplifyConfig& config,
                 const Progress& progress)
      : source_(source), output_(output), config_(config), progress_(progress) {
    report_.source_path = source;
    report_.onnxport_version = version();
  }

  SimplifyReport run() {
    if (auto status = steps(); !status.ok()) {
      report_.outcome = Outcome::kRefused;
      report_.error = status.error().str();
      report_.output_path.clear();
    }
    return std::move(report_);
  }

 private:
  Status steps() {
    if (auto error = check_config(config_)) return Error{error->text(), ""};
    skip_.insert(config_.skip.begin(), config_.skip.end());
    TRY(choose_output());
    TRY_ASSIGN(StagingFolder folder, StagingFolder::beside(output_));
    folder_ = &folder;
    TRY(first_read());
    TRY(build({SIZE_MAX, config_.trace}));
    if (config_.check) {
      TRY_ASSIGN(std::string problem, find_problem());
      if (!problem.empty()) TRY(without_wrong_rules(std::move(problem)));
    }
    TRY(take_facts());
    TRY(publish());
    report_.outcome = Outcome::kPassed;
    return {};
  }

  Status choose_output() {
    std::error_code error;
    if (!fs::exists(source_, error)) return Error{"there is no such file", source_};
    if (output_.empty()) output_ = config_.overwrite ? source_ : simplified_path(source_);
    // The file itself is written, not the link to it.
    if (fs::is_symlink(output_, error)) {
      const fs::path real = fs::canonical(output_, error);
      if (!error) output_ = real.string();
    }
    if (!config_.overwrite && fs::equivalent(source_, output_, error)) {
      return Error{"the output would replace the original: choose another name, or say --overwrite",
                   output_};
    }
    report_.output_path = output_;
    return {};
  }

  Status first_read() {
    Timed timed("read", *stages_, *active_);
    TRY_ASSIGN(model_, read_source());
    fresh_ = true;
    const facts::Facts facts = facts::of_model(model_);
    report_.nodes_before = facts.nodes;
    report_.operators_before = facts.operators;
    report_.parameters_before = facts.parameters;
    bytes_before_ = tensor_bytes(model_);
    std::error_code error;
    const uint64_t graph_bytes = fs::file_size(source_, error);
    // With external data wherever it is: the file alone does not say how large the model is.
    report_.file_bytes_before =
        graph_bytes >= bytes_before_ ? graph_bytes : graph_bytes + bytes_before_;
    random_outputs_ = verify::random_outputs(model_);
    const double percent =
        config_.max_growth_percent / 100 * static_cast<double>(report_.file_bytes_before);
    max_growth_ = config_.max_growth_bytes ? *config_.max_growth_bytes
                                           : static_cast<int64_t>(std::min(percent, 1e18));
    const bool given = config_.max_growth_bytes || config_.max_growth_percent != 1;
    fold_growth_ = given ? max_growth_ : kFoldGrowth;
    return {};
  }

  Result<onnx::Model> read_source() const {
    TRY_ASSIGN(onnx::Model model, onnx::read_model(source_));
    std::vector<simplify::InputShape> shapes;
    for (const InputSpec& spec : config_.inputs) {
      if (spec.sizes) shapes.push_back({spec.name, *spec.sizes});
    }
    if (auto status = simplify::fix_input_shapes(model, shapes); !status.ok()) {
      return std::move(status).error().at("--input-shape");
    }
    return model;
  }

  // The file anew, with what is left of the rules. Folding that makes it grow too much is given up:
  // then nothing is folded that takes more place than what it replaces.
  Status build(const Attempt& attempt) {
    TRY(simplify(attempt));
    const auto grown = static_cast<int64_t>(tensor_bytes(model_) - bytes_before_);
    if (grown > max_growth_ && fold_growth_ > 0) {
      fold_growth_ = 0;
      return build(attempt);
    }
    TRY(write());
    const auto larger = static_cast<int64_t>(report_.file_bytes - report_.file_bytes_before);
    if (larger > max_growth_ && fold_growth_ > 0) {
      fold_growth_ = 0;
      return build(attempt);
    }
    // Larger, and not one node less: then the graph is carried over as it is.
    const bool gained = summary_.nodes_after < summary_.nodes_before;
    if (larger > max_growth_ && !gained && attempt.max_applications > 0) return build({0, false});
    return {};
  }

  Status write() {
    Timed timed("write", *stages_, *active_);
    std::error_code ignored;
    fs::remove(folder_->file() + ".data", ignored);  // of an attempt before
    auto written = onnx::write_model(model_, folder_->file());
    if (!written.ok()) return in_place(std::move(written).error());
    report_.file_bytes = written->bytes + written->external_bytes;
    return {};
  }

  Status simplify(const Attempt& attempt) {
    Timed timed("simplify", *stages_, *active_);
    if (!fresh_) {
      TRY_ASSIGN(model_, read_source());
    }
    fresh_ = false;
    simplify::Options options;
    options.exact = config_.exact;
    options.skip = skip_;
    options.max_growth = fold_growth_ > 0 ? std::max(max_growth_, fold_growth_) : 0;
    if (fold_growth_ == 0) {
      options.max_total_growth = 0;
    } else if (config_.max_growth_bytes) {
      options.max_total_growth = max_growth_;
    } else {
      options.max_share = config_.max_growth_percent / 100;
    }
    options.evaluate = verify::evaluate;
    options.max_applications = attempt.max_applications;
    last_ = {};
    report_.trace.clear();
    simplify::Refusals refusals;
    if (attempt.trace || attempt.max_applications != SIZE_MAX) {
      options.trace = [&](const simplify::Application& a) {
        last_ = a;
        if (is_traced(a)) report_.trace.push_back({a.rule, a.node, a.op_type, a.removed, a.made});
      };
    }
    if (config_.trace && attempt.trace) {
      options.refused = [&](const simplify::Refusal& refusal) { refusals.add(refusal); };
    }
    auto summary = simplify::simplify(model_, options);
    if (!summary.ok()) return std::move(summary).error().at(source_);
    summary_ = std::move(*summary);
    report_.refusals.clear();
    for (auto& group : refusals.groups(model_, config_.trace_only)) {
      report_.refusals.push_back(
          {std::move(group.rule), std::move(group.reason), std::move(group.nodes)});
    }
    return {};
  }

  bool is_traced(const simplify::Application& a) const {
    const std::string& only = config_.trace_only;
    return config_.trace && (only.empty() || only == a.rule || only == a.node);
  }

  // --- proof
  // ---------------------------------------------------------------------------------------

  // Why the file is not right; empty when it is. The error is one of the proof itself.
  Result<std::string> find_problem() {
    TRY_ASSIGN(std::string problem, checker_problem());
    if (!problem.empty()) return problem;
    return difference();
  }

  Result<std::string> checker_problem() {
    Timed timed("check", *stages_, *active_);
    auto status = onnx::check_file(folder_->file());
    report_.checked = status.ok();
    if (status.ok()) return std::string();
    if (!original_checked_) {
      auto original = onnx::check_file(source_);
      original_checked_ = true;
      original_valid_ = original.ok();
      if (!original.ok()) {
        report_.notes.push_back(
            "not held against onnx.checker, since the original does not pass: " +
            original.error().message);
      }
    }
    if (!original_valid_) return std::string();
    return in_place(std::move(status).error()).message;
  }

  Result<std::string> difference() {
    Timed timed("compare", *stages_, *active_);
    if (!comparable_) return std::string();
    verify::AgreementOptions options;
    options.tolerance = config_.tolerance;
    options.threads = config_.threads;
    options.few_runs = report_.file_bytes_before > kLargeFile;
    options.random_outputs = random_outputs_;
    auto agreement =
        verify::compare_files(source_, folder_->file(), verify::trial_inputs(model_), options);
    if (!agreement.ok()) {
      comparable_ = false;
      report_.notes.push_back("not compared with the original: " + agreement.error().str());
      return std::string();
    }
    agreement_ = std::move(*agreement);
    replace_path(agreement_.reason);
    return agreement_.passed ? std::string() : agreement_.reason;
  }

  // --- search of wrong rules
  // -----------------------------------------------------------------------

  Status without_wrong_rules(std::string problem) {
    Timed timed("search", report_.stages, progress_);
    const Progress quiet;
    std::vector<Stage> inner;
    stages_ = &inner;
    active_ = &quiet;
    Status status = search(std::move(problem));
    stages_ = &report_.stages;
    active_ = &progress_;
    return status;
  }

  Status search(std::string problem) {
    while (!problem.empty()) {
      size_t applications = 0;
      for (const auto& [rule, times] : summary_.fired) applications += static_cast<size_t>(times);
      TRY_ASSIGN(const size_t guilty, last_good_plus_one(applications, problem));
      TRY(build({guilty, true}));
      TRY_ASSIGN(const std::string reason, find_problem());
      report_.wrong_rules.push_back(
          {last_.rule, last_.node, last_.op_type, reason.empty() ? problem : reason});
      if (!skip_.insert(last_.rule).second || report_.wrong_rules.size() > kMostWrongRules) {
        return Error{"no set of rules gives a file that is right: " + problem, source_};
      }
      TRY(build({SIZE_MAX, config_.trace}));
      TRY_ASSIGN(problem, find_problem());
    }
    return {};
  }

  // The number of applications, from 1 to `bad`, that first shows a problem.
  Result<size_t> last_good_plus_one(size_t bad, const std::string& problem) {
    TRY(build({0, false}));
    TRY_ASSIGN(const std::string unchanged, find_problem());
    if (!unchanged.empty() || bad == 0) {
      return Error{"the file differs from the original even where no rule is applied: " +
                       (unchanged.empty() ? problem : unchanged),
                   source_};
    }
    size_t good = 0;
    while (bad - good > 1) {
      const size_t middle = good + (bad - good) / 2;
      TRY(build({middle, false}));
      TRY_ASSIGN(const std::string found, find_problem());
      (found.empty() ? good : bad) = middle;
    }
    return bad;
  }

  // --- result
  // --------------------------------------------------------------------------------------

  Status take_facts() {
    facts::fill_summary(model_, report_);
    report_.rules_fired = summary_.fired;
    for (const std::string& note : summary_.notes) report_.notes.push_back(note);
    if (!config_.trace_only.empty() && report_.trace.empty() && report_.refusals.empty()) {
      report_.notes.push_back(
          fmt::format("nothing to trace: `{}` is not a node that a rule looked at, nor a rule that "
                      "looked at one",
                      config_.trace_only));
    }
    if (!config_.check) report_.notes.emplace_back("neither checked nor compared: --no-check");
    if (config_.check && comparable_) take_agreement();
    return {};
  }

  void take_agreement() {
    report_.compared = true;
    report_.identical = agreement_.identical;
    if (auto runtime = verify::runtime_version(); runtime.ok()) {
      report_.onnxruntime_version = *runtime;
    }
    for (const verify::OutputAgreement& o : agreement_.outputs) {
      report_.outputs.push_back(
          {o.name, o.passed, o.identical, o.max_abs, o.max_rel, o.scale, o.reason});
    }
    for (const verify::RunAgreement& run : agreement_.runs) {
      report_.runs.push_back(fmt::format(
          "{}: {}{}", run.what, run.max_abs == 0 ? "equal" : fmt::format("{:.3g}", run.max_abs),
          run.within_noise ? ", as much as rounding changes the original" : ""));
    }
    for (const std::string& note : agreement_.notes) report_.notes.push_back(note);
    if (!random_outputs_.empty()) {
      report_.notes.push_back(
          fmt::format("compared in type and rank only, since random numbers reach them: {}",
                      fmt::join(random_outputs_, ", ")));
    }
  }

  Status publish() {
    std::error_code error;
    const std::string data = output_ + ".data";
    const bool writes_data = fs::exists(folder_->file() + ".data", error);
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
    model_ = {};  // the mapped original, before its place is taken
    return folder_->publish();
  }

  // Messages speak of the file that was asked for, not of the hidden folder.
  void replace_path(std::string& text) const {
    for (size_t at = text.find(folder_->file()); at != std::string::npos;
         at = text.find(folder_->file())) {
      text.replace(at, folder_->file().size(), output_);
    }
  }
  Error in_place(Error error) const {
    replace_path(error.message);
    replace_path(error.where);
    return error;
  }

  const std::string& source_;
  std::string output_;
  const SimplifyConfig& config_;
  const Progress& progress_;
  SimplifyReport report_;
  std::vector<Stage>* stages_ = &report_.stages;
  const Progress* active_ = &progress_;
  StagingFolder* folder_ = nullptr;
  onnx::Model model_;
  bool fresh_ = false;  // read, and not changed yet
  uint64_t bytes_before_ = 0;
  int64_t max_growth_ = 0, fold_growth_ = 0;
  std::set<std::string> skip_;
  simplify::Summary summary_;
  simplify::Application last_;
  std::set<std::string> random_outputs_;
  bool original_checked_ = false, original_valid_ = true;
  bool comparable_ = true;
  verify::Agreement agreement_;
};

}  // namespace

std::string simplified_path(const std::string& source) {
  constexpr std::string_view kExtension = ".onnx";
  const std::string stem =
      source.ends_with(kExtension) ? source.substr(0, source.size() - kExtension.size()) : source;
  return stem + ".simplified.onnx";
}

SimplifyReport simplify_model(const std::string& source, const std::string& output,
                              const SimplifyConfig& config, const Progress& progress) {
  SimplifyReport report;
  report.source_path = source;
  report.onnxport_version = version();
  return exception_boundary(std::move(report),
                            [&] { return Simplification(source, output, config, progress).run(); });
}

}  // namespace onnxport
