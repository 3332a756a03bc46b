// Some nodes of a graph as a model of their own, without inputs: what they take from outside is
// constant.
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/graph.h"

namespace onnxport::onnx {

class Part {
 public:
  // A constant's content; null: the value is none.
  using Content = std::function<const Tensor*(const Value&)>;

  explicit Part(const Model& whole);  // of its versions

  // Copies the node behind those that are there. False, and no node: an input is made by none of
  // them and `content` does not know it.
  bool add(const Node& node, const Content& content);
  // Makes outputs of what the whole model gives, or nodes that were not copied need: the values of
  // the whole model, in the order of the outputs.
  std::vector<const Value*> close();

  const Model& model() const { return model_; }
  bool contains(const Node& node) const { return inside_.count(&node) != 0; }
  const std::vector<const Node*>& nodes() const { return nodes_; }
  const Value* copy_of(const Value* value) const;  // null: of none that was copied

 private:
  Model model_;
  std::vector<const Node*> nodes_;
  std::unordered_set<const Node*> inside_;
  std::unordered_map<const Value*, Value*> copies_;
};

// Whether the model gives the value, or a node that is not `inside` takes it.
bool leaves(const Value& value, const std::function<bool(const Node&)>& inside);

}  // namespace onnxport::onnx
