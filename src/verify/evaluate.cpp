#include "verify/evaluate.h"

#include <chrono>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/cancel.h"
#include "onnx/part.h"
#include "onnx/write.h"
#include "sandbox/child.h"
#include "sandbox/message.h"
#include "verify/runtime.h"

namespace onnxport::verify {
namespace {

// What the child sends: that there are none and an error's text, or the tensors, each as its type,
// its dimensions and its bytes.
constexpr int64_t kError = 0;
constexpr int64_t kTensors = 1;

// For all constants of a model, and again for those of them that cannot be computed together.
constexpr std::chrono::seconds kPatience{30};
using Clock = std::chrono::steady_clock;

Result<std::string> packed(const std::vector<Tensor>& tensors) {
  sandbox::MessageWriter out;
  out.number(kTensors);
  for (const Tensor& t : tensors) {
    if (t.dtype == DType::kString) return Error{"it gives strings", ""};
    out.number(static_cast<int64_t>(t.dtype));
    out.number(static_cast<int64_t>(t.dims.size()));
    for (const int64_t size : t.dims) out.number(size);
    const std::vector<std::byte> bytes = t.bytes();
    out.text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  return out.take();
}

std::string packed(const Error& error) {
  sandbox::MessageWriter out;
  out.number(kError);
  out.text(error.str());
  return out.take();
}

Result<Tensor> next_tensor(sandbox::MessageReader& in) {
  TRY_ASSIGN(const int64_t number, in.number(0, INT32_MAX));
  const auto dtype = static_cast<DType>(number);
  TRY_ASSIGN(const size_t rank, in.count());
  std::vector<int64_t> dims;
  for (size_t i = 0; i < rank; ++i) {
    TRY_ASSIGN(const int64_t size, in.number());
    dims.push_back(size);
  }
  TRY_ASSIGN(const std::string_view bytes, in.text());
  TRY_ASSIGN(const size_t expected, checked_nbytes(dtype, dims));
  if (bit_size(dtype) == 0 || bytes.size() != expected) return sandbox::MessageReader::nonsense();
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  return Tensor::owned(dtype, std::move(dims), {begin, begin + bytes.size()});
}

Result<std::vector<Tensor>> unpacked(std::string_view answer) {
  sandbox::MessageReader in(answer);
  TRY_ASSIGN(const int64_t kind, in.number(kError, kTensors));
  if (kind == kError) {
    TRY_ASSIGN(const std::string_view text, in.text());
    return Error{std::string(text), ""};
  }
  std::vector<Tensor> tensors;
  while (!in.done()) {
    TRY_ASSIGN(Tensor tensor, next_tensor(in));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

// What the runtime may take for it: most of a model without inputs is constants.
uint64_t memory_for(const onnx::Model& model) {
  constexpr uint64_t kLeast = uint64_t{1} << 30;
  uint64_t bytes = 0;
  for (const onnx::Value* value : model.graph->initializers())
    bytes += value->initializer->nbytes();
  return kLeast + 16 * bytes;
}

Result<std::string> run(const onnx::Serialized& model) {
  TRY_ASSIGN(auto session, Session::open(model, {.optimize = false, .threads = 1}));
  TRY_ASSIGN(const std::vector<Tensor> results, session->run({}));
  return packed(results);
}

// The outputs of a model without inputs, computed by a process of its own. The outer error: nothing
// can be computed here. The inner one: this model cannot.
Result<Result<std::vector<Tensor>>> run_isolated(const onnx::Model& model, Clock::time_point end_by,
                                                 const EvaluateOptions& options) {
  using Inner = Result<std::vector<Tensor>>;
  const double seconds = std::chrono::duration<double>(end_by - Clock::now()).count();
  const Error late{"computing its constants takes too long", ""};
  if (seconds <= 0) return Inner(late);
  TRY_ASSIGN(const onnx::Serialized bytes, onnx::serialize(model));
  auto work = [&](const sandbox::Send& send) {
    auto results = run(bytes);
    send(results.ok() ? *results : packed(results.error()));
  };
  TRY_ASSIGN(
      const sandbox::ChildEnd end,
      sandbox::in_child(work, {.policy = sandbox::at_most_more(options.sandbox, memory_for(model)),
                               .silence = seconds,
                               .cancel = options.cancel}));
  TRY(check_cancelled(options.cancel));
  if (end.late) return Inner(late);
  if (end.crashed) return Inner(Error{"ONNX Runtime crashes on its constants: " + end.how, ""});
  auto tensors = unpacked(end.text);
  if (!tensors.ok()) return Inner(std::move(tensors).error());
  if (tensors->size() != model.graph->outputs().size()) {
    return Inner(Error{"the results are not as many as the outputs", ""});
  }
  return tensors;
}

// The nodes of a model that cannot be computed as one, computed part by part: what fails is halved,
// until each node that fails is alone. What a part gives to others is a constant for them.
class Parts {
 public:
  Parts(const onnx::Model& model, const EvaluateOptions& options)
      : model_(model),
        options_(options),
        nodes_(model.graph->nodes()),
        end_by_(Clock::now() + kPatience) {}

  Result<bool> compute() {
    // One node of a thousand is alone after 20 processes; where many fail, some stay together.
    constexpr int kMaxProcesses = 128;
    std::vector<Range> open;
    halve({0, nodes_.size()}, open);
    for (int i = 0; i < kMaxProcesses && !open.empty(); ++i) {
      const Range range = open.back();
      open.pop_back();
      TRY_ASSIGN(const bool good, computed(range));
      if (!good) halve(range, open);
    }
    return true;
  }

  // What the model gives, and what the nodes that failed are computed from.
  Computed results() {
    Computed wanted;
    for (auto& [value, tensor] : known_) {
      const auto known = [this](const onnx::Node& node) { return done_.count(&node) != 0; };
      if (onnx::leaves(*value, known)) wanted.emplace(value, std::move(tensor));
    }
    return wanted;
  }

 private:
  struct Range {
    size_t begin, end;
  };
  // The first half is tried first: the second one may need what it gives.
  static void halve(Range range, std::vector<Range>& open) {
    if (range.end - range.begin < 2) return;
    const size_t middle = range.begin + (range.end - range.begin) / 2;
    open.push_back({middle, range.end});
    open.push_back({range.begin, middle});
  }

  // False: it fails as one. Nodes that need what failed before are left out.
  Result<bool> computed(Range range) {
    onnx::Part part(model_);
    const auto content = [this](const onnx::Value& in) {
      const auto known = known_.find(&in);
      return known != known_.end() ? &known->second : in.constant();
    };
    for (size_t i = range.begin; i < range.end; ++i) part.add(*nodes_[i], content);
    const std::vector<const onnx::Value*> wanted = part.close();
    if (wanted.empty()) return true;
    TRY_ASSIGN(auto tensors, run_isolated(part.model(), end_by_, options_));
    if (!tensors.ok()) return false;
    for (size_t i = 0; i < wanted.size(); ++i) known_[wanted[i]] = std::move((*tensors)[i]);
    done_.insert(part.nodes().begin(), part.nodes().end());
    return true;
  }

  const onnx::Model& model_;
  const EvaluateOptions& options_;
  const std::vector<onnx::Node*> nodes_;
  const Clock::time_point end_by_;
  Computed known_;
  std::unordered_set<const onnx::Node*> done_;
};

}  // namespace

Result<Computed> evaluate(const onnx::Model& model, const EvaluateOptions& options) {
  TRY(runtime_version());  // loaded here, once for all processes
  TRY_ASSIGN(auto whole, run_isolated(model, Clock::now() + kPatience, options));
  Computed results;
  if (whole.ok()) {
    for (size_t i = 0; i < whole->size(); ++i) {
      results.emplace(model.graph->outputs()[i], std::move((*whole)[i]));
    }
    return results;
  }
  Parts parts(model, options);
  TRY(parts.compute());
  results = parts.results();
  if (results.empty()) return whole.error();
  return results;
}

}  // namespace onnxport::verify
