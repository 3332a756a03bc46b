// Concat, Split, Slice, Gather: parts of a tensor.
#include <algorithm>

#include "simplify/words.h"

namespace onnxport::simplify {
namespace {

// Concat(a, Concat(b, c), d)  =>  Concat(a, b, c, d)        the same axis
RULE(flatten_concats, "Concat") {
  if (!node.output()->shape) return no_match("the rank is unknown");
  const size_t rank = node.output()->shape->size();
  const auto axis = axis_in(node.get<int64_t>("axis", 1), rank);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    Node* inner = maker(node.input(i), "Concat", node);
    if (inner == nullptr || !used_once(inner->output())) continue;
    if (axis_in(inner->get<int64_t>("axis", 1), rank) != axis) continue;
    std::vector<Value*> inputs(node.inputs);
    inputs.erase(inputs.begin() + static_cast<int64_t>(i));
    inputs.insert(inputs.begin() + static_cast<int64_t>(i), inner->inputs.begin(),
                  inner->inputs.end());
    m.replace(node, m.op("Concat", inputs, node.attributes));
    return done();
  }
  return no_match("no Concat of the same axis before");
}

// Concat(constants beside each other, x)  =>  Concat(constant, x)
RULE(merge_constants_in_concat, "Concat") {
  for (size_t i = 0; i + 1 < node.inputs.size(); ++i) {
    const Tensor *a = constant_of(node.input(i)), *b = constant_of(node.input(i + 1));
    if (a == nullptr || b == nullptr || a->numel() + b->numel() > 4096) continue;
    Value* both = m.op("Concat", {node.input(i), node.input(i + 1)}, node.attributes);
    if (constant_of(both) == nullptr) return no_match("the constants do not fold");
    std::vector<Value*> inputs(node.inputs);
    inputs[i] = both;
    inputs.erase(inputs.begin() + static_cast<int64_t>(i) + 1);
    m.replace(node, m.op("Concat", inputs, node.attributes));
    return done();
  }
  return no_match("no constants beside each other");
}

// Concat(Split(x))  =>  x        all parts, in order, on the same axis
RULE(concat_of_split, "Concat") {
  Node* split = maker(node.input(0), "Split", node);
  if (split == nullptr || split->outputs != node.inputs) return no_match("not all parts in order");
  if (!node.output()->shape) return no_match("the rank is unknown");
  const size_t rank = node.output()->shape->size();
  if (axis_in(split->get<int64_t>("axis", 0), rank) !=
      axis_in(node.get<int64_t>("axis", 1), rank)) {
    return no_match("the axes differ");
  }
  return replace_if_possible(m, node, split->input(0));
}

struct Cut {
  std::vector<int64_t> starts, ends, axes, steps;
};
std::optional<Cut> cut_of(const Node& node) {
  const Value* x = node.input(0);
  if (!x->shape) return std::nullopt;
  auto starts = list_of(node, "starts", 1), ends = list_of(node, "ends", 2);
  auto axes = list_of(node, "axes", 3), steps = list_of(node, "steps", 4);
  if (!starts || !ends || !axes || !steps) return std::nullopt;
  Cut cut{*starts, *ends, *axes, *steps};
  if (cut.axes.empty()) {
    for (size_t i = 0; i < cut.starts.size(); ++i) cut.axes.push_back(static_cast<int64_t>(i));
  }
  if (cut.steps.empty()) cut.steps.assign(cut.starts.size(), 1);
  if (cut.starts.size() != cut.ends.size() || cut.starts.size() != cut.axes.size() ||
      cut.starts.size() != cut.steps.size()) {
    return std::nullopt;
  }
  for (int64_t& a : cut.axes) {
    auto axis = axis_in(a, x->shape->size());
    if (!axis) return std::nullopt;
    a = static_cast<int64_t>(*axis);
  }
  return cut;
}

// Slice(Slice(x, axes: A), axes: B)  =>  Slice(x, axes: A and B)        A and B disjoint
RULE(merge_slices, "Slice") {
  if (m.opset() < 10) return no_match("the bounds are attributes");
  Node* inner = maker(node.input(0), "Slice", node);
  if (inner == nullptr || !used_once(inner->output())) return no_match("no Slice before");
  auto a = cut_of(*inner), b = cut_of(node);
  if (!a || !b) return no_match("the bounds are computed");
  for (int64_t axis : b->axes) {
    if (std::find(a->axes.begin(), a->axes.end(), axis) != a->axes.end()) {
      return no_match("the same axis is cut twice");
    }
  }
  a->starts.insert(a->starts.end(), b->starts.begin(), b->starts.end());
  a->ends.insert(a->ends.end(), b->ends.begin(), b->ends.end());
  a->axes.insert(a->axes.end(), b->axes.begin(), b->axes.end());
  a->steps.insert(a->steps.end(), b->steps.begin(), b->steps.end());
  std::vector<Value*> inputs{inner->input(0), m.constant(Tensor::ints(a->starts), "starts"),
                             m.constant(Tensor::ints(a->ends), "ends"),
                             m.constant(Tensor::ints(a->axes), "axes")};
  if (std::any_of(a->steps.begin(), a->steps.end(), [](int64_t s) { return s != 1; })) {
    inputs.push_back(m.constant(Tensor::ints(a->steps), "steps"));
  }
  m.replace(node, m.op("Slice", inputs));
  return done();
}

// Gather(x, [i]) then Squeeze, or Slice of one then Squeeze  =>  Gather(x, i)
RULE(gather_scalar, "Squeeze", "Reshape") {
  Node* inner = maker(node.input(0), node);
  if (inner == nullptr || !used_once(inner->output()) || !inner->input(0)->shape) {
    return no_match("nothing to gather before");
  }
  if (!node.output()->shape) return no_match("the shape is unknown");
  const Shape& x = *inner->input(0)->shape;
  std::optional<size_t> axis;
  int64_t index = 0;
  if (inner->is("Gather")) {
    axis = axis_in(inner->get<int64_t>("axis", 0), x.size());
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
      m.constant(Tensor::of<int64_t>(DType::kInt64, {}, std::vector<int64_t>{index}), "index");
  m.replace(node, m.op("Gather", {inner->input(0), i}, {{"axis", static_cast<int64_t>(*axis)}}));
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
