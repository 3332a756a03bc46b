#include "verify/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/cancel.h"
#include "base/json_number.h"
#include "onnx/ops/op_def.h"
#include "onnx/walk.h"
#include "sandbox/child.h"
#include "verify/compare.h"
#include "verify/runtime.h"

namespace onnxport::verify {
namespace {

using Parts = Session::Parts;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// In memory of its own: the runtime's would keep its whole arena alive.
std::vector<Parts> copied(std::vector<Parts> outputs) {
  for (Parts& parts : outputs) {
    for (Tensor& t : parts) {
      if (t.dtype != DType::kString) t = Tensor::owned(t.dtype, t.dims, t.bytes());
    }
  }
  return outputs;
}

// What rounding alone does to an output of the original in a run.
struct Noise {
  bool unstable = false;  // integers, NaNs or sizes change
  double max_abs = 0;
};

struct Run {
  int number = 0;  // of all that were tried
  Trial trial;
  std::string what;  // "zeros, float32[2, 3, 32, 32]"
  std::vector<RunInput> inputs;
  std::vector<Parts> outputs;
  std::optional<std::vector<Noise>> noise;  // computed when first asked for
};

// A complex tensor as pairs of floats, all others as they are.
Tensor comparable(const Tensor& t) {
  Tensor out = t;
  if (t.dtype == DType::kComplex64) out.dtype = DType::kFloat;
  if (t.dtype == DType::kComplex128) out.dtype = DType::kDouble;
  if (out.dtype != t.dtype) out.dims.push_back(2);
  return out;
}

bool same_content(const Tensor& a, const Tensor& b) {
  if (a.dtype != b.dtype || a.dims != b.dims) return false;
  return a.dtype == DType::kString ? a.strings == b.strings : same_bytes(a, b);
}

double allowed_difference(const Comparison& c, DType dtype, double tolerance) {
  if (dtype == DType::kFloat16) tolerance = std::max(tolerance, 16 * 0x1p-10);
  if (dtype == DType::kBFloat16) tolerance = std::max(tolerance, 16 * 0x1p-7);
  return tolerance * c.scale;
}

// How one tensor differs from the original's.
struct Difference {
  bool identical = true;
  bool passed = true;
  bool numeric = false;  // only in the values of floats
  Comparison c;
  std::string reason;
};

Difference difference(const Tensor& actual_tensor, const Tensor& reference_tensor,
                      double tolerance) {
  Difference d;
  if (same_content(actual_tensor, reference_tensor)) return d;
  d.identical = false;
  const Tensor actual = comparable(actual_tensor), reference = comparable(reference_tensor);
  const bool same_type = actual.dtype == reference.dtype && actual.dims == reference.dims;
  if (same_type && (reference.dtype == DType::kString || byte_size(reference.dtype) == 0)) {
    d.passed = false;
    d.reason = fmt::format("{} has other content", type_text(actual));
    return d;
  }
  d.c = compare(actual, reference, "the original");
  if (!d.c.same_kind) {
    d.passed = false;
    d.reason = d.c.reason;
  } else if (!is_floating(reference.dtype)) {
    d.passed = false;  // not identical, whatever doubles say of large integers
    d.reason = fmt::format("{} differs by up to {:.6g}", type_text(actual), d.c.max_abs);
  } else if (const double most = allowed_difference(d.c, reference.dtype, tolerance);
             d.c.max_abs > most) {
    d.passed = false;
    d.numeric = true;
    d.reason =
        fmt::format("differs by up to {:.3g} where values go to {:.3g}", d.c.max_abs, d.c.scale);
  }
  return d;
}

// The worst of an output's parts.
Difference difference(const Parts& actual, const Parts& reference, double tolerance) {
  Difference worst;
  if (actual.size() != reference.size()) {
    worst.identical = worst.passed = false;
    worst.reason = fmt::format("has {} elements instead of {}", actual.size(), reference.size());
    return worst;
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    Difference d = difference(actual[i], reference[i], tolerance);
    const bool worse = (worst.passed && !d.passed) ||
                       (worst.passed == d.passed && exceeds(d.c.max_abs, worst.c.max_abs));
    const bool identical = worst.identical && d.identical;
    if (worse) worst = std::move(d);
    worst.identical = identical;
  }
  return worst;
}

bool same_type_and_rank(const Parts& actual, const Parts& reference) {
  if (actual.size() != reference.size()) return false;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (actual[i].dtype != reference[i].dtype) return false;
    if (actual[i].dims.size() != reference[i].dims.size()) return false;
  }
  return true;
}

// Told before every run, for the case that it does not come back: the number of the run of the
// original, or 0 and what the other file is run on.
using Tell = std::function<void(int number, const std::string& what)>;

constexpr int kOpening = -1;  // told in place of a number

class Recorded {
 public:
  // Runs whose number is in `without` are not tried.
  Recorded(const onnx::ModelFiles& file, std::vector<TrialInput> inputs,
           const AgreementOptions& options, std::set<int> without, Tell tell)
      : file_(file),
        inputs_(std::move(inputs)),
        options_(options),
        without_(std::move(without)),
        tell_(std::move(tell)) {}

