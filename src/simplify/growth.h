// What folding may cost: how much larger the constants of a graph may become.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "onnx/graph.h"
#include "simplify/simplify.h"

namespace onnxport::simplify {

class Growth {
 public:
  Growth(const onnx::Model& model, const Options& options);

  // What folding `node` into `tensors` would add: their bytes, less what the node and the constants
  // that only it uses take now.
  static int64_t of(const onnx::Node& node, const std::vector<Tensor>& tensors);

  // Whether folds compete for room, so that those that cost have to wait for those that save.
  bool is_limited() const;
  bool allows(int64_t growth);
  void add(int64_t growth);          // what was folded
  void forget() { known_ = false; }  // the graph has changed by other means: count it anew

 private:
  int64_t room_below(int64_t size) const;  // of all constants of at most so many bytes
  void count();

  const onnx::Model& model_;
  const Options& options_;
  bool known_ = false;
  int64_t at_first_ = 0;  // bytes of all constants that something uses
  int64_t content_ = 0;
  std::vector<std::pair<int64_t, int64_t>> below_;  // size, bytes of all constants up to it
  int64_t folded_ = 0;                              // since they were counted
};

}  // namespace onnxport::simplify
