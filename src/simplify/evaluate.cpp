// All constant nodes that onnx::fold does not compute, as one model without inputs for the runtime.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/saturating.h"
#include "onnx/part.h"
#include "simplify/engine.h"
#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

// What constants that are computed may take, those between them included: in proportion to those
// that are there.
uint64_t most_bytes(const Engine& engine, const onnx::Graph& graph) {
  constexpr uint64_t kLeast = uint64_t{256} << 20;
  uint64_t there = 0;
  for (const Value* value : graph.values()) {
    if (value->initializer) there += value->initializer->nbytes();
  }
  return std::min(engine.bytes_left(), std::max(kLeast, 4 * there));
}

// What the outputs of constant nodes take, before anything is computed.
class Sizes {
 public:
  // Of a node whose inputs were asked for before, or are constants. Saturates. What gives as many
  // elements as the data say gives at most the coordinates of all of them (NonZero).
  uint64_t add(const Node& node) {
    uint64_t given = 0;
    for (const Value* in : node.inputs) given = saturating_add(given, of(in));
    uint64_t bytes = 0;
    for (const Value* out : node.outputs) {
      if (out == nullptr) continue;
      const std::optional<uint64_t> known = bytes_of(*out);
      const uint64_t size = known ? *known : saturating_mul(given, kMostAxes);
      bytes_[out] = size;
      bytes = saturating_add(bytes, size);
    }
    return bytes;
  }

 private:
  static constexpr uint64_t kMostAxes = 8;

  uint64_t of(const Value* value) const {
    if (value == nullptr) return 0;
    if (value->constant() != nullptr) return value->constant()->nbytes();
    const auto found = bytes_.find(value);
    return found == bytes_.end() ? 0 : found->second;
  }

  // Nullopt: not all sizes are known.
  static std::optional<uint64_t> bytes_of(const Value& value) {
    if (!value.shape) return std::nullopt;
    std::vector<int64_t> dims;
    for (const Expr& size : *value.shape) {
      if (!size.is_const()) return std::nullopt;
      dims.push_back(size.value());
    }
    const auto bytes = checked_nbytes(value.dtype, dims);
    return bytes.ok() ? *bytes : UINT64_MAX;
  }

  std::unordered_map<const Value*, uint64_t> bytes_;
};

// Nodes of the main graph whose inputs are constants or come from such nodes, in order.
std::vector<Node*> constant_nodes(Engine& engine, onnx::Graph& graph) {
  std::unordered_set<const Value*> known;
  uint64_t left = most_bytes(engine, graph);  // what is between them is made too
  Sizes sizes;
  std::vector<Node*> nodes;
  for (Node* node = graph.first(); node != nullptr; node = node->next) {
    if (!node->domain.empty() || !is_deterministic(*node) || node->is("Identity")) continue;
    if (engine.is_deferred(*node)) continue;
    if (node->is("Constant") || node->is("DequantizeLinear") || node->is("QuantizeLinear"))
      continue;
    const bool constant = std::all_of(node->inputs.begin(), node->inputs.end(), [&](Value* in) {
      return in == nullptr || in->constant() != nullptr || known.count(in) != 0;
    });
    const bool tensors = std::all_of(node->outputs.begin(), node->outputs.end(), [](Value* out) {
      return out != nullptr && out->type_proto.empty() && out->dtype != DType::kString;
    });
    if (!constant || !tensors) continue;
    // For an output of the graph an Identity would stand in its place: no gain but for those
    // before.
    const bool is_output = std::any_of(node->outputs.begin(), node->outputs.end(),
                                       [](const Value* out) { return out->graph_outputs > 0; });
    const bool is_first =
        std::all_of(node->inputs.begin(), node->inputs.end(),
                    [](const Value* in) { return in == nullptr || in->producer == nullptr; });
    if (is_output && is_first) continue;
    const uint64_t bytes = sizes.add(*node);
    if (bytes > left) {
      engine.note_spent();
      continue;
    }
    left -= bytes;
    nodes.push_back(node);
    known.insert(node->outputs.begin(), node->outputs.end());
  }
  return nodes;
}

}  // namespace

void evaluate_constants(Engine& engine, const onnx::Model& model, const Evaluate& evaluate) {
  if (!evaluate || !engine.may_apply("evaluate_constant")) return;
  const std::vector<Node*> nodes = constant_nodes(engine, *model.graph);
  if (nodes.empty()) return;
  onnx::Part part(model);
  for (const Node* node : nodes) part.add(*node, [](const Value& in) { return in.constant(); });
  part.close();
  const Result<Computed> results = evaluate(part.model());
  // What the runtime cannot compute simply stays in the graph.
  for (Node* node : nodes) {
    if (node->graph == nullptr) continue;
    std::vector<Tensor> tensors;
    bool complete = false;
    bool missing = false;
    for (Value* out : node->outputs) {
      const Tensor* tensor = nullptr;
      if (results.ok()) {
        auto it = results->find(part.copy_of(out));
        if (it != results->end()) tensor = &it->second;
      }
      complete |= tensor != nullptr;
      missing |= tensor == nullptr && !out->unused();
      tensors.push_back(tensor != nullptr ? *tensor : Tensor::ints({}));
    }
    if (!complete || missing) continue;
    if (!engine.may_apply("evaluate_constant")) return;
    const std::string name = name_of(*node);
    const std::string op_type = node->op_type;
    if (engine.replace_by_constants(*node, std::move(tensors), true)) {
      engine.applied("evaluate_constant", name, op_type);
    } else {
      engine.defer(*node);  // not to be computed again in every round
    }
  }
  // Each of them would fail again in every round, and what comes after it could not be computed.
  const auto& wanted = part.model().graph->outputs();
  const bool all = results.ok() && std::all_of(wanted.begin(), wanted.end(), [&](const Value* out) {
                     return results->count(out) != 0;
                   });
  for (Node* node : nodes) {
    if (!all && node->graph != nullptr && has_constant_inputs(*node)) engine.defer(*node);
  }
}

}  // namespace onnxport::simplify