  Status record();
  Agreement compare(const onnx::ModelFiles& other);

 private:
  Result<std::unique_ptr<Session>> open(const onnx::ModelFiles& file, bool optimize) const {
    return Session::open(file, {.optimize = optimize, .threads = options_.threads});
  }
  Result<std::vector<Tensor>> feed(const Session& session, const Trial& trial) const;
  // False, with the reason kept, where the original does not take it.
  bool add_run(Session& session, Trial trial);
  void find_sizes(Session& session, std::vector<Trial>& found);
  void compare_run(Run& run, const std::vector<Parts>& actual, Agreement& agreement);
  const std::vector<Noise>& noise(Run& run);
  void add_noise(Session& session, const std::vector<Tensor>& inputs, const Run& run,
                 std::vector<Noise>& noise) const;

  const onnx::ModelFiles& file_;
  std::vector<TrialInput> inputs_;
  AgreementOptions options_;
  std::set<int> without_;
  Tell tell_;
  int tried_ = 0;
  bool optimize_ = false;  // only where the original cannot be run without
  std::vector<Port> outputs_;
  std::vector<Run> runs_;
  std::string refusal_;
  double longest_ = 0;  // seconds of a run
};

// In the order of the session's own inputs.
Result<std::vector<Tensor>> Recorded::feed(const Session& session, const Trial& trial) const {
  TRY_ASSIGN(std::vector<Tensor> made, make_inputs(inputs_, trial));
  std::vector<Tensor> ordered;
  for (const Port& port : session.inputs()) {
    size_t at = 0;
    while (at < inputs_.size() && inputs_[at].name != port.name) ++at;
    if (at == inputs_.size()) return Error{"it has an input `" + port.name + "` of its own", ""};
    ordered.push_back(made[at]);
  }
  return ordered;
}

bool Recorded::add_run(Session& session, Trial trial) {
  trial.seed = static_cast<int>(runs_.size());
  const int number = ++tried_;
  if (without_.count(number) != 0) {
    if (refusal_.empty()) refusal_ = "ONNX Runtime crashes";
    return false;
  }
  auto inputs = feed(session, trial);
  if (!inputs.ok()) {
    if (refusal_.empty()) refusal_ = inputs.error().str();
    return false;
  }
  tell_(number, "");
  const auto start = Clock::now();
  auto outputs = session.run_parts(*inputs);
  if (!outputs.ok()) {
    if (refusal_.empty()) refusal_ = outputs.error().str();
    return false;
  }
  longest_ = std::max(longest_, seconds_since(start));
  std::vector<RunInput> described;
  for (size_t i = 0; i < inputs->size(); ++i) {
    const Tensor& t = (*inputs)[i];
    described.push_back({session.inputs()[i].name, name(t.dtype), t.dims});
  }
  runs_.push_back({number, trial, fmt::format("{}, {}", text_of(trial.kind), sizes_text(*inputs)),
                   std::move(described), copied(std::move(*outputs)), std::nullopt});
  return true;
}

// Two sizes that the original takes, if it has dynamic ones, else one; and values of integers that
// it takes. Each is a run already: the first a random one, the second mixed.
void Recorded::find_sizes(Session& session, std::vector<Trial>& found) {
  constexpr double kPatience = 20;  // seconds of looking for inputs that are accepted
  const auto start = Clock::now();
  const int plans = has_dynamic_sizes(inputs_) ? kSizePlans : 1;
  const int styles = has_styles(inputs_) ? kStyles : 1;
  for (int style = 0; style < styles && found.empty(); ++style) {
    for (int sizes = 0; sizes < plans && found.size() < 2; ++sizes) {
      if (seconds_since(start) > kPatience) return;
      const Trial trial{found.empty() ? Kind::kRandom : Kind::kMixed, sizes, style, 0};
      if (add_run(session, trial)) found.push_back(trial);
    }
  }
}

Status Recorded::record() {
  tell_(kOpening, "");
  auto session = open(file_, false);
  if (!session.ok()) {
    const Error why = session.error();
    session = open(file_, true);
    if (!session.ok()) return why;
    optimize_ = true;
  }
  outputs_ = (*session)->outputs();
  std::vector<Trial> found;
  find_sizes(**session, found);
  if (found.empty()) {
    return Error{"the original runs on none of the inputs that were tried: " + refusal_, ""};
  }
  constexpr double kLongRun = 4;  // seconds
  const Trial first = found.front();
  auto more = [&](Kind kind, int style) {
    if (longest_ < kLongRun) add_run(**session, {kind, first.sizes, style, 0});
  };
  if (inputs_.empty()) return {};
  if (found.size() < 2) more(Kind::kMixed, first.style);
  if (options_.few_runs) return {};
  more(Kind::kZeros, first.style);
  more(Kind::kLarge, first.style);
  if (has_styles(inputs_) && first.style == 0) more(Kind::kRandom, kStyles - 1);
  return {};
}

void Recorded::add_noise(Session& session, const std::vector<Tensor>& inputs, const Run& run,
                         std::vector<Noise>& noise) const {
  tell_(run.number, "");
  auto outputs = session.run_parts(inputs);
  for (size_t i = 0; i < noise.size(); ++i) {
    if (!outputs.ok()) {
      noise[i].unstable = true;
      continue;
    }
    const Difference d = difference((*outputs)[i], run.outputs[i], 0);
    if (!d.passed && !d.numeric) noise[i].unstable = true;
    noise[i].max_abs = larger(noise[i].max_abs, d.c.max_abs);
  }
}

const std::vector<Noise>& Recorded::noise(Run& run) {
  if (run.noise) return *run.noise;
  tell_(run.number, "");
  std::vector<Noise> noise(run.outputs.size());
  for (const bool optimize : {false, true}) {
    auto session = open(file_, optimize);
    if (!session.ok()) continue;
    auto inputs = feed(**session, run.trial);
    if (!inputs.ok()) continue;
    add_noise(**session, *inputs, run, noise);
    for (int seed = 1; seed <= 2 && !optimize; ++seed) {
      add_noise(**session, perturbed(*inputs, seed), run, noise);
    }
  }
  run.noise = std::move(noise);
  return *run.noise;
}

void Recorded::compare_run(Run& run, const std::vector<Parts>& actual, Agreement& agreement) {
  RunAgreement& line = agreement.runs.emplace_back();
  line.values = text_of(run.trial.kind);
  line.seed = run.trial.seed;
  line.inputs = run.inputs;
  for (size_t i = 0; i < run.outputs.size(); ++i) {
    OutputAgreement& output = agreement.outputs[i];
    if (options_.random_outputs.count(output.name) != 0) {
      output.identical = agreement.identical = false;
      ++output.judged;
      if (same_type_and_rank(actual[i], run.outputs[i])) continue;
      output.passed = line.passed = false;
      output.reason = "has another type or rank";
      continue;
    }
    constexpr double kNoiseFactor = 8;
    const Difference d = difference(actual[i], run.outputs[i], options_.tolerance);
    output.identical &= d.identical;
    agreement.identical &= d.identical;
    if (!d.passed) {
      const Noise& n = noise(run)[i];
      line.within_noise = true;
      if (n.unstable) continue;
      if (!d.numeric || d.c.max_abs > kNoiseFactor * n.max_abs) {
        output.passed = line.passed = false;
        output.reason = d.reason;
      }
    }
    ++output.judged;
    output.max_abs = larger(output.max_abs, d.c.max_abs);
    if (!std::isfinite(d.c.max_abs)) {
      output.max_rel = larger(output.max_rel, d.c.max_abs);
    } else if (d.c.scale > 0) {
      output.max_rel = larger(output.max_rel, d.c.max_abs / d.c.scale);
    }
    output.scale = std::max(output.scale, d.c.scale);
    line.max_abs = larger(line.max_abs, d.c.max_abs);
  }
  for (const OutputAgreement& output : agreement.outputs) {
    if (output.passed || !agreement.reason.empty()) continue;
    agreement.reason = fmt::format("output `{}` {} ({})", output.name, output.reason, run.what);
  }
  agreement.passed &= line.passed;
}

Agreement Recorded::compare(const onnx::ModelFiles& other) {
  Agreement agreement;
  auto fail = [&](const std::string& reason) {
    agreement.passed = agreement.identical = false;
    agreement.reason = reason;
    return agreement;
  };
  tell_(0, "opened");
  auto session = open(other, optimize_);
  if (!session.ok()) return fail(session.error().message);
  if ((*session)->outputs().size() != outputs_.size()) return fail("it has other outputs");
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if ((*session)->outputs()[i].name != outputs_[i].name) return fail("it has other outputs");
    agreement.outputs.emplace_back().name = outputs_[i].name;
  }
  for (Run& run : runs_) {
    auto inputs = feed(**session, run.trial);
    if (!inputs.ok()) return fail(inputs.error().str());
    tell_(0, run.what);
    auto actual = (*session)->run_parts(*inputs);
    if (!actual.ok()) return fail(fmt::format("{} ({})", actual.error().str(), run.what));
    compare_run(run, *actual, agreement);
    if (!agreement.passed) return agreement;
  }
  for (const OutputAgreement& output : agreement.outputs) {
    if (output.judged > 0) continue;
    agreement.notes.push_back(fmt::format(
        "output `{}` was not compared: rounding alone changes it in the original", output.name));
  }
  return agreement;
}

