// How the search works. Lowering keeps the names of aten values, so a value of the file and a value
// of the program that share a name hold the same thing. Those pairs are compared, in chunks that
// fit a memory budget; each chunk is one run of the file, written anew with the chunk's values as
// further outputs, and one run of the reference that watches for them. The nodes between one
// compared value and the compared values before it are then the only place where a difference can
// have come in.
//
// A small mistake can stay under the tolerance where it is made and grow later. So two thresholds
// are used: a strict one, believed when the difference jumps tenfold from a value's ancestors to
// it, and then the tolerance itself.
#include "verify/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "onnx/read.h"
#include "onnx/write.h"
#include "verify/compare.h"
#include "verify/runtime.h"

namespace onnxport::verify {
namespace {

using aten::Program;
using aten::ValueId;

struct Pair {
  Pair(ValueId id, std::string name) : value(id), onnx_name(std::move(name)) {}
  ValueId value;  // of the program
  std::string onnx_name;
  uint64_t bytes = 0;
  std::optional<Comparison> comparison;
  DType dtype = DType::kUndefined;
};

// What reaches a value: the pairs nearest before it, and the weights read on the way.
struct Ancestry {
  std::vector<size_t> pairs;
  std::vector<const onnx::Value*> weights;
};

std::unordered_map<int32_t, size_t> producers(const Program& program) {
  std::unordered_map<int32_t, size_t> out;
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    for (ValueId id : program.nodes[i].outputs) {
      if (id.valid()) out[id.index] = i;
    }
  }
  return out;
}

// The pairs in the program's order. Outputs of the graph go by position: they have the user's
// names.
std::vector<Pair> find_pairs(const Program& program, const onnx::Graph& graph) {
  std::unordered_map<int32_t, std::string> outputs;
  for (size_t i = 0; i < std::min(program.outputs.size(), graph.outputs().size()); ++i) {
    outputs.try_emplace(program.outputs[i].value.index, graph.outputs()[i]->name);
  }
  std::vector<Pair> pairs;
  for (const aten::Node& node : program.nodes) {
    for (ValueId id : node.outputs) {
      if (!id.valid() || program.value(id).kind != aten::Value::Kind::kTensor) continue;
      auto output = outputs.find(id.index);
      const std::string& name = output != outputs.end() ? output->second : program.value(id).name;
      const onnx::Value* value = graph.find(name);
      if (value == nullptr || value->producer == nullptr) continue;
      pairs.emplace_back(id, name);
    }
  }
  return pairs;
}

class Search {
 public:
  Search(const Program& program, const onnx::ModelFiles& file, onnx::Model model,
         libtorch::Plugin& reference, const std::vector<Tensor>& inputs, const Options& options,
         const SearchLimits& limits)
      : program_(program),
        file_(file),
        model_(std::move(model)),
        reference_(reference),
        inputs_(inputs),
        options_(options),
        limits_(limits),
        pairs_(find_pairs(program, *model_.graph)),
        producers_(producers(program)) {
    for (size_t i = 0; i < pairs_.size(); ++i) by_name_[pairs_[i].onnx_name] = i;
    for (const onnx::Value* output : model_.graph->outputs()) own_outputs_.push_back(output->name);
  }

  Result<std::optional<Divergence>> run() {
    if (pairs_.empty()) return std::optional<Divergence>();
    TRY(measure_sizes());
    for (size_t begin = 0; begin < pairs_.size();) {
      size_t end = begin;
      uint64_t bytes = 0;
      do {
        bytes += pairs_[end++].bytes;
      } while (end < pairs_.size() && bytes + pairs_[end].bytes <= limits_.chunk_bytes);
      TRY(compare_chunk(begin, end));
      // Everything before a culprit has been seen, and some of what comes after it.
      if (end < pairs_.size()) {
        if (auto found = culprit()) return found;
      }
      begin = end;
    }
    if (auto found = culprit()) return found;
    Divergence none;
    none.reason =
        "nothing differs when ONNX Runtime runs the file without graph optimizations: the "
        "difference arises in its optimizations";
    return std::optional(none);
  }

 private:
  // How many bytes each value has, by a run that keeps none of them.
  Status measure_sizes() {
    std::unordered_map<int32_t, uint64_t> bytes;
    auto result =
        reference_.run(program_, inputs_,
                       {.watch = [&](ValueId id, const Tensor& t) { bytes[id.index] = t.nbytes(); },
                        .cancel = options_.cancel});
    if (!result.ok()) return std::move(result).error();
    for (Pair& pair : pairs_) pair.bytes = bytes[pair.value.index];
    return {};
  }

