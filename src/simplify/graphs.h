// A model's graphs: the main one and the bodies of its nodes, at any depth.
#pragma once

#include <vector>

#include "onnx/graph.h"

namespace onnxport::simplify {

// Outer ones first.
inline std::vector<onnx::Graph*> graphs_of(const onnx::Model& model) {
  std::vector<onnx::Graph*> all{model.graph.get()};
  for (size_t i = 0; i < all.size(); ++i) {
    for (const onnx::Node* node = all[i]->first(); node != nullptr; node = node->next) {
      for (onnx::Graph* body : onnx::subgraphs(*node)) all.push_back(body);
    }
  }
  return all;
}

}  // namespace onnxport::simplify
