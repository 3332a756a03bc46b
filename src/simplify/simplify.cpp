#include "simplify/simplify.h"

#include "onnx/infer.h"
#include "simplify/engine.h"

namespace onnxport::simplify {
namespace {

// What a graph promises about its outputs; inference may have learnt more, which is not ours to
// say.
struct Promise {
  onnx::Graph* graph;
  size_t output;
  DType dtype;
  std::optional<Shape> shape;
};

std::vector<Promise> promises(const onnx::Graph& graph) {
  std::vector<Promise> all;
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const Value* out = graph.outputs()[i];
    all.push_back({const_cast<onnx::Graph*>(&graph), i, out->dtype, out->shape});
  }
  return all;
}

constexpr int kMaxRounds = 32;

}  // namespace

Result<Summary> simplify(onnx::Model& model, const Options& options) {
  Summary summary;
  summary.nodes_before = model.graph->total_node_count();
  if (!model.graph->sort()) return Error{"the graph has a cycle", ""};
  const std::vector<Promise> promised = promises(*model.graph);
  std::vector<Error> problems;  // left as they are: the checker names them
  TRY(onnx::infer(model, &problems));
  {
    Engine engine(model, options, summary);
    bool settled = false;
    for (int round = 0; round < kMaxRounds && !settled; ++round) {
      engine.clear_changed();
      engine.run();
      evaluate_constants(engine, model, options.evaluate);
      merge_duplicates(engine);
      drop_unused_initializers(engine);
      settled = !engine.changed();
      if (!settled) engine.queue_all();
    }
    if (!settled) {
      summary.notes.push_back(
          "the rules did not come to an end; the graph is right but could be simpler: please report "
          "it with the file");
    }
  }
  if (!model.graph->sort()) return Error{"simplify: the graph lost its order", ""};
  for (const Promise& p : promised) {
    Value* out = p.graph->outputs()[p.output];
    if (out->producer == nullptr) continue;  // an input or initializer says its own
    out->dtype = p.dtype != DType::kUndefined ? p.dtype : out->dtype;
    if (p.shape) out->shape = p.shape;
  }
  summary.nodes_after = model.graph->total_node_count();
  return summary;
}

}  // namespace onnxport::simplify
