#include "read/block_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace onnxport::read {
namespace {

using aten::Arg;
using aten::ArgList;
using aten::Block;
using aten::Node;
using aten::Program;
using aten::Value;
using aten::ValueId;

bool is_loop(const Node& node) { return node.op == "prim::Loop"; }

const ArgList& carried_of(const Node& node) {
  static const ArgList kNone;
  const Arg* arg = node.arg("carried");
  const ArgList* list = arg == nullptr ? nullptr : arg->as<ArgList>();
  return list == nullptr ? kNone : *list;
}

// The value that a loop's input is on the first trip; -1 for a number.
int32_t beginning(const Node& node, size_t k) {
  const ArgList& carried = carried_of(node);
  const auto* id = k < carried.size() ? carried[k].as<ValueId>() : nullptr;
  return id == nullptr ? -1 : id->index;
}

// Which of what a loop carries this input of its body is.
std::optional<size_t> carried_index(const Block& block, const CallMemory& memory, int32_t value) {
  for (size_t k = 0; k < memory.carried && k + 1 < block.inputs.size(); ++k) {
    if (block.inputs[k + 1].index == value) return k;
  }
  return std::nullopt;
}

// These memories, and what the body's inputs among them were at the end of the trip before.
std::set<int32_t> over_all_trips(const Node& node, const CallMemory& memory,
                                 std::set<int32_t> roots) {
  if (!is_loop(node)) return roots;
  std::vector<int32_t> todo(roots.begin(), roots.end());
  while (!todo.empty()) {
    const auto k = carried_index(node.blocks[0], memory, todo.back());
    todo.pop_back();
    if (!k) continue;
    for (int32_t root : memory.blocks[0].roots.at(*k + 1)) {
      if (roots.insert(root).second) todo.push_back(root);
    }
  }
  return roots;
}

std::set<int32_t> roots_of(const Node& node, const CallMemory& memory, size_t block, size_t k) {
  return over_all_trips(node, memory, memory.blocks[block].roots.at(is_loop(node) ? k + 1 : k));
}

// A name for a value that is like `like`, and unlike all that there are.
ValueId new_value(Program& program, ValueId like, const char* suffix) {
  Value value = program.value(like);
  const std::string stem = value.name + suffix;
  value.name = stem;
  auto taken = [&](const std::string& name) {
    return std::any_of(program.values.begin(), program.values.end(),
                       [&](const Value& v) { return v.name == name; });
  };
  for (int i = 1; taken(value.name); ++i) value.name = fmt::format("{}_{}", stem, i);
  return program.add_value(std::move(value));
}

void rename(Block& block, ValueId from, ValueId to) {
  auto in_arg = [&](Arg& arg) {
    aten::for_each_value(arg, [&](ValueId& id) { id = id == from ? to : id; });
  };
  for (Node& node : block.nodes) aten::for_each_arg(node, in_arg);
  for (Arg& output : block.outputs) in_arg(output);
}

}  // namespace

CallMemory hand_out_changes(Program& program, Node& node, std::vector<BlockMemory> blocks) {
  CallMemory memory;
  memory.carried = is_loop(node) ? carried_of(node).size() : node.outputs.size();
  std::set<int32_t> changed;
  for (const BlockMemory& block : blocks) {
    for (const auto& [value, end] : block.escaped) changed.insert(value);
  }
  for (int32_t index : changed) {
    const ValueId value{index};
    const auto at = static_cast<std::ptrdiff_t>(memory.carried + memory.changed.size());
    for (size_t b = 0; b < blocks.size(); ++b) {
      auto end = blocks[b].escaped.find(index);
      const ValueId now = end == blocks[b].escaped.end() ? value : end->second;
      Block& block = node.blocks[b];
      block.outputs.insert(block.outputs.begin() + at + (is_loop(node) ? 1 : 0), Arg(now));
    }
    if (is_loop(node)) {
      const ValueId inside = new_value(program, value, "_in");
      node.blocks[0].inputs.push_back(inside);
      rename(node.blocks[0], value, inside);
      for (aten::NamedArg& named : node.args) {
        if (named.name == "carried") std::get<ArgList>(named.arg.v).emplace_back(value);
      }
    }
    node.outputs.insert(node.outputs.begin() + at, new_value(program, value, "_out"));
    memory.changed.push_back(value);
  }
  memory.blocks = std::move(blocks);
  return memory;
}

OutputMemory memory_of_output(const Node& node, const CallMemory& memory, size_t k) {
  OutputMemory out;
  if (is_loop(node)) out.values.insert(beginning(node, k));  // there may be no trip
  for (size_t b = 0; b < node.blocks.size(); ++b) {
    const std::set<int32_t> roots = roots_of(node, memory, b, k);
    for (int32_t root : roots) {
      const auto input = carried_index(node.blocks[b], memory, root);
      out.values.insert(input && is_loop(node) ? beginning(node, *input) : root);
    }
    for (size_t other = 0; other < memory.carried; ++other) {
      const std::set<int32_t> others =
          other == k ? std::set<int32_t>() : roots_of(node, memory, b, other);
      if (std::any_of(others.begin(), others.end(), [&](int32_t v) { return roots.contains(v); })) {
        out.outputs.insert(other);
      }
    }
  }
  return out;
}

std::set<int32_t> changed_beginnings(const Node& node, const CallMemory& memory) {
  std::set<int32_t> out;
  if (!is_loop(node)) return out;
  for (int32_t input : memory.blocks[0].written) {
    for (int32_t root : over_all_trips(node, memory, {input})) {
      const auto k = carried_index(node.blocks[0], memory, root);
      out.insert(k ? beginning(node, *k) : root);
    }
  }
  out.erase(-1);
  return out;
}

std::string conflict(const Program& program, const Node& node, const CallMemory& memory,
                     const std::function<bool(int32_t, int32_t)>& share) {
  for (size_t b = 0; b < node.blocks.size(); ++b) {
    const BlockMemory& block = memory.blocks[b];
    std::set<int32_t> writes = block.written;
    for (const auto& [value, end] : block.escaped) writes.insert(value);
    // What a value of the body is before the call, on any trip.
    auto before = [&](int32_t value) {
      std::set<int32_t> out;
      for (int32_t root : over_all_trips(node, memory, {value})) {
        const auto k = is_loop(node) ? carried_index(node.blocks[b], memory, root) : std::nullopt;
        out.insert(k ? beginning(node, *k) : root);
      }
      out.erase(-1);
      return out;
    };
    for (int32_t write : writes) {
      const std::set<int32_t> mine = before(write);
      for (int32_t use : block.used) {
        if (use == write) continue;
        for (int32_t other : before(use)) {
          for (int32_t own : mine) {
            if (own != other && !share(own, other)) continue;
            return fmt::format("`{}`, whose memory `{}` shares", program.value(ValueId{write}).name,
                               program.value(ValueId{use}).name);
          }
        }
      }
    }
  }
  return "";
}

}  // namespace onnxport::read
