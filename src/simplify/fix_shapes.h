// Sizes given to dynamic inputs, and all that follows from them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::simplify {

constexpr int64_t kKeepSize = -1;  // among sizes: this dimension stays as it is

struct InputShape {
  std::string name;  // "": the next input in order
  std::vector<int64_t> sizes;
};

// Each input takes its sizes; a symbol that stood there takes its size wherever it stands: in other
// inputs, between nodes and in outputs, subgraphs included. Shapes are then inferred anew, so that
// outputs that had no size of their own get one where one follows.
//
// Refused, with the input and what it has: a name that is not an input, another rank, a size that
// contradicts a fixed one, two sizes for one symbol, and sizes with which a node breaks its
// operator's rules. The model is of no use after an error.
Status fix_input_shapes(onnx::Model& model, const std::vector<InputShape>& shapes);

}  // namespace onnxport::simplify
