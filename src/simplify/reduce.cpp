#include <algorithm>

#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

// Squeeze/Reshape/Flatten(Reduce(x, keepdims: 1))  =>  Reduce(x, keepdims: 0)
//     when it drops just the reduced axes
RULE(reduce_without_keepdims, "Squeeze", "Reshape", "Flatten") {
  Node* reduce = producer(node.input(0), node);
  if (reduce == nullptr || !used_once(reduce->output())) return no_match("no Reduce before");
  const bool reduces =
      has_trait(*reduce, Trait::kReduces) || reduce->is("ArgMax") || reduce->is("ArgMin");
  if (!reduces) return no_match("no Reduce before");
  if (reduce->get<int64_t>("keepdims", 1) == 0) return no_match("the axes are gone already");
  const Value* x = reduce->input(0);
  std::vector<int64_t> axes;
  if (reduce->is("ArgMax") || reduce->is("ArgMin")) {
    axes.push_back(reduce->get<int64_t>("axis", 0));
  } else {
    auto list = list_of(*reduce, "axes");
    if (!list) return no_match("the axes are unknown");
    axes = *list;
    if (axes.empty() && reduce->get<int64_t>("noop_with_empty_axes", 0) != 0) {
      return no_match("nothing is reduced");
    }
  }
  if (!x->shape || !node.output()->shape) return no_match("the shape is unknown");
  std::vector<bool> dropped(x->shape->size(), axes.empty());
  for (int64_t a : axes) {
    auto axis = axis_of(a, x->shape->size());
    if (!axis) return no_match("a bad axis");
    dropped[*axis] = true;
  }
  Shape rest;
  for (size_t i = 0; i < dropped.size(); ++i) {
    if (!dropped[i]) rest.push_back((*x->shape)[i]);
  }
  if (rest != *node.output()->shape) return no_match("other axes change too");
  onnx::Attributes attributes = reduce->attributes;
  std::erase_if(attributes, [](const auto& entry) { return entry.first == "keepdims"; });
  attributes.emplace_back("keepdims", 0);
  const std::string name = reduce->name;
  Value* y = r.op(reduce->op_type, reduce->inputs, attributes);
  r.replace(node, y);
  name_producer(y, name);
  return done();
}

// Flatten/Squeeze/Reshape(GlobalAveragePool(x))  =>  ReduceMean(x, axes: spatial, keepdims: 0)
//     when just the spatial axes are dropped
RULE_ROUNDING(pool_and_flatten_to_mean, "Squeeze", "Reshape", "Flatten") {
  Node* pool = producer(node.input(0), node);
  if (pool == nullptr || !used_once(pool->output())) return no_match("no pool before");
  if (!pool->is("GlobalAveragePool") && !pool->is("GlobalMaxPool"))
    return no_match("no pool before");
  const Value* x = pool->input(0);
  if (!x->shape || !node.output()->shape || x->shape->size() < 3)
    return no_match("the shapes are unknown");
  if (*node.output()->shape != Shape(x->shape->begin(), x->shape->begin() + 2)) {
    return no_match("other axes change too");
  }
  std::vector<int64_t> axes;
  for (size_t i = 2; i < x->shape->size(); ++i) axes.push_back(static_cast<int64_t>(i));
  std::vector<Value*> inputs{pool->input(0)};
  onnx::Attributes attributes{{"keepdims", 0}};
  if (r.opset() >= 18) {
    inputs.push_back(r.constant(Tensor::ints(axes), "axes"));
  } else {
    attributes.emplace_back("axes", axes);
  }
  const std::string name = pool->name;
  Value* y = r.op(pool->is("GlobalAveragePool") ? "ReduceMean" : "ReduceMax", inputs, attributes);
  r.replace(node, y);
  name_producer(y, name);
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
