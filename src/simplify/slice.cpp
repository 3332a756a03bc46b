// Slices: what takes everything, what is cut twice, what is cut into all its parts.
#include "simplify/slice.h"

#include <algorithm>

#include "simplify/match.h"

namespace onnxport::simplify {

std::optional<Cut> cut_of(const Node& node) {
  const Value* x = node.input(0);
  if (x == nullptr || !x->shape) return std::nullopt;
  auto starts = list_of(node, "starts"), ends = list_of(node, "ends");
  auto axes = list_of(node, "axes");
  auto steps = std::make_optional<std::vector<int64_t>>();  // never an attribute
  if (node.input(4) != nullptr) steps = known_numbers(node.input(4));
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
    auto axis = axis_of(a, x->shape->size());
    if (!axis) return std::nullopt;
    a = static_cast<int64_t>(*axis);
  }
  return cut;
}

std::vector<Value*> inputs_of(Rewriter& r, Value* x, const Cut& cut) {
  std::vector<Value*> inputs{x, r.constant(Tensor::ints(cut.starts), "starts"),
                             r.constant(Tensor::ints(cut.ends), "ends"),
                             r.constant(Tensor::ints(cut.axes), "axes")};
  if (std::any_of(cut.steps.begin(), cut.steps.end(), [](int64_t s) { return s != 1; })) {
    inputs.push_back(r.constant(Tensor::ints(cut.steps), "steps"));
  }
  return inputs;
}

namespace {

// [start, end) of a step of one, in elements of an axis of known size.
struct Interval {
  int64_t start, end;
};
std::optional<Interval> interval(const Cut& cut, size_t i, int64_t size) {
  if (cut.steps[i] != 1) return std::nullopt;
  auto clamped = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? std::max<int64_t>(at, -size) + size : at, 0, size);
  };
  return Interval{clamped(cut.starts[i]), clamped(cut.ends[i])};
}

bool takes_all(const Cut& cut, size_t i, const Shape& x) {
  if (cut.steps[i] != 1 || cut.starts[i] != 0) return false;
  if (cut.ends[i] >= INT32_MAX) return true;
  const auto size = x[static_cast<size_t>(cut.axes[i])].as_const();
  return size && cut.ends[i] >= *size;
}

// Slice(x, axes: A and B)  =>  Slice(x, axes: A)        when it takes all of B
RULE(drop_whole_axes_of_slice, "Slice") {
  if (r.opset() < 10) return no_match("the bounds are attributes");
  const auto cut = cut_of(node);
  if (!cut || cut->axes.size() < 2) return no_match("one axis, or computed bounds");
  Cut kept;
  for (size_t i = 0; i < cut->axes.size(); ++i) {
    if (takes_all(*cut, i, *node.input(0)->shape)) continue;
    kept.starts.push_back(cut->starts[i]);
    kept.ends.push_back(cut->ends[i]);
    kept.axes.push_back(cut->axes[i]);
    kept.steps.push_back(cut->steps[i]);
  }
  if (kept.axes.empty() || kept.axes.size() == cut->axes.size()) {
    return no_match("no axis is whole");
  }
  r.replace(node, r.op("Slice", inputs_of(r, node.input(0), kept)));
  return done();
}

