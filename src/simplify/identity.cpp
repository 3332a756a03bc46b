// Nodes that return what they get.
#include <numeric>

#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

// Identity(x)  =>  x        unless it only gives an input or constant the name of an output
RULE(drop_identity, "Identity") { return replace_if_possible(r, node, node.input(0)); }

// Dropout(x)  =>  x        outside training, when the mask is unused
RULE(drop_inference_dropout, "Dropout") {
  if (node.output(1) != nullptr && !node.output(1)->unused()) return no_match("the mask is used");
  if (node.get<int64_t>("is_test", 1) == 0) return no_match("training");
  if (const Value* training = node.input(2)) {
    const Tensor* t = training->constant();
    if (t == nullptr || t->numel() != 1 || t->as_ints()[0] != 0) return no_match("training");
  }
  return replace_if_possible(r, node, node.input(0));
}

// Transpose(x, perm: 0,1,2,..)  =>  x
RULE(drop_noop_transpose, "Transpose") {
  const auto perm = node.get<onnx::Attribute::Ints>("perm", {});
  if (perm.empty()) return no_match("the axes are reversed");
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<int64_t>(i)) return no_match("axes move");
  }
  return replace_if_possible(r, node, node.input(0));
}

// Reshape/Flatten/Squeeze/Unsqueeze/Expand/Tile/Slice/Resize(x)  =>  x
//     when the sizes are provably x's own, and that means that nothing moved
RULE(drop_noop_reshape, "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand") {
  if (!same_shape(node.input(0), node.output())) return no_match("the shape changes");
  return replace_if_possible(r, node, node.input(0));
}

// Tile(x, repeats: 1,1,..)  =>  x
RULE(drop_noop_tile, "Tile") {
  const Tensor* repeats = constant_of(node.input(1));
  if (repeats == nullptr || (repeats->numel() != 0 && !all_equal(*repeats, 1))) {
    return no_match("something is repeated");
  }
  return replace_if_possible(r, node, node.input(0));
}

// Slice(x, steps: 1)  =>  x        when it takes everything
RULE(drop_noop_slice, "Slice") {
  if (!same_shape(node.input(0), node.output())) return no_match("something is cut off");
  if (r.opset() >= 10 && node.input(4) != nullptr) {
    auto steps = known_numbers(node.input(4));
    if (!steps) return no_match("the steps are unknown");
    for (int64_t step : *steps) {
      if (step != 1) return no_match("the order changes");
    }
  }
  return replace_if_possible(r, node, node.input(0));
}

// Pad(x, pads: 0,0,..)  =>  x
RULE(drop_noop_pad, "Pad") {
  auto pads = list_of(node, "pads");
  if (!pads || pads->empty()) return no_match("the pads are unknown");
  for (int64_t p : *pads) {
    if (p != 0) return no_match("something is padded");
  }
  return replace_if_possible(r, node, node.input(0));
}

// Resize(x, scales: 1,1,..)  =>  x
RULE(drop_noop_resize, "Resize", "Upsample") {
  const std::string mode =
      node.get<std::string>("coordinate_transformation_mode", std::string("half_pixel"));
  if (mode == "tf_crop_and_resize") return no_match("a part is cropped");
  if (!same_shape(node.input(0), node.output())) return no_match("the size changes");
  const size_t at = r.opset() < 11 || node.is("Upsample") ? 1 : 2;
  const Tensor* scales = constant_of(node.input(at));
  if (scales != nullptr && scales->numel() > 0 && !all_equal(*scales, 1)) {
    return no_match("a scale is not 1");
  }
  if (scales == nullptr && (r.opset() < 11 || node.input(3) == nullptr)) {
    return no_match("the scales are unknown");
  }
  return replace_if_possible(r, node, node.input(0));
}

// Concat(x) / Sum(x) / Max(x) / Min(x) / Mean(x)  =>  x
RULE(drop_single_operand, "Concat", "Sum", "Max", "Min", "Mean") {
  if (node.inputs.size() != 1) return no_match("more than one operand");
  return replace_if_possible(r, node, node.input(0));
}

// Split(x) into one  =>  x
RULE(drop_single_split, "Split") {
  if (node.outputs.size() != 1) return no_match("more than one part");
  return replace_if_possible(r, node, node.input(0));
}

// Gather(x, indices: 0..n-1)  =>  x        when the axis has n elements
RULE(drop_whole_gather, "Gather") {
  const Tensor* indices = constant_of(node.input(1));
  if (indices == nullptr || indices->dims.size() != 1) return no_match("not a list of indices");
  if (!same_shape(node.input(0), node.output())) return no_match("the shape changes");
  const std::vector<int64_t> list = indices->as_ints();
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] != static_cast<int64_t>(i)) return no_match("elements move");
  }
  return replace_if_possible(r, node, node.input(0));
}

// f(f(x))  =>  f(x)
RULE(drop_idempotent_repeat, "Relu", "Abs", "Floor", "Ceil", "Round", "Sign") {
  if (producer(node.input(0), node.op_type, node) == nullptr) return no_match("not repeated");
  return replace_if_possible(r, node, node.input(0));
}

// Neg(Neg(x)) / Not(Not(x))  =>  x
RULE(drop_double_negation, "Neg", "Not") {
  Node* inner = producer(node.input(0), node.op_type, node);
  if (inner == nullptr) return no_match("not repeated");
  return replace_if_possible(r, node, inner->input(0));
}

// Where(true, a, b)  =>  a,  Where(false, a, b)  =>  b        when the shape is the result's
RULE(drop_constant_where, "Where") {
  const Tensor* condition = constant_of(node.input(0));
  if (condition == nullptr || condition->numel() == 0 || condition->numel() > (1 << 20)) {
    return no_match("the condition is not constant");
  }
  const std::vector<int64_t> values = condition->as_ints();
  for (int64_t v : values) {
    if ((v != 0) != (values[0] != 0)) return no_match("the condition varies");
  }
  Value* chosen = node.input(values[0] != 0 ? 1 : 2);
  if (!same_shape(chosen, node.output())) return no_match("the choice is broadcast");
  return replace_if_possible(r, node, chosen);
}

}  // namespace
}  // namespace onnxport::simplify