  Status compare_chunk(size_t begin, size_t end) {
    std::unordered_map<int32_t, Tensor> expected;
    for (size_t i = begin; i < end; ++i) expected[pairs_[i].value.index] = {};
    auto result = reference_.run(program_, inputs_,
                                 {.watch =
                                      [&](ValueId id, const Tensor& t) {
                                        auto wanted = expected.find(id.index);
                                        if (wanted != expected.end()) wanted->second = t;
                                      },
                                  .cancel = options_.cancel});
    if (!result.ok()) return std::move(result).error();

    TRY_ASSIGN(auto session, open_with_outputs(begin, end));
    TRY_ASSIGN(std::vector<Tensor> actual, session->run(inputs_));
    std::map<std::string, size_t> position;
    for (size_t i = 0; i < session->outputs().size(); ++i) position[session->outputs()[i].name] = i;
    for (size_t i = begin; i < end; ++i) {
      Pair& pair = pairs_[i];
      auto at = position.find(pair.onnx_name);
      auto reference = expected.find(pair.value.index);
      if (at == position.end() || !reference->second.storage) continue;
      pair.comparison = compare(actual[at->second], reference->second);
      pair.dtype = reference->second.dtype;
    }
    return {};
  }

  // The file, with the chunk's values as further outputs.
  Result<std::unique_ptr<Session>> open_with_outputs(size_t begin, size_t end) const {
    TRY_ASSIGN(onnx::Model model, onnx::read_model(file_));
    std::unordered_set<std::string> present(own_outputs_.begin(), own_outputs_.end());
    for (size_t i = begin; i < end; ++i) {
      if (!present.insert(pairs_[i].onnx_name).second) continue;
      model.graph->add_output(model.graph->find(pairs_[i].onnx_name));
    }
    TRY_ASSIGN(const onnx::Serialized bytes, onnx::serialize(model));
    return Session::open(bytes, {.optimize = false, .cancel = options_.cancel});
  }

  bool bad(const Pair& pair, double tolerance) const {
    return pair.comparison && !within(*pair.comparison, pair.dtype, tolerance);
  }

  Ancestry ancestry(const Pair& pair) const {
    Ancestry out;
    std::unordered_set<const onnx::Value*> seen;
    std::vector<const onnx::Node*> todo = {model_.graph->find(pair.onnx_name)->producer};
    std::unordered_set<const onnx::Node*> visited(todo.begin(), todo.end());
    while (!todo.empty()) {
      const onnx::Node* node = todo.back();
      todo.pop_back();
      for (const onnx::Value* input : node->inputs) {
        if (input == nullptr || !seen.insert(input).second) continue;
        if (input->initializer) out.weights.push_back(input);
        auto compared = by_name_.find(input->name);
        if (compared != by_name_.end() && pairs_[compared->second].comparison) {
          out.pairs.push_back(compared->second);
        } else if (input->producer != nullptr && visited.insert(input->producer).second) {
          todo.push_back(input->producer);
        }
      }
    }
    return out;
  }

  // Difference in units of what is allowed; infinite where the kind differs.
  double error_of(const Pair& pair, double tolerance) const {
    if (!pair.comparison->same_kind) return HUGE_VAL;
    double limit = allowed(*pair.comparison, pair.dtype, tolerance);
    if (limit == 0) return pair.comparison->max_abs == 0 ? 0 : HUGE_VAL;
    return pair.comparison->max_abs / limit;
  }

  std::optional<Divergence> culprit() const {
    double strict = options_.tolerance / 30;
    if (auto found = first_bad(strict, 10)) return found;
    return first_bad(options_.tolerance, 0);
  }

  // A difference that nothing downstream inherits came from a value that only looks alike.
  bool inherited(const Pair& pair, double tolerance) const {
    std::unordered_set<const onnx::Value*> seen;
    std::vector<const onnx::Value*> todo = {model_.graph->find(pair.onnx_name)};
    if (is_own_output(pair.onnx_name)) return true;
    while (!todo.empty()) {
      const onnx::Value* value = todo.back();
      todo.pop_back();
      for (const onnx::Use& use : value->uses) {
        for (const onnx::Value* output : use.node->outputs) {
          if (output == nullptr || !seen.insert(output).second) continue;
          auto compared = by_name_.find(output->name);
          if (compared == by_name_.end()) {
            todo.push_back(output);
            continue;
          }
          const Pair& next = pairs_[compared->second];
          if (!next.comparison || bad(next, tolerance)) return true;  // not compared yet, or bad
        }
      }
    }
    return false;
  }

  bool is_own_output(const std::string& name) const {
    return std::find(own_outputs_.begin(), own_outputs_.end(), name) != own_outputs_.end();
  }

  std::optional<Divergence> first_bad(double tolerance, double jump) const {
    for (const Pair& pair : pairs_) {
      if (!bad(pair, tolerance)) continue;
      Ancestry before = ancestry(pair);
      double inherited_error = 0;
      bool ancestors_agree = true;
      for (size_t i : before.pairs) {
        ancestors_agree &= !bad(pairs_[i], tolerance);
        inherited_error = std::max(inherited_error, error_of(pairs_[i], tolerance));
      }
      if (!ancestors_agree || error_of(pair, tolerance) < jump * inherited_error) continue;
      if (!inherited(pair, tolerance)) continue;
      return describe(pair, before);
    }
    return std::nullopt;
  }

