// Concat, Split, Slice, Gather: parts of a tensor.
#include <algorithm>

#include "simplify/match.h"
#include "simplify/slice.h"

namespace onnxport::simplify {
namespace {

// Concat(a, Concat(b, c), d)  =>  Concat(a, b, c, d)        the same axis
RULE(flatten_concats, "Concat") {
  if (!node.output()->shape) return no_match("the rank is unknown");
  const size_t rank = node.output()->shape->size();
  const auto axis = axis_of(node.get<int64_t>("axis", 1), rank);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    Node* inner = producer(node.input(i), "Concat", node);
    if (inner == nullptr || !used_once(inner->output())) continue;
    if (axis_of(inner->get<int64_t>("axis", 1), rank) != axis) continue;
    std::vector<Value*> inputs(node.inputs);
    inputs.erase(inputs.begin() + static_cast<int64_t>(i));
    inputs.insert(inputs.begin() + static_cast<int64_t>(i), inner->inputs.begin(),
                  inner->inputs.end());
    r.replace(node, r.op("Concat", inputs, node.attributes));
    return done();
  }
  return no_match("no Concat of the same axis before");
}

// Concat(constants beside each other, x)  =>  Concat(constant, x)
RULE(merge_constants_in_concat, "Concat") {
  for (size_t i = 0; i + 1 < node.inputs.size(); ++i) {
    const Tensor *a = constant_of(node.input(i)), *b = constant_of(node.input(i + 1));
    if (a == nullptr || b == nullptr || a->numel() + b->numel() > 4096) continue;
    // What others use too is copied: sizes may be, data would make the file larger.
    const bool owned = used_once(node.input(i)) && used_once(node.input(i + 1));
    if (!owned && a->numel() + b->numel() > 16) continue;
    Value* both = r.op("Concat", {node.input(i), node.input(i + 1)}, node.attributes);
    if (constant_of(both) == nullptr) return no_match("the constants do not fold");
    std::vector<Value*> inputs(node.inputs);
    inputs[i] = both;
    inputs.erase(inputs.begin() + static_cast<int64_t>(i) + 1);
    r.replace(node, r.op("Concat", inputs, node.attributes));
    return done();
  }
  return no_match("no constants beside each other");
}

// Concat(Split(x))  =>  x        all parts, in order, on the same axis
RULE(concat_of_split, "Concat") {
  Node* split = producer(node.input(0), "Split", node);
  if (split == nullptr || split->outputs != node.inputs) return no_match("not all parts in order");
  if (!node.output()->shape) return no_match("the rank is unknown");
  const size_t rank = node.output()->shape->size();
  if (axis_of(split->get<int64_t>("axis", 0), rank) !=
      axis_of(node.get<int64_t>("axis", 1), rank)) {
    return no_match("the axes differ");
  }
  return replace_if_possible(r, node, split->input(0));
}

// Gather(x, [i]) then Squeeze, or Slice of one then Squeeze  =>  Gather(x, i)
RULE(gather_scalar, "Squeeze", "Reshape") {
  Node* inner = producer(node.input(0), node);
  if (inner == nullptr || !used_once(inner->output()) || !inner->input(0)->shape) {
    return no_match("nothing to gather before");
  }
  if (!node.output()->shape) return no_match("the shape is unknown");
  const Shape& x = *inner->input(0)->shape;
  std::optional<size_t> axis;
  int64_t index = 0;
  if (inner->is("Gather")) {
    axis = axis_of(inner->get<int64_t>("axis", 0), x.size());
    const Tensor* i = constant_of(inner->input(1));
    if (i == nullptr || i->numel() != 1 || i->dims.size() != 1) return no_match("not one index");
    index = i->as_ints()[0];
  } else if (inner->is("Slice")) {
    auto cut = cut_of(*inner);
    if (!cut || cut->axes.size() != 1 || cut->steps[0] != 1) return no_match("not one element");
    axis = static_cast<size_t>(cut->axes[0]);
    index = cut->starts[0];
    if (!inner->output()->shape || !(*inner->output()->shape)[*axis].is_const(1)) {
      return no_match("not one element");
    }
    const auto size = x[*axis].as_const();
    if (!size || index < -*size || index >= *size) return no_match("the element may be clamped");
  } else {
    return no_match("nothing to gather before");
  }
  Shape without = x;
  if (!axis) return no_match("a bad axis");
  without.erase(without.begin() + static_cast<int64_t>(*axis));
  if (without != *node.output()->shape) return no_match("other axes change too");
  Value* i =
      r.constant(Tensor::of<int64_t>(DType::kInt64, {}, std::vector<int64_t>{index}), "index");
  r.replace(node, r.op("Gather", {inner->input(0), i}, {{"axis", static_cast<int64_t>(*axis)}}));
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
