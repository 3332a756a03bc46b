#include "simplify/simplify.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/cancel.h"
#include "onnx/arity.h"
#include "onnx/infer.h"
#include "onnx/walk.h"
#include "simplify/declared_types.h"
#include "simplify/engine.h"

namespace onnxport::simplify {
namespace {

constexpr int kMaxRounds = 32;
// Before it, an operator's broadcasting and its test mode were attributes; nothing runs such files.
constexpr int64_t kFirstOpset = 7;

// False when a graph has a cycle.
bool sort_all(const std::vector<onnx::Graph*>& graphs) {
  return std::all_of(graphs.begin(), graphs.end(),
                     [](onnx::Graph* graph) { return graph->sort(); });
}

// Runtimes refuse a file in which two nodes of a graph have one name; rules name what they make
// after what it stands for.
void make_names_unique(Engine& engine) {
  for (onnx::Graph* graph : engine.graphs()) {
    std::unordered_set<std::string> taken;
    std::vector<Node*> again;
    for (Node* node = graph->first(); node != nullptr; node = node->next) {
      if (!node->name.empty() && !taken.insert(node->name).second) again.push_back(node);
    }
    std::unordered_map<std::string, int> counts;
    for (Node* node : again) {
      std::string name;
      do {
        name = node->name + "." + std::to_string(++counts[node->name]);
      } while (!taken.insert(name).second);
      node->name = std::move(name);
    }
  }
}

void forget_what_no_file_says(onnx::Model& model, const DeclaredTypes& declared) {
  declared.restore(model);
  for (onnx::Graph* graph : onnx::all_graphs(model)) {
    for (Value* value : graph->values()) {
      if (value->producer != nullptr) value->ints.reset();
    }
  }
}

uint64_t run_bytes(const onnx::Model& model) {
  constexpr int64_t kUsual = 128;
  uint64_t bytes = 0;
  std::unordered_set<const onnx::Value*> constant;
  for (const onnx::Graph* graph : onnx::all_graphs(model)) {
    for (const onnx::Node* node = graph->first(); node != nullptr; node = node->next) {
      const bool is_constant =
          std::all_of(node->inputs.begin(), node->inputs.end(), [&](const onnx::Value* in) {
            return in == nullptr || in->constant() != nullptr || constant.count(in) != 0;
          });
      for (const onnx::Value* out : node->outputs) {
        if (out == nullptr) continue;
        if (is_constant) {
          constant.insert(out);
          continue;
        }
        if (!out->shape) continue;
        std::vector<int64_t> dims;
        for (const Expr& size : *out->shape)
          dims.push_back(size.is_const() ? size.value() : kUsual);
        const auto taken = checked_nbytes(out->dtype, dims);
        if (!taken.ok() || __builtin_add_overflow(bytes, *taken, &bytes)) return UINT64_MAX;
      }
    }
  }
  return bytes;
}

}  // namespace

Result<Summary> simplify(onnx::Model& model, const Options& options) {
  Summary summary;
  summary.nodes_before = model.graph->total_node_count();
  if (!sort_all(onnx::all_graphs(model))) return Error{"the graph has a cycle", ""};
  if (model.opset() != 0 && model.opset() < kFirstOpset) {
    summary.nodes_after = summary.nodes_before;
    summary.notes.push_back("opset " + std::to_string(model.opset()) +
                            " is older than 7: it is carried over unchanged");
    return summary;
  }
  TRY(onnx::check_arity(model));
  DeclaredTypes declared(model);
  std::vector<Error> problems;  // left as they are: the checker names them
  TRY(declared.infer(model, &problems));
  summary.run_bytes = run_bytes(model);
  {
    Engine engine(model, options, summary);
    bool settled = false;
    bool read_anew = false;
    for (int round = 0; round < kMaxRounds && !settled; ++round) {
      engine.clear_changed();
      engine.run();
      TRY(check_cancelled(options.cancel));
      evaluate_constants(engine, model, options.evaluate);
      TRY(check_cancelled(options.cancel));
      merge_duplicates(engine);
      drop_unused_initializers(engine);
      const bool quiet = !engine.changed() && !engine.spend();
      settled = quiet && read_anew;
      if (settled) break;
      // What was learnt on the way counts for everything. At the end the types are those that the
      // file will have: so simplifying the file again finds nothing that was not found here.
      if (!sort_all(engine.graphs())) break;
      read_anew = quiet;
      if (read_anew) forget_what_no_file_says(model, declared);
      problems.clear();
      TRY(onnx::infer(model, &problems));
      if (read_anew) {
        engine.consider_again();
      } else {
        engine.queue_all();
      }
    }
    if (!settled) {
      summary.notes.push_back(
          "the rules did not come to an end; the graph is right but could be simpler: please report "
          "it with the file");
    }
    if (engine.is_spent()) {
      summary.notes.push_back(
          "not every constant was folded: the memory (--memory) or the work "
          "that folding may take was used up");
    }
    make_names_unique(engine);
  }
  if (!sort_all(onnx::all_graphs(model))) return Error{"simplify: the graph lost its order", ""};
  declared.restore(model);
  summary.nodes_after = model.graph->total_node_count();
  return summary;
}

}  // namespace onnxport::simplify