  Divergence describe(const Pair& pair, const Ancestry& before) const {
    Divergence d;
    const onnx::Node* node = model_.graph->find(pair.onnx_name)->producer;
    d.onnx_node = node->name;
    d.op_type = node->op_type;
    d.value = pair.onnx_name;
    if (auto at = producers_.find(pair.value.index); at != producers_.end()) {
      const aten::Node& made_by = program_.nodes[at->second];
      d.aten_op = made_by.full_name();
      d.module_path = made_by.module_path;
      d.source = made_by.source;
    }
    const Comparison& c = *pair.comparison;
    d.max_abs = c.max_abs;
    d.reason = c.same_kind ? fmt::format("differs by {:.3g} where the values reach {:.3g}",
                                         c.max_abs, c.scale)
                           : c.reason;
    d.reason += weights_text(before);
    return d;
  }

  // Which weights the suspected nodes read; where one was changed in a few places, how many.
  std::string weights_text(const Ancestry& before) const {
    std::string changed, read;
    for (const onnx::Value* value : before.weights) {
      read += (read.empty() ? "" : ", ") + value->name;
      const aten::Weight* weight = find_weight(value->name);
      if (weight == nullptr) continue;  // made by lowering or simplifying
      size_t count = changed_elements(*value->initializer, weight->tensor);
      size_t total = static_cast<size_t>(weight->tensor.numel());
      // Folding a BatchNorm changes every element; a hand or a broken disk changes some.
      if (count == 0 || count * 2 > total + 1) continue;
      changed += fmt::format("; {} of {} elements of weight {} are not the model's", count, total,
                             value->name);
    }
    if (!changed.empty()) return changed;
    return read.empty() ? "" : "; it reads " + read;
  }

  const aten::Weight* find_weight(const std::string& name) const {
    for (const aten::Weight& weight : program_.weights) {
      if (weight.fqn == name) return &weight;
    }
    return nullptr;
  }

  // 0 when the tensors are equal or cannot be compared byte by byte.
  static size_t changed_elements(const Tensor& a, const Tensor& b) {
    if (a.dtype != b.dtype || a.dims != b.dims || byte_size(a.dtype) == 0) return 0;
    std::vector<std::byte> x = a.bytes(), y = b.bytes();
    size_t width = byte_size(a.dtype), count = 0;
    for (size_t i = 0; i + width <= x.size(); i += width) {
      count += std::memcmp(x.data() + i, y.data() + i, width) != 0;
    }
    return count;
  }

  const Program& program_;
  const onnx::ModelFiles& file_;
  onnx::Model model_;
  libtorch::Plugin& reference_;
  const std::vector<Tensor>& inputs_;
  const Options& options_;
  SearchLimits limits_;
  std::vector<Pair> pairs_;
  std::unordered_map<int32_t, size_t> producers_;
  std::unordered_map<std::string, size_t> by_name_;
  std::vector<std::string> own_outputs_;
};

}  // namespace

Result<std::optional<Divergence>> find_divergence(
    const Program& program, const onnx::ModelFiles& file, libtorch::Plugin& reference,
    const std::vector<Tensor>& inputs, const Options& options, const SearchLimits& limits) {
  TRY_ASSIGN(onnx::Model model, onnx::read_model(file));
  return Search(program, file, std::move(model), reference, inputs, options, limits).run();
}

Result<std::optional<Divergence>> find_nan(const Program& program, const onnx::ModelFiles& file,
                                           libtorch::Plugin& reference,
                                           const std::vector<Tensor>& inputs,
                                           const std::stop_token& cancel) {
  std::optional<ValueId> first;
  auto watch = [&](ValueId id, const Tensor& t) {
    if (!first && has_nan(t)) first = id;
  };
  TRY_ASSIGN([[maybe_unused]] auto outputs,
             reference.run(program, inputs, {.watch = watch, .cancel = cancel}));
  if (!first) return std::optional<Divergence>();
  Divergence d;
  d.value = program.value(*first).name;
  d.reason = "PyTorch itself computes a NaN here";
  auto at = producers(program);
  const aten::Node& node = program.nodes[at.at(first->index)];
  d.aten_op = node.full_name();
  d.module_path = node.module_path;
  d.source = node.source;
  TRY_ASSIGN(onnx::Model model, onnx::read_model(file));
  for (const Pair& pair : find_pairs(program, *model.graph)) {
    if (pair.value != *first) continue;
    const onnx::Node* made_by = model.graph->find(pair.onnx_name)->producer;
    d.onnx_node = made_by->name;
    d.op_type = made_by->op_type;
  }
  return std::optional(d);
}

}  // namespace onnxport::verify
