// prim::If and prim::Loop: the two calls that have blocks (aten/program.h), as ONNX's If and Loop.
#pragma once

#include <cstdint>
#include <vector>

#include "aten/program.h"
#include "lower/builder.h"

namespace onnxport::lower {

// What the walk over the program does for a block.
class BlockWalk {
 public:
  virtual ~BlockWalk() = default;
  // Lowers the nodes into the graph that is being built. Refuses (kInBlock) when some of them were
  // refused, which has been noted then.
  virtual void lower_block(const std::vector<aten::Node>& nodes) = 0;
  // The ONNX value of an argument: a value lowered before, or a number as a constant.
  virtual Value value_of(const aten::Arg& arg) = 0;
  // From now on `x` stands for the program's value.
  virtual void define(aten::ValueId id, Value x) = 0;
};

bool is_control_flow(const aten::Node& node);
// The values of the node's outputs. A branch's or body's outputs get the dtypes that the program
// records; where a shape is not recorded, it is what all trips or both branches have in common.
Values lower_control_flow(Builder& g, const aten::Node& node, int32_t index, BlockWalk& walk);

}  // namespace onnxport::lower