// Slice(Slice(x, axes: A), axes: B)  =>  Slice(x, axes: A and B)
//     an axis of both: steps of 1 and bounds that count from the front
RULE(merge_slices, "Slice") {
  if (r.opset() < 10) return no_match("the bounds are attributes");
  Node* inner = producer(node.input(0), "Slice", node);
  if (inner == nullptr || !used_once(inner->output())) return no_match("no Slice before");
  auto a = cut_of(*inner), b = cut_of(node);
  if (!a || !b) return no_match("the bounds are computed");
  for (size_t i = 0; i < b->axes.size(); ++i) {
    auto same = std::find(a->axes.begin(), a->axes.end(), b->axes[i]);
    if (same == a->axes.end()) {
      a->starts.push_back(b->starts[i]);
      a->ends.push_back(b->ends[i]);
      a->axes.push_back(b->axes[i]);
      a->steps.push_back(b->steps[i]);
      continue;
    }
    const auto k = static_cast<size_t>(same - a->axes.begin());
    if (a->steps[k] != 1 || b->steps[i] != 1 || a->starts[k] < 0 || a->ends[k] < 0 ||
        b->starts[i] < 0 || b->ends[i] < 0) {
      return no_match("the same axis is cut twice");
    }
    int64_t start = 0, end = 0;
    if (__builtin_add_overflow(a->starts[k], b->starts[i], &start)) start = INT64_MAX;
    if (__builtin_add_overflow(a->starts[k], b->ends[i], &end)) end = INT64_MAX;
    a->starts[k] = start;
    a->ends[k] = std::min(a->ends[k], end);
  }
  r.replace(node, r.op("Slice", inputs_of(r, inner->input(0), *a)));
  return done();
}

// Slice(x, a..b), Slice(x, b..c), ...  =>  Split(x)        when they are all of one axis
RULE(slices_to_split, "Slice") {
  const auto cut = cut_of(node);
  if (!cut || cut->axes.size() != 1 || r.opset() < 11) return no_match("not one axis");
  Value* x = node.input(0);
  const size_t axis = static_cast<size_t>(cut->axes[0]);
  const auto size = dim_of(x, axis);
  constexpr size_t kMaxUses = 256;  // each of them looks at all
  if (!size || x->uses.size() < 2 || x->uses.size() > kMaxUses) {
    return no_match("the size is unknown, or nothing else is cut");
  }
  struct Part {
    Interval at;
    Node* slice;
  };
  std::vector<Part> parts;
  constexpr size_t kMaxParts = 64;
  for (const onnx::Use& use : x->uses) {
    if (use.input != 0 || !use.node->is("Slice") || use.node->graph != node.graph) continue;
    const auto other = cut_of(*use.node);
    if (!other || other->axes != cut->axes) continue;
    const auto at = interval(*other, 0, *size);
    if (!at || at->start >= at->end || parts.size() >= kMaxParts) continue;
    parts.push_back({*at, use.node});
  }
  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return a.at.start < b.at.start; });
  int64_t end = 0;
  for (const Part& part : parts) {
    if (part.at.start != end) return no_match("they are not all of it, or overlap");
    end = part.at.end;
  }
  if (end != *size || parts.size() < 2) return no_match("they are not all of it");
  std::vector<int64_t> sizes;
  for (const Part& part : parts) sizes.push_back(part.at.end - part.at.start);
  std::vector<Value*> inputs{x};
  Attributes attributes{{"axis", static_cast<int64_t>(axis)}};
  if (r.opset() >= 13) {
    inputs.push_back(r.constant(Tensor::ints(sizes), "split"));
  } else {
    attributes.emplace_back("split", sizes);
  }
  Node* split = r.op_n("Split", inputs, attributes, parts.size());
  for (size_t i = 0; i < parts.size(); ++i) r.replace(*parts[i].slice, split->output(i));
  return done();
}

// Shape(f(x))  =>  Shape(x)        when f keeps the sizes: many values, one Shape
RULE(shape_of_what_came_before, "Shape") {
  Node* f = producer(node.input(0), node);
  if (f == nullptr || !f->domain.empty() || f->input(0) == nullptr)
    return no_match("no node before");
  if (f->input(0)->graph != node.graph || f->input(0)->constant() != nullptr ||
      !f->input(0)->type_proto.empty() || !same_shape(f->input(0), node.input(0))) {
    return no_match("the sizes change");
  }
  r.set_input(node, 0, f->input(0));
  return done();
}

