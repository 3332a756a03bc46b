// Operators that give the same elements in the same order, under other sizes.
#include "onnx/ops/fold_call.h"
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

// The result of all of them, when they are folded.
Tensors reshaped(const Tensor& x, Dims dims) {
  if (count(dims) != x.numel()) return std::nullopt;
  return one(x.reshaped(std::move(dims)));
}

Status infer_reshape(Context& c) {
  std::optional<Ints> target = c.ints(1);
  if (!target && c.node.find("shape") != nullptr) {  // before opset 5
    target = c.attr_ints("shape");
  }
  const Shape* x = c.shape(0);
  if (!target) {
    std::optional<Shape> s = c.shape_of_length(1);
    c.out(0, c.dtype(0), s ? &*s : nullptr);
    return {};
  }
  Shape out;
  std::optional<size_t> open;
  const bool allow_zero = c.attr("allowzero", 0) != 0;
  for (size_t i = 0; i < target->size(); ++i) {
    Expr d = (*target)[i];
    if (d.is_const(0) && !allow_zero) {
      d = x != nullptr && i < x->size() ? (*x)[i] : unknown_size();
      if (x != nullptr && i >= x->size()) return c.wrong("0 copies a size that is not there");
    } else if (d.is_const(-1)) {
      if (open) return c.wrong("more than one -1");
      open = i;
      d = Expr(1);
    }
    out.push_back(d);
  }
  if (x != nullptr) {
    const Expr total = product(*x);
    const Expr rest = product(out);
    if (open) {
      if (rest.is_const(0)) {
        out[*open] = unknown_size();
      } else {
        std::optional<Expr> exact = exact_div(total, rest);
        if (total.is_const() && rest.is_const() && total.value() % rest.value() != 0) {
          return c.wrong(to_string(*x) + " has no whole number of " + rest.str());
        }
        out[*open] = exact ? *exact : floordiv(total, rest);
      }
    } else if (total.is_const() && rest.is_const() && total != rest) {
      return c.wrong(to_string(*x) + " does not fit in " + to_string(out));
    }
  } else if (open) {
    out[*open] = unknown_size();
  }
  c.out(0, c.dtype(0), out);
  return {};
}

Tensors fold_reshape(const Call& call) {
  const Tensor& x = *call.in(0);
  Dims dims = call.in(1)->as_ints();
  const bool allow_zero = call.node.get<int64_t>("allowzero", 0) != 0;
  int64_t known = 1;
  int64_t* open = nullptr;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !allow_zero) {
      if (i >= x.dims.size()) return std::nullopt;
      dims[i] = x.dims[i];
    }
    if (dims[i] == -1) {
      if (open != nullptr) return std::nullopt;
      open = &dims[i];
    } else if (__builtin_mul_overflow(known, dims[i], &known)) {
      return std::nullopt;
    }
  }
  if (open != nullptr) {
    if (known <= 0 || x.numel() % known != 0) return std::nullopt;
    *open = x.numel() / known;
  }
  return reshaped(x, std::move(dims));
}
OP("Reshape", {.infer = infer_reshape,
               .ints = ints_same,
               .fold = fold_reshape,
               .traits = kReshapes | kBuiltOnce});

Status infer_flatten(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  int64_t axis = c.attr("axis", 1);
  const auto rank = static_cast<int64_t>(x->size());
  if (axis < -rank || axis > rank) return c.wrong("axis " + std::to_string(axis));
  if (axis < 0) axis += rank;
  const Shape before(x->begin(), x->begin() + axis), after(x->begin() + axis, x->end());
  c.out(0, c.dtype(0), Shape{product(before), product(after)});
  return {};
}

Tensors fold_flatten(const Call& call) {
  const Tensor& x = *call.in(0);
  int64_t axis = call.node.get<int64_t>("axis", 1);
  if (axis < 0) axis += static_cast<int64_t>(x.dims.size());
  if (axis < 0 || axis > static_cast<int64_t>(x.dims.size())) return std::nullopt;
  const Dims outer(x.dims.begin(), x.dims.begin() + axis);
  const Dims inner(x.dims.begin() + axis, x.dims.end());
  return reshaped(x, {count(outer), count(inner)});
}
OP("Flatten",
   {.infer = infer_flatten, .ints = ints_same, .fold = fold_flatten, .traits = kReshapes});

