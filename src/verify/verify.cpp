#include "verify/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/cancel.h"
#include "libtorch/plugin.h"
#include "verify/compare.h"
#include "verify/inputs.h"
#include "verify/isolated.h"
#include "verify/ranking.h"
#include "verify/runtime.h"
#include "verify/search.h"
#include "verify/slices.h"
#include "verify/trials.h"

namespace onnxport::verify {
namespace {

using aten::Program;

int64_t elements(const std::vector<std::vector<int64_t>>& dims) {
  int64_t total = 0;
  for (const auto& d : dims) {
    int64_t n = 1;
    for (int64_t x : d) n *= x;
    total += n;
  }
  return total;
}

std::string dims_text(const std::vector<std::vector<int64_t>>& dims) {
  std::string out;
  for (const auto& d : dims) {
    if (!out.empty()) out += ", ";
    out += "[";
    for (size_t i = 0; i < d.size(); ++i) out += (i > 0 ? ", " : "") + std::to_string(d[i]);
    out += "]";
  }
  return out;
}

// The file's outputs and inputs match the program's in number; which output a text belongs to.
std::string interface_problem(const Program& program, const Session& session) {
  if (session.inputs().size() != program.inputs.size()) {
    return fmt::format("the file has {} inputs, the model has {}", session.inputs().size(),
                       program.inputs.size());
  }
  if (session.outputs().size() != program.outputs.size()) {
    return fmt::format("the file has {} outputs, the model has {}", session.outputs().size(),
                       program.outputs.size());
  }
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const Port& port = session.inputs()[i];
    DType wanted = program.value(program.inputs[i].value).dtype;
    if (port.dtype != wanted) {
      return fmt::format("input `{}` is {} in the file, {} in the model", port.name,
                         name(port.dtype), name(wanted));
    }
  }
  return "";
}

class Proof {
 public:
  Proof(const Program& program, const onnx::ModelFiles& files, const Options& options,
        libtorch::Plugin& reference, libtorch::Module* module, Session& session, const Steps& steps)
      : program_(program),
        files_(files),
        options_(options),
        reference_(reference),
        module_(module),
        session_(session),
        steps_(steps) {}

  Result<Verdict> run() {
    verdict_.reason = interface_problem(program_, session_);
    if (!verdict_.reason.empty()) return std::move(verdict_);
    for (const Port& port : session_.outputs()) verdict_.outputs.emplace_back().name = port.name;
    differs_in_values_.resize(verdict_.outputs.size());
    TRY_ASSIGN(Plan plan, plan_sizes(program_, session_.inputs(), options_));

    std::vector<int64_t> batches = {0};  // 0: as the sizes say
    if (options_.fixed_batch > 0) batches = options_.batches;
    for (int seed = 0; seed < std::max(options_.seeds, 1); ++seed) {
      for (const Sizes& sizes : plan.base) {
        for (int64_t batch : batches) TRY(trial(sizes, batch, seed));
      }
    }
    if (verdict_.runs.empty()) return refused_everywhere();
    if (module_ != nullptr && refusal_ && verdict_.reason.empty()) report_baked_sizes();
    size_t other_sizes = 0;
    for (const Sizes& sizes : plan.further) {
      TRY(further_trial(sizes, batches.front(), other_sizes));
    }

    if (swapped_ > 0) {
      verdict_.notes.push_back(fmt::format(
          "{} rows of the results stand in another place than PyTorch puts them, all of them among rows "
          "whose scores differ by {:.2g} at most: their order is a matter of rounding",
          swapped_, largest_gap_));
    }
    verdict_.passed = verdict_.reason.empty();
    for (const OutputVerdict& output : verdict_.outputs) verdict_.passed &= output.passed;
    TRY(check_cancelled(options_.cancel));
    if (!verdict_.passed) {
      steps_.verdict(verdict_);
      steps_.next("the search of the first node that differs");
      TRY(search());
    }
    return std::move(verdict_);
  }

