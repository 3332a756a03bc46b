// Reduce*, ArgMax and ArgMin.
#include "onnx/infer_rule.h"

namespace onnxport::onnx::inference {
namespace {

Status reduce(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  bool left_out = false;
  auto axes = c.list("axes", 1, left_out);
  const bool keep = c.attr("keepdims", 1) != 0;
  if (!axes) {
    if (!keep) return {};
    Shape out;
    for (size_t i = 0; i < x->size(); ++i) out.push_back(unknown_size());
    c.out(0, c.dtype(0), out);
    return {};
  }
  if (axes->empty() && c.attr("noop_with_empty_axes", 0) != 0) {
    c.out(0, c.dtype(0), *x);
    return {};
  }
  std::vector<bool> reduced(x->size(), axes->empty());
  for (int64_t a : *axes) {
    auto axis = axis_of(a, x->size());
    if (!axis) return c.wrong("axis " + std::to_string(a) + " of " + to_string(*x));
    reduced[*axis] = true;
  }
  Shape out;
  for (size_t i = 0; i < x->size(); ++i) {
    if (!reduced[i]) {
      out.push_back((*x)[i]);
    } else if (keep) {
      out.emplace_back(1);
    }
  }
  c.out(0, c.dtype(0), out);
  return {};
}

Status arg(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, DType::kInt64);
  if (x == nullptr) return {};
  auto axis = axis_of(c.attr("axis", 0), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  Shape out = *x;
  if (c.attr("keepdims", 1) != 0) {
    out[*axis] = Expr(1);
  } else {
    out.erase(out.begin() + static_cast<int64_t>(*axis));
  }
  c.out(0, DType::kInt64, out);
  return {};
}

}  // namespace

void add_reduction_rules(Table& t) {
  for (const char* op : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
                         "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"}) {
    t[op] = reduce;
  }
  t["ArgMax"] = arg;
  t["ArgMin"] = arg;
}

}  // namespace onnxport::onnx::inference
