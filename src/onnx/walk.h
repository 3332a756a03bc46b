// A model's graphs: the main one and the bodies of its nodes, at any depth. Nesting comes from a
// file, so nobody recurses over it.
#pragma once

#include <vector>

#include "onnx/graph.h"

namespace onnxport::onnx {

// Outer ones first.
std::vector<Graph*> all_graphs(const Model& model);
std::vector<Graph*> graphs_below(const Node& node);

}  // namespace onnxport::onnx