 private:
  // One run of both. PyTorch refusing these sizes is no verdict on the file: it is kept for the
  // case that it refuses all of them.
  Status trial(const Sizes& sizes, int64_t batch, int seed) {
    TRY(check_cancelled(options_.cancel));
    TRY_ASSIGN(auto dims, input_dims(program_, sizes));
    if (batch > 0) {
      for (auto& d : dims) d[0] = batch;
    }
    TRY_ASSIGN(auto inputs, random_inputs(program_, dims, seed, options_.ranges));
    steps_.next("the model's forward() with inputs of " + dims_text(dims));
    auto forward = [this](const std::vector<Tensor>& x) { return reference_outputs(x); };
    auto expected =
        batch > 0 ? run_in_slices(forward, inputs, options_.fixed_batch) : forward(inputs);
    TRY(check_cancelled(options_.cancel));
    if (!expected.ok()) {
      if (!refused_dims_) {
        refused_dims_ = dims;
        refusal_ = std::move(expected).error();
      }
      return {};
    }
    Run run{seed, dims, 0, true};
    if (expected->size() != session_.outputs().size()) {
      return Error{fmt::format("the model returns {} tensors, the program read from it has {}",
                               expected->size(), session_.outputs().size()),
                   ""};
    }
    steps_.next("the file in ONNX Runtime with inputs of " + dims_text(dims));
    auto actual = session_.run(inputs);
    TRY(check_cancelled(options_.cancel));
    if (!actual.ok()) {
      run.passed = false;
      verdict_.reason = fmt::format("with inputs of {}: {}", dims_text(dims), actual.error().str());
    } else {
      judge(*actual, *expected, run);
    }
    if (!run.passed) remember_failure(dims, seed);
    bool first = verdict_.runs.empty();
    verdict_.runs.push_back(std::move(run));
    if (first && options_.float64 && batch == 0) measure_float32(inputs);
    return {};
  }

  // Of every run of the reference.
  libtorch::RunOptions run_options(bool float64 = false) const {
    return {.float64 = float64, .cancel = options_.cancel};
  }

  Result<std::vector<Tensor>> reference_outputs(const std::vector<Tensor>& inputs) {
    return module_ != nullptr ? module_->forward(inputs, run_options())
                              : reference_.run(program_, inputs, run_options());
  }

  // The model runs with some of the sizes that are called dynamic and not with others.
  void report_baked_sizes() {
    std::string why = refusal_->str();
    // The program, run call by call, knows the line; the model's own error is the next best.
    auto inputs = random_inputs(program_, *refused_dims_, 0, options_.ranges);
    if (inputs.ok()) {
      auto ran = reference_.run(program_, *inputs, run_options());
      if (!ran.ok()) why = ran.error().str();
    }
    verdict_.reason = fmt::format(
        "the model itself runs with inputs of {} but not of {}: a size was fixed when it was "
        "traced. {}. Trace it again with that size taken from the input, or export with --static",
        dims_text(verdict_.runs.front().input_dims), dims_text(*refused_dims_), why);
  }

  Status further_trial(const Sizes& sizes, int64_t batch, size_t& done) {
    if (done >= 3 || !verdict_.reason.empty()) return {};
    size_t before = verdict_.runs.size();
    TRY(trial(sizes, batch, 0));
    done += verdict_.runs.size() - before;
    return {};
  }

  void judge(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected, Run& run) {
    const std::vector<Comparison> all = compare_all(actual, expected);
    for (size_t i = 0; i < expected.size(); ++i) {
      OutputVerdict& output = verdict_.outputs[i];
      const Comparison& c = all[i];
      output.max_abs = larger(output.max_abs, c.max_abs);
      output.max_rel = larger(output.max_rel, c.max_rel);
      output.scale = std::max(output.scale, c.scale);
      run.max_abs = larger(run.max_abs, c.max_abs);
      std::string reason = failure(c, expected[i].dtype);
      if (reason.empty()) continue;
      run.passed = false;
      if (output.passed) {
        output.reason = reason;
        differs_in_values_[i] = is_comparable(c);
      }
      output.passed = false;
      saw_nan_ |= c.reference_nan;
    }
  }

  // Where the model ranks, rows whose scores are equal but for rounding are taken in the order that
  // PyTorch gives them.
  std::optional<Reordered> in_order(const std::vector<Tensor>& actual,
                                    const std::vector<Tensor>& expected) const {
    if (!ranks(program_)) return std::nullopt;
    return reorder(actual, expected, options_.tolerance);
  }