// --- random numbers
// --------------------------------------------------------------------------------

// A function of the model's own: its body is not read, its bytes are looked through.
bool functions_are_random(const onnx::Model& model) {
  return std::any_of(model.functions.begin(), model.functions.end(), [](const std::string& bytes) {
    return bytes.find("Random") != std::string::npos ||
           bytes.find("Bernoulli") != std::string::npos ||
           bytes.find("Multinomial") != std::string::npos;
  });
}

// What random numbers reach, each node once: the list need not be in order, and may be a chain of
// a million. A node of the main graph is reached through its bodies too.
class Reach {
 public:
  explicit Reach(const onnx::Model& model) : functions_are_random_(functions_are_random(model)) {
    for (const onnx::Node* node = model.graph->first(); node != nullptr; node = node->next) {
      add(*node);
    }
    while (!open_.empty()) {
      const onnx::Node* node = open_.back();
      open_.pop_back();
      for (const onnx::Value* out : node->outputs) {
        if (out != nullptr) follow(*out);
      }
    }
  }
  bool has(const onnx::Value* value) const { return values_.count(value) != 0; }

 private:
  bool is_random(const onnx::Node& node) const {
    return onnx::is_random(node) || (functions_are_random_ && !node.domain.empty());
  }

  void add(const onnx::Node& node) {
    bool random = is_random(node);
    for (const onnx::Graph* body : onnx::graphs_below(node)) {
      for (const onnx::Node* inner = body->first(); inner != nullptr; inner = inner->next) {
        random |= is_random(*inner);
        owners_[inner] = &node;
      }
      for (const onnx::Value* out : body->outputs()) given_by_bodies_[out].push_back(&node);
    }
    if (random) reach(&node);
  }

