// All constant nodes that onnx::fold does not compute, as one model without inputs for the runtime.
#include <algorithm>
#include <unordered_map>

#include "simplify/engine.h"
#include "simplify/words.h"

namespace onnxport::simplify {
namespace {

// Nodes of the main graph whose inputs are constants or come from such nodes, in order.
std::vector<Node*> constant_nodes(const Engine& engine, onnx::Graph& graph) {
  std::unordered_set<const Value*> known;
  std::vector<Node*> nodes;
  for (Node* node = graph.first(); node != nullptr; node = node->next) {
    if (!node->domain.empty() || !is_deterministic(*node) || node->is("Identity")) continue;
    if (engine.is_put_off(*node)) continue;
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
  const std::unordered_set<const Node*> inside(nodes.begin(), nodes.end());
  onnx::Model part;
  part.ir_version = model.ir_version;
  part.opset_imports = model.opset_imports;
  std::unordered_map<const Value*, Value*> copies;
  std::vector<Value*> wanted;
  for (Node* node : nodes) {
    std::vector<Value*> inputs;
    for (Value* in : node->inputs) {
      if (in != nullptr && copies.count(in) == 0) {
        copies[in] = part.graph->add_initializer(in->name, *in->constant());
      }
      inputs.push_back(in != nullptr ? copies[in] : nullptr);
    }
    Node* copy =
        part.graph->add_node(node->op_type, inputs, node->attributes, node->outputs.size());
    for (size_t i = 0; i < node->outputs.size(); ++i) {
      Value* out = node->outputs[i];
      copy->outputs[i]->dtype = out->dtype;
      copy->outputs[i]->shape = out->shape;
      copies[out] = copy->outputs[i];
      const bool leaves = out->graph_outputs > 0 ||
                          std::any_of(out->uses.begin(), out->uses.end(), [&](const onnx::Use& u) {
                            return inside.count(u.node) == 0;
                          });
      if (leaves) {
        wanted.push_back(out);
        part.graph->add_output(copies[out]);
      }
    }
  }
  Result<std::vector<Tensor>> results = evaluate(part);
  // What the runtime cannot compute simply stays in the graph.
  if (!results.ok() || results->size() != wanted.size()) return;
  std::unordered_map<const Value*, Tensor> by_value;
  for (size_t i = 0; i < wanted.size(); ++i) by_value[wanted[i]] = (*results)[i];
  for (Node* node : nodes) {
    if (node->graph == nullptr) continue;
    std::vector<Tensor> tensors;
    bool complete = false;
    for (Value* out : node->outputs) {
      auto it = by_value.find(out);
      complete |= it != by_value.end();
      tensors.push_back(it != by_value.end() ? it->second : Tensor::ints({}));
      if (it == by_value.end() && !out->unused()) {
        complete = false;
        break;
      }
    }
    if (!complete || !engine.may_apply("evaluate_constant")) continue;
    const std::string name = node->name.empty() ? node->outputs[0]->name : node->name;
    const std::string op_type = node->op_type;
    if (engine.replace_by_constants(*node, std::move(tensors), true)) {
      engine.applied("evaluate_constant", name, op_type);
    } else {
      engine.put_off(*node);  // not to be computed again in every round
    }
  }
}

}  // namespace onnxport::simplify