  std::vector<Comparison> compare_all(const std::vector<Tensor>& actual,
                                      const std::vector<Tensor>& expected) {
    std::vector<Comparison> out;
    bool same = true;
    for (size_t i = 0; i < expected.size(); ++i) {
      out.push_back(compare(actual[i], expected[i]));
      same = same && difference(out[i], expected[i].dtype).empty();
    }
    if (same) return out;
    const auto ordered = in_order(actual, expected);
    if (!ordered) return out;
    swapped_ += ordered->moved;
    largest_gap_ = std::max(largest_gap_, ordered->largest_gap);
    for (size_t i = 0; i < expected.size(); ++i) {
      out[i] = compare(ordered->outputs[i], expected[i]);
    }
    return out;
  }

  // Whether what differs, if anything, are numbers.
  bool is_comparable(const Comparison& c) const {
    return c.same_kind && (!c.reference_nan || options_.allow_nan);
  }

  // "" when the comparison passes.
  std::string failure(const Comparison& c, DType dtype) const {
    if (c.reference_nan && !options_.allow_nan) {
      return "PyTorch's own output has NaN (--allow-nan accepts it where both have it)";
    }
    return difference(c, dtype);
  }

  // The same, where both may have NaN.
  std::string difference(const Comparison& c, DType dtype) const {
    if (!c.same_kind) return c.reason;
    if (within(c, dtype, options_.tolerance)) return "";
    return fmt::format("differs by {:.3g}, where {:.3g} is allowed (the values reach {:.3g})",
                       c.max_abs, allowed(c, dtype, options_.tolerance), c.scale);
  }

  // What float32 itself loses: the same inputs in float64, where PyTorch can.
  void measure_float32(const std::vector<Tensor>& inputs) {
    steps_.next("the program read from the model");
    auto narrow = reference_.run(program_, inputs, run_options());
    auto float64 = reference_.run(program_, inputs, run_options(true));
    if (!narrow.ok() || !float64.ok()) return;
    std::vector<Tensor> float32 = *narrow;
    for (Tensor& t : float32) {
      if (t.dtype == DType::kFloat) t = t.cast(DType::kDouble);
    }
    if (auto ordered = in_order(float32, *float64)) float32 = std::move(ordered->outputs);
    for (size_t i = 0; i < float32.size(); ++i) {
      if ((*narrow)[i].dtype != DType::kFloat || (*float64)[i].dtype != DType::kDouble) continue;
      Comparison c = compare(float32[i], (*float64)[i]);
      if (c.same_kind) verdict_.outputs[i].float32_abs = c.max_abs;
    }
  }

  // The cheapest failing run is the one that the search repeats.
  void remember_failure(const std::vector<std::vector<int64_t>>& dims, int seed) {
    if (failed_ && elements(failed_->input_dims) <= elements(dims)) return;
    failed_ = Run{seed, dims, 0, false};
  }

  Result<Verdict> refused_everywhere() {
    if (!refusal_) return Error{"no sizes to run with were found", ""};
    return std::move(*refusal_).at("PyTorch cannot run the model with inputs of " +
                                   dims_text(*refused_dims_));
  }

  Status search() {
    if (!failed_) return {};
    // Values inside the file can be compared only where the program itself takes the same inputs.
    if (options_.fixed_batch > 0 && failed_->input_dims[0][0] != options_.fixed_batch) return {};
    TRY_ASSIGN(auto inputs,
               random_inputs(program_, failed_->input_dims, failed_->seed, options_.ranges));
    if (auto reason = reader_problem(inputs); !reason.empty()) {
      verdict_.first = Divergence();
      verdict_.first->reason = std::move(reason);
      return {};
    }
    auto found = saw_nan_ && !options_.allow_nan
                     ? find_nan(program_, files_, reference_, inputs, options_.cancel)
                     : find_divergence(program_, files_, reference_, inputs, options_);
    if (found.ok()) {
      verdict_.first = std::move(*found);
    } else {  // the verdict stands without it
      Divergence unknown;
      unknown.reason = "the first node that differs could not be found: " + found.error().str();
      verdict_.first = std::move(unknown);
    }
    explain_by_float32();
    explain_by_noise(inputs);
    return {};
  }

