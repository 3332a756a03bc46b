// Gather and its kin, and operators whose output size depends on the content.
#include "onnx/infer_rule.h"

namespace onnxport::onnx::inference {
namespace {

Status gather(Context& c) {
  const Shape *x = c.shape(0), *indices = c.shape(1);
  c.out(0, c.dtype(0));
  if (x == nullptr || indices == nullptr) return {};
  auto axis = axis_of(c.attr("axis", 0), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  Shape out(x->begin(), x->begin() + static_cast<int64_t>(*axis));
  out.insert(out.end(), indices->begin(), indices->end());
  out.insert(out.end(), x->begin() + static_cast<int64_t>(*axis) + 1, x->end());
  c.out(0, c.dtype(0), out);
  return {};
}

Status gather_elements(Context& c) {
  c.out(0, c.dtype(0), c.shape(1));
  return {};
}

Status gather_nd(Context& c) {
  const Shape *x = c.shape(0), *indices = c.shape(1);
  c.out(0, c.dtype(0));
  if (x == nullptr || indices == nullptr || indices->empty()) return {};
  const int64_t batch = c.attr("batch_dims", 0);
  if (!indices->back().is_const() || batch > 64) return {};
  const int64_t depth = batch + indices->back().value();
  if (batch < 0 || depth > static_cast<int64_t>(x->size()) || depth < batch) {
    return c.wrong("indices of " + to_string(*indices) + " do not fit " + to_string(*x));
  }
  Shape out(indices->begin(), indices->end() - 1);
  out.insert(out.end(), x->begin() + depth, x->end());
  c.out(0, c.dtype(0), out);
  return {};
}

Status non_zero(Context& c) {
  const auto rank = c.rank(0);
  c.out(0, DType::kInt64, Shape{rank ? Expr(*rank) : unknown_size(), unknown_size()});
  return {};
}

Status non_max_suppression(Context& c) {
  c.out(0, DType::kInt64, Shape{unknown_size(), 3});
  return {};
}

Status compress(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (c.node.find("axis") == nullptr) {
    c.out(0, c.dtype(0), Shape{unknown_size()});
    return {};
  }
  if (x == nullptr) return {};
  auto axis = axis_of(c.attr("axis", 0), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  Shape out = *x;
  out[*axis] = unknown_size();
  c.out(0, c.dtype(0), out);
  return {};
}

Status unique(Context& c) {
  const Shape* x = c.shape(0);
  const Expr count = unknown_size();
  c.out(0, c.dtype(0));
  if (c.node.find("axis") == nullptr) {
    c.out(0, c.dtype(0), Shape{count});
  } else if (x != nullptr) {
    auto axis = axis_of(c.attr("axis", 0), x->size());
    if (!axis) return c.wrong("axis outside " + to_string(*x));
    Shape out = *x;
    out[*axis] = count;
    c.out(0, c.dtype(0), out);
  }
  c.out(1, DType::kInt64, Shape{count});
  c.out(2, DType::kInt64, Shape{unknown_size()});
  c.out(3, DType::kInt64, Shape{count});
  return {};
}

Status top_k(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  c.out(1, DType::kInt64);
  if (x == nullptr) return {};
  auto axis = axis_of(c.attr("axis", -1), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  Shape out = *x;
  if (c.opset < 10) {
    out[*axis] = Expr(c.attr("k", 1));
  } else {
    auto k = c.ints(1);
    out[*axis] = k && k->size() == 1 ? (*k)[0] : unknown_size();
  }
  c.out(0, c.dtype(0), out);
  c.out(1, DType::kInt64, out);
  return {};
}

Status one_hot(Context& c) {
  const Shape* indices = c.shape(0);
  c.out(0, c.dtype(2));
  if (indices == nullptr) return {};
  auto axis = axis_of(c.attr("axis", -1), indices->size() + 1);
  if (!axis) return c.wrong("axis outside " + to_string(*indices));
  auto depth = c.ints(1);
  Shape out = *indices;
  out.insert(out.begin() + static_cast<int64_t>(*axis),
             depth && depth->size() == 1 ? (*depth)[0] : unknown_size());
  c.out(0, c.dtype(2), out);
  return {};
}

}  // namespace

void add_indexing_rules(Table& t) {
  t["Gather"] = gather;
  t["GatherElements"] = gather_elements;
  t["GatherND"] = gather_nd;
  t["NonZero"] = non_zero;
  t["NonMaxSuppression"] = non_max_suppression;
  t["Compress"] = compress;
  t["Unique"] = unique;
  t["TopK"] = top_k;
  t["OneHot"] = one_hot;
}

}  // namespace onnxport::onnx::inference
