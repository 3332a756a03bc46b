// Blocks of pixels as channels, and channels in another order.
#include <algorithm>

#include "simplify/match.h"
#include "simplify/slice.h"

namespace onnxport::simplify {
namespace {

// Slice(x, every b-th row from i, every b-th column from j): i * b + j, if it is that.
std::optional<int64_t> offset_in_block(const Node& slice, int64_t block) {
  const auto cut = cut_of(slice);
  const Value* x = slice.input(0);
  if (!cut || cut->axes.size() != 2 || x->shape->size() != 4) return std::nullopt;
  int64_t offset = 0;
  for (size_t i = 0; i < 2; ++i) {
    const auto size = dim_of(x, static_cast<size_t>(cut->axes[i]));
    const bool to_the_end = cut->ends[i] >= INT32_MAX || (size && cut->ends[i] >= *size);
    const int64_t start = cut->starts[i];
    if (cut->steps[i] != block || !to_the_end || start < 0 || start >= block) return std::nullopt;
    if (cut->axes[i] == 2) {
      offset += start * block;
    } else if (cut->axes[i] == 3) {
      offset += start;
    } else {
      return std::nullopt;
    }
  }
  return cut->axes[0] != cut->axes[1] ? std::optional<int64_t>(offset) : std::nullopt;
}

// Concat(Slice(x, every b-th pixel from i, j), ...)  =>  SpaceToDepth(x)
//     all b * b of them; Gather(SpaceToDepth(x)) when they come in another order
RULE(slices_to_space_to_depth, "Concat") {
  int64_t block = 2;
  while (block * block < static_cast<int64_t>(node.inputs.size())) ++block;
  if (block * block != static_cast<int64_t>(node.inputs.size()) ||
      node.get<int64_t>("axis", 0) != 1) {
    return no_match("not the pixels of a block");
  }
  Value* x = nullptr;
  std::vector<int64_t> order;
  for (const Value* part : node.inputs) {
    Node* slice = producer(part, "Slice", node);
    if (slice == nullptr || !used_once(part) || (x != nullptr && slice->input(0) != x)) {
      return no_match("not slices of one tensor");
    }
    x = slice->input(0);
    const auto offset = offset_in_block(*slice, block);
    if (!offset || std::find(order.begin(), order.end(), *offset) != order.end()) {
      return no_match("not the pixels of a block");
    }
    order.push_back(*offset);
  }
  const auto channels = dim_of(x, 1);
  if (!is_float(x) || !channels) return no_match("unknown channels");
  Value* y = r.op("SpaceToDepth", {x}, {{"blocksize", block}});
  if (!std::is_sorted(order.begin(), order.end())) {
    std::vector<int64_t> indices;
    for (int64_t offset : order) {
      for (int64_t c = 0; c < *channels; ++c) indices.push_back(offset * *channels + c);
    }
    y = r.op("Gather", {y, r.constant(Tensor::ints(indices), "channels")}, {{"axis", 1}});
  }
  r.replace(node, y);
  return done();
}

// Conv(Gather(x, channels in another order), w)  =>  Conv(x, w in that order)
RULE_ROUNDING(reorder_weight_not_channels, "Conv") {
  Node* gather = producer(node.input(0), "Gather", node);
  const Tensor* w = constant_of(node.input(1));
  if (gather == nullptr || w == nullptr || w->dims.size() < 3) return no_match("no Gather before");
  if (node.get<int64_t>("group", 1) != 1 || !used_once(node.input(1)))
    return no_match("the weight is grouped, or used elsewhere");
  const Value* x = gather->input(0);
  const Tensor* indices = constant_of(gather->input(1));
  if (indices == nullptr || indices->dims.size() != 1 || !x->shape)
    return no_match("the order is computed");
  if (axis_of(gather->get<int64_t>("axis", 0), x->shape->size()) != size_t{1}) {
    return no_match("not the channels");
  }
  if (dim_of(x, 1) != w->dims[1] || indices->numel() != w->dims[1])
    return no_match("not all channels");
  std::vector<int64_t> inverse(static_cast<size_t>(w->dims[1]), -1);
  const std::vector<int64_t> list = indices->as_ints();
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] < 0 || list[i] >= w->dims[1]) return no_match("counted from the back");
    inverse[static_cast<size_t>(list[i])] = static_cast<int64_t>(i);
  }
  if (std::find(inverse.begin(), inverse.end(), -1) != inverse.end())
    return no_match("not all channels");
  Value* weight =
      r.op("Gather", {node.input(1), r.constant(Tensor::ints(inverse), "order")}, {{"axis", 1}});
  if (constant_of(weight) == nullptr) return no_match("the weight is too large to reorder");
  r.set_input(node, 1, weight);
  r.set_input(node, 0, gather->input(0));
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