  void reach(const onnx::Node* node) {
    if (nodes_.insert(node).second) open_.push_back(node);
  }

  void follow(const onnx::Value& value) {
    values_.insert(&value);
    for (const onnx::Use& use : value.uses) {
      const auto owner = owners_.find(use.node);
      reach(owner != owners_.end() ? owner->second : use.node);
    }
    const auto given = given_by_bodies_.find(&value);
    if (given == given_by_bodies_.end()) return;
    for (const onnx::Node* node : given->second) reach(node);
  }

  const bool functions_are_random_;
  std::unordered_map<const onnx::Node*, const onnx::Node*> owners_;  // of nodes in bodies
  std::unordered_map<const onnx::Value*, std::vector<const onnx::Node*>> given_by_bodies_;
  std::unordered_set<const onnx::Node*> nodes_;
  std::unordered_set<const onnx::Value*> values_;
  std::vector<const onnx::Node*> open_;
};

// --- to and from the child
// -------------------------------------------------------------------------

using Json = nlohmann::json;

Json number(double x) { return json_number<Json>(x); }

Json to_json(const Agreement& a) {
  Json j = {{"passed", a.passed}, {"identical", a.identical}, {"reason", a.reason},
            {"notes", a.notes},   {"outputs", Json::array()}, {"runs", Json::array()}};
  for (const OutputAgreement& o : a.outputs) {
    j["outputs"].push_back({{"name", o.name},
                            {"passed", o.passed},
                            {"identical", o.identical},
                            {"judged", o.judged},
                            {"max_abs", number(o.max_abs)},
                            {"max_rel", number(o.max_rel)},
                            {"scale", number(o.scale)},
                            {"reason", o.reason}});
  }
  for (const RunAgreement& r : a.runs) {
    Json inputs = Json::array();
    for (const RunInput& in : r.inputs) inputs.push_back(Json::array({in.name, in.dtype, in.dims}));
    j["runs"].push_back({{"values", r.values},
                         {"seed", r.seed},
                         {"inputs", std::move(inputs)},
                         {"passed", r.passed},
                         {"max_abs", number(r.max_abs)},
                         {"within_noise", r.within_noise}});
  }
  return j;
}