// Gather(Shape(x), [i, i + 1, ..])  =>  Shape(x, start: i, end: ..)        Slice too; opset 15
RULE(shape_of_some_axes, "Gather", "Slice") {
  if (r.opset() < 15) return no_match("Shape has no bounds in this opset");
  Node* shape = producer(node.input(0), "Shape", node);
  if (shape == nullptr || !shape->input(0)->shape) return no_match("no Shape before");
  if (shape->find("start") != nullptr || shape->find("end") != nullptr)
    return no_match("the Shape has bounds already");
  const auto rank = static_cast<int64_t>(shape->input(0)->shape->size());
  int64_t start = 0, end = 0;
  if (node.is("Gather")) {
    const Tensor* indices = constant_of(node.input(1));
    if (indices == nullptr || indices->dims.size() != 1 || indices->numel() == 0) {
      return no_match("not a list of axes");
    }
    std::vector<int64_t> list = indices->as_ints();
    for (int64_t& i : list) i += i < 0 ? rank : 0;
    for (size_t i = 0; i < list.size(); ++i) {
      if (list[i] != list[0] + static_cast<int64_t>(i)) return no_match("not one after the other");
    }
    start = list.front();
    end = list.back() + 1;
  } else {
    const auto cut = cut_of(node);
    const auto at = cut && cut->axes.size() == 1 ? interval(*cut, 0, rank) : std::nullopt;
    if (!at) return no_match("the bounds are computed");
    start = at->start;
    end = at->end;
  }
  if (start < 0 || end > rank || start >= end) return no_match("outside the shape");
  r.replace(node, r.op("Shape", {shape->input(0)}, {{"start", start}, {"end", end}}));
  return done();
}

// Unsqueeze(Gather(x, i), the same axis)  =>  Gather(x, [i])        Reshape too
RULE(gather_as_list, "Unsqueeze", "Reshape") {
  Node* gather = producer(node.input(0), "Gather", node);
  if (gather == nullptr || !used_once(gather->output())) return no_match("no Gather before");
  const Value* x = gather->input(0);
  const Tensor* index = constant_of(gather->input(1));
  if (index == nullptr || !index->dims.empty() || !x->shape || !node.output()->shape) {
    return no_match("not one index");
  }
  const auto axis = axis_of(gather->get<int64_t>("axis", 0), x->shape->size());
  if (!axis) return no_match("a bad axis");
  Shape kept = *x->shape;
  kept[*axis] = 1;
  if (kept != *node.output()->shape) return no_match("another axis");
  Value* list = r.constant(index->reshaped({1}), gather->input(1)->name);
  r.replace(node,
            r.op("Gather", {gather->input(0), list}, {{"axis", static_cast<int64_t>(*axis)}}));
  return done();
}

// Concat(Gather(x, [i]), Gather(x, [j]))  =>  Gather(x, [i, j])        beside each other, one axis
RULE(merge_gathers_in_concat, "Concat") {
  const Value* out = node.output();
  if (!out->shape) return no_match("the rank is unknown");
  const auto axis = axis_of(node.get<int64_t>("axis", 0), out->shape->size());
  auto gather_at = [&](size_t i) -> Node* {
    Node* g = producer(node.input(i), "Gather", node);
    if (g == nullptr || !g->input(0)->shape || !used_once(g->output())) return nullptr;
    const Tensor* list = constant_of(g->input(1));
    if (list == nullptr || list->dims.size() != 1) return nullptr;
    return axis_of(g->get<int64_t>("axis", 0), g->input(0)->shape->size()) == axis ? g : nullptr;
  };
  for (size_t i = 0; i + 1 < node.inputs.size(); ++i) {
    Node *a = gather_at(i), *b = gather_at(i + 1);
    if (a == nullptr || b == nullptr || a->input(0) != b->input(0)) continue;
    std::vector<int64_t> list = constant_of(a->input(1))->as_ints();
    for (int64_t index : constant_of(b->input(1))->as_ints()) list.push_back(index);
    std::vector<Value*> inputs = node.inputs;
    inputs[i] = r.op("Gather", {a->input(0), r.constant(Tensor::ints(list), "indices")},
                     {{"axis", static_cast<int64_t>(*axis)}});
    inputs.erase(inputs.begin() + static_cast<int64_t>(i) + 1);
    r.replace(node, r.op("Concat", inputs, node.attributes));
    return done();
  }
  return no_match("no Gathers of one tensor beside each other");
}

}  // namespace
}  // namespace onnxport::simplify
