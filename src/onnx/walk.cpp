#include "onnx/walk.h"

#include <utility>

namespace onnxport::onnx {
namespace {

std::vector<Graph*> with_bodies(std::vector<Graph*> graphs) {
  for (size_t i = 0; i < graphs.size(); ++i) {
    for (const Node* node = graphs[i]->first(); node != nullptr; node = node->next) {
      for (Graph* body : subgraphs(*node)) graphs.push_back(body);
    }
  }
  return graphs;
}

}  // namespace

std::vector<Graph*> all_graphs(const Model& model) { return with_bodies({model.graph.get()}); }

std::vector<Graph*> graphs_below(const Node& node) { return with_bodies(subgraphs(node)); }

}  // namespace onnxport::onnx