Agreement agreement_from(const Json& j) {
  Agreement a;
  a.passed = j["passed"];
  a.identical = j["identical"];
  a.reason = j["reason"];
  a.notes = j["notes"].get<std::vector<std::string>>();
  for (const Json& o : j["outputs"]) {
    OutputAgreement& out = a.outputs.emplace_back();
    out.name = o["name"];
    out.passed = o["passed"];
    out.identical = o["identical"];
    out.judged = o["judged"];
    out.max_abs = number_from(o["max_abs"]);
    out.max_rel = number_from(o["max_rel"]);
    out.scale = number_from(o["scale"]);
    out.reason = o["reason"];
  }
  for (const Json& r : j["runs"]) {
    RunAgreement& run = a.runs.emplace_back();
    run.values = r["values"];
    run.seed = r["seed"];
    for (const Json& in : r["inputs"]) {
      run.inputs.push_back({in[0], in[1], in[2].get<std::vector<int64_t>>()});
    }
    run.passed = r["passed"];
    run.max_abs = number_from(r["max_abs"]);
    run.within_noise = r["within_noise"];
  }
  return a;
}

// The last whole line that is JSON; an empty object if there is none.
Json last_line(const std::string& text) {
  const size_t end = text.rfind('\n');
  if (end == std::string::npos) return Json::object();
  const size_t begin = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
  const size_t from = begin == std::string::npos ? 0 : begin + 1;
  Json line = Json::parse(text.substr(from, end - from), nullptr, /*allow_exceptions=*/false);
  return line.is_object() ? line : Json::object();
}

