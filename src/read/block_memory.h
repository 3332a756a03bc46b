// What the blocks of a branch or loop do to memory that is not their own. functionalize() makes
// every block a program without in-place calls; what it changed of its surroundings, and what of
// them it hands out, is kept here for the call that the block belongs to.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "aten/program.h"

namespace onnxport::read {

struct BlockMemory {
  // By output of the block: the values whose memory it may lie in (inputs of the block, values from
  // outside, the block's own).
  std::vector<std::set<int32_t>> roots;
  std::set<int32_t> used;     // inputs of the block and values from outside that it reads or writes
  std::set<int32_t> written;  // of its inputs, those that it changes in place
  // Values from outside that it changes in place: value -> what it is at the end of the block.
  std::map<int32_t, aten::ValueId> escaped;
};

// A call with blocks, once its blocks are functional.
struct CallMemory {
  std::vector<BlockMemory> blocks;
  size_t carried = 0;  // outputs of the call that are the blocks' (a loop's others are collected)
  // Values from outside that a block changes, in order: the call's outputs from `carried` on are
  // what they have become.
  std::vector<aten::ValueId> changed;
};

// Hands what the blocks change from trip to trip (prim::Loop) or out of both ways (prim::If).
CallMemory hand_out_changes(aten::Program& program, aten::Node& node,
                            std::vector<BlockMemory> blocks);

// The values before the call whose memory its k-th output may lie in, and the other outputs (as
// indices) that it may share memory with.
struct OutputMemory {
  std::set<int32_t> values;
  std::set<size_t> outputs;
};
OutputMemory memory_of_output(const aten::Node& node, const CallMemory& memory, size_t k);

// Values before the call that a loop changes although they are not its result: what it carries is
// changed in place, on the first trip still the value that it began with.
std::set<int32_t> changed_beginnings(const aten::Node& node, const CallMemory& memory);

// "" when nothing that the blocks use shares memory with what they change; else both names.
std::string conflict(const aten::Program& program, const aten::Node& node, const CallMemory& memory,
                     const std::function<bool(int32_t, int32_t)>& share);

}  // namespace onnxport::read