  // Not the file but the program that it was made from is wrong: "" when it computes what the
  // module's own forward() does.
  std::string reader_problem(const std::vector<Tensor>& inputs) {
    if (module_ == nullptr) return "";
    auto wanted = module_->forward(inputs, run_options());
    if (!wanted.ok()) return "";
    auto ran = reference_.run(program_, inputs, run_options());
    if (!ran.ok()) return "the program read from the model does not run: " + ran.error().str();
    for (size_t i = 0; i < std::min(ran->size(), wanted->size()); ++i) {
      const Tensor& expected = (*wanted)[i];
      std::string reason = difference(compare((*ran)[i], expected), expected.dtype);
      if (reason.empty()) continue;
      return fmt::format(
          "the program read from the model computes something else than its forward(): output `{}` "
          "{}; this is a mistake of onnxport's TorchScript reader",
          verdict_.outputs[i].name, reason);
    }
    return "";
  }

  // A model that float32 itself cannot compute to the tolerance is worth a word.
  void explain_by_float32() {
    for (size_t i = 0; i < verdict_.outputs.size(); ++i) {
      OutputVerdict& output = verdict_.outputs[i];
      if (output.passed || !output.float32_abs || !differs_in_values_[i]) continue;
      if (*output.float32_abs < output.max_abs / 4) continue;
      output.reason += fmt::format("; PyTorch's own float32 differs from float64 by {:.3g}",
                                   *output.float32_abs);
    }
  }

  // A model that sorts, cuts at a rank or compares what is nearly equal gives something else with
  // every rounding: then no other program computes the same. The verdict stands: nothing was
  // proven.
  void explain_by_noise(const std::vector<Tensor>& inputs) {
    steps_.next("the model's forward() with inputs changed by one part in a million");
    auto once = reference_outputs(inputs);
    auto again = reference_outputs(perturbed(inputs, 1));
    if (!once.ok() || !again.ok() || once->size() != again->size()) return;
    for (size_t i = 0; i < std::min(once->size(), verdict_.outputs.size()); ++i) {
      OutputVerdict& output = verdict_.outputs[i];
      if (output.passed) continue;
      const std::string reason = difference(compare((*again)[i], (*once)[i]), (*once)[i].dtype);
      if (reason.empty()) continue;
      output.reason +=
          "; so does PyTorch's own result when the inputs change by one part in a million (" +
          reason + "): the model decides between values that are nearly equal";
    }
  }

  const Program& program_;
  const onnx::ModelFiles& files_;
  const Options& options_;
  libtorch::Plugin& reference_;
  libtorch::Module* module_;
  Session& session_;
  const Steps& steps_;
  Verdict verdict_;
  std::vector<bool> differs_in_values_;  // by output: it failed, and not by type, shape or NaN
  std::optional<Run> failed_;
  std::optional<Error> refusal_;  // PyTorch's, of the first sizes that it did not take
  std::optional<std::vector<std::vector<int64_t>>> refused_dims_;
  bool saw_nan_ = false;
  int64_t swapped_ = 0;     // rows, over all runs
  double largest_gap_ = 0;  // the scores of rows that changed places
};

}  // namespace

Result<Verdict> verify(const Program& program, const std::string& onnx_path, const Options& options,
                       const libtorch::MakeModule& make_module) {
  auto start = std::chrono::steady_clock::now();
  TRY_ASSIGN(std::string runtime, runtime_version());
  TRY_ASSIGN(auto reference, libtorch::load_plugin());
  TRY_ASSIGN(const onnx::ModelFiles files, onnx::open_model_files(onnx_path));
  auto prove = [&](const Steps& steps) -> Result<Verdict> {
    std::unique_ptr<libtorch::Module> module;
    if (make_module) {
      steps.next("libtorch, loading the model,");
      TRY_ASSIGN(module, make_module(*reference));
    }
    steps.next("ONNX Runtime, opening the file,");
    auto session = Session::open(files, {.cancel = options.cancel});
    TRY(check_cancelled(options.cancel));
    if (!session.ok()) {  // the file is no good: that is a verdict
      Verdict bad;
      bad.reason = session.error().str();
      return bad;
    }
    return Proof(program, files, options, *reference, module.get(), **session, steps).run();
  };
  Isolation isolation;
  if (options.run_limit > 0) isolation.loop = unbounded_loop(program);
  isolation.limit = options.run_limit;
  isolation.child = {.policy = options.sandbox, .cancel = options.cancel, .warm_up = [&] {
                       reference->warm_up(libtorch::threads_in_fork(*reference));
                     }};
  auto verdict = verify_isolated(prove, isolation);
  if (!verdict.ok()) return std::move(verdict).error();
  verdict->torch_version = reference->version();
  verdict->runtime_version = runtime;
  verdict->seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return verdict;
}

}  // namespace onnxport::verify