// What a process said at last: the agreement, or at which run of the original it crashed.
struct Answer {
  std::optional<Agreement> agreement;
  int crashed_at = 0;
};

Result<Answer> answer_from(const sandbox::ChildEnd& end, double step_limit) {
  const Json last = last_line(end.text);
  if (!end.crashed && last.contains("error")) return Error{last["error"].get<std::string>(), ""};
  if (!end.crashed && last.contains("passed")) return Answer{agreement_from(last), 0};
  const int at = last.value("at", kOpening);
  if (end.late && at != 0) {
    return Error{fmt::format("ONNX Runtime has not {} the original after {:g} s",
                             at == kOpening ? "opened" : "run", step_limit),
                 ""};
  }
  if (at == kOpening) {
    return Error{"ONNX Runtime crashes while it opens the original: " + end.how, ""};
  }
  if (at != 0) return Answer{std::nullopt, at};
  Agreement agreement;
  agreement.passed = agreement.identical = false;
  const std::string problem = end.late ? fmt::format("it has not ended after {:g} s", step_limit)
                                       : "ONNX Runtime crashes: " + end.how;
  agreement.reason = fmt::format("{} ({})", problem, last.value("what", std::string()));
  return Answer{agreement, 0};
}

// Whoever took the process over may have written anything.
Result<Answer> answer_of(const sandbox::ChildEnd& end, double step_limit) {
  try {
    return answer_from(end, step_limit);
  } catch (const Json::exception& e) {
    return Error{std::string("the process that compares sent what is not a result: ") + e.what(),
                 ""};
  }
}

}  // namespace

std::set<std::string> random_outputs(const onnx::Model& model) {
  const Reach reach(model);
  std::set<std::string> names;
  for (const onnx::Value* out : model.graph->outputs()) {
    if (reach.has(out)) names.insert(out->name);
  }
  return names;
}

Result<Agreement> compare_files(const std::string& original, const std::string& other,
                                const std::vector<TrialInput>& inputs,
                                const AgreementOptions& options) {
  TRY(runtime_version());  // loaded here, once for all processes
  TRY_ASSIGN(const onnx::ModelFiles recorded_file, onnx::open_model_files(original));
  TRY_ASSIGN(const onnx::ModelFiles other_file, onnx::open_model_files(other));
  std::set<int> without;
  constexpr size_t kMostCrashes = 12;
  while (without.size() < kMostCrashes) {
    TRY_ASSIGN(
        const sandbox::ChildEnd end,
        sandbox::in_child(
            [&](const sandbox::Send& send) {
              const Tell tell = [&](int number, const std::string& what) {
                send(Json{{"at", number}, {"what", what}}.dump(-1, ' ', false,
                                                               Json::error_handler_t::replace) +
                     "\n");
              };
              Recorded recorded(recorded_file, inputs, options, without, tell);
              const Status status = recorded.record();
              const Json result = status.ok() ? to_json(recorded.compare(other_file))
                                              : Json{{"error", status.error().str()}};
              send(result.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
            },
            {.policy = options.sandbox, .silence = options.step_limit, .cancel = options.cancel}));
    TRY(check_cancelled(options.cancel));
    auto answer = answer_of(end, options.step_limit);
    if (!answer.ok()) return std::move(answer).error();
    if (answer->agreement) return *std::move(answer->agreement);
    without.insert(answer->crashed_at);
  }
  return Error{"ONNX Runtime crashes when it runs the original", ""};
}

}  // namespace onnxport::verify