Status infer_squeeze(Context& c) {
  const Shape* x = c.shape(0);
  bool left_out = false;
  auto axes = list_of(c.node, "axes", &left_out);
  c.out(0, c.dtype(0));
  if (x == nullptr || !axes) return {};
  std::vector<bool> drop(x->size(), false);
  if (left_out) {
    for (size_t i = 0; i < x->size(); ++i) {
      if (!(*x)[i].is_const()) return {};  // the rank depends on the size
      drop[i] = (*x)[i].is_const(1);
    }
  }
  for (int64_t a : *axes) {
    auto axis = axis_of(a, x->size());
    if (!axis) return c.wrong("axis " + std::to_string(a) + " of " + to_string(*x));
    if ((*x)[*axis].is_const() && !(*x)[*axis].is_const(1)) {
      return c.wrong("axis " + std::to_string(a) + " of " + to_string(*x) + " is not 1");
    }
    drop[*axis] = true;
  }
  Shape out;
  for (size_t i = 0; i < x->size(); ++i) {
    if (!drop[i]) out.push_back((*x)[i]);
  }
  c.out(0, c.dtype(0), out);
  return {};
}

Tensors fold_squeeze(const Call& call) {
  const Tensor& x = *call.in(0);
  const std::vector<int64_t> axes = call.list("axes");
  std::vector<bool> drop(x.dims.size(), false);
  for (int64_t a : axes) {
    const auto axis = axis_of(a, x.dims.size());
    if (!axis || x.dims[*axis] != 1) return std::nullopt;
    drop[*axis] = true;
  }
  Dims dims;
  for (size_t i = 0; i < x.dims.size(); ++i) {
    if (axes.empty() ? x.dims[i] != 1 : !drop[i]) dims.push_back(x.dims[i]);
  }
  return reshaped(x, std::move(dims));
}
OP("Squeeze", {.infer = infer_squeeze,
               .ints = ints_same,
               .fold = fold_squeeze,
               .traits = kReshapes | kBuiltOnce,
               .became_inputs = {13, {"axes"}}});

Status infer_unsqueeze(Context& c) {
  const Shape* x = c.shape(0);
  auto axes = list_of(c.node, "axes");
  c.out(0, c.dtype(0));
  if (x == nullptr || !axes) return {};
  const size_t rank = x->size() + axes->size();
  std::vector<bool> added(rank, false);
  for (int64_t a : *axes) {
    auto axis = axis_of(a, rank);
    if (!axis || added[*axis]) return c.wrong("axes do not fit " + to_string(*x));
    added[*axis] = true;
  }
  Shape out;
  size_t next = 0;
  for (size_t i = 0; i < rank; ++i) out.push_back(added[i] ? Expr(1) : (*x)[next++]);
  c.out(0, c.dtype(0), out);
  return {};
}

Tensors fold_unsqueeze(const Call& call) {
  const Tensor& x = *call.in(0);
  const std::vector<int64_t> axes = call.list("axes");
  const size_t rank = x.dims.size() + axes.size();
  std::vector<bool> added(rank, false);
  for (int64_t a : axes) {
    const auto axis = axis_of(a, rank);
    if (!axis || added[*axis]) return std::nullopt;
    added[*axis] = true;
  }
  Dims dims;
  size_t next = 0;
  for (size_t i = 0; i < rank; ++i) dims.push_back(added[i] ? 1 : x.dims[next++]);
  return reshaped(x, std::move(dims));
}
OP("Unsqueeze", {.infer = infer_unsqueeze,
                 .ints = ints_same,
                 .fold = fold_unsqueeze,
                 .traits = kReshapes | kBuiltOnce,
                 .became_inputs = {13, {"axes"}}});

Tensors fold_identity(const Call& call) { return one(*call.in(0)); }

OP("Identity",
   {.infer = infer_same, .ints = ints_same, .fold = fold_identity, .traits = kUnary | kSelects});

}  // namespace
}  // namespace onnxport::onnx::ops
