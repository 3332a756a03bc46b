// Reduce*, ArgMax and ArgMin. Folding is of small tensors: integers exactly, floats accumulated in
// double and rounded once.
#include <algorithm>
#include <cmath>
#include <limits>

#include "onnx/ops/fold_call.h"
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

Status infer_reduce(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  auto axes = list_of(c.node, "axes");
  const bool keep = c.attr("keepdims", 1) != 0;
  if (!axes) {
    if (keep) c.out(0, c.dtype(0), unknown_shape(x->size()));
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

std::optional<Ints> ints_reduce(Context& c) {
  auto content = c.ints(0);
  if (!content || content->empty() || c.rank(0) != 1) return std::nullopt;
  if (c.attr("noop_with_empty_axes", 0) != 0) return std::nullopt;
  const char* op = c.node.is("ReduceProd")  ? "Mul"
                   : c.node.is("ReduceSum") ? "Add"
                   : c.node.is("ReduceMax") ? "Max"
                                            : "Min";
  Expr all = (*content)[0];
  for (size_t i = 1; i < content->size(); ++i) all = *combine(op, all, (*content)[i]);
  return Ints{all};
}

enum class Kind { kSum, kMean, kProd, kMax, kMin };

// Which axes go; nullopt when they are out of range or nothing is to be reduced.
std::optional<std::vector<bool>> reduced_axes(const Call& call, size_t rank) {
  const std::vector<int64_t> axes = call.list("axes");
  if (axes.empty() && call.node.get<int64_t>("noop_with_empty_axes", 0) != 0) return std::nullopt;
  std::vector<bool> out(rank, axes.empty());
  for (int64_t a : axes) {
    const auto axis = axis_of(a, rank);
    if (!axis) return std::nullopt;
    out[*axis] = true;
  }
  return out;
}

template <Kind kind, typename T>
T reduce_one(const std::vector<T>& x) {
  if constexpr (kind == Kind::kMax) return *std::max_element(x.begin(), x.end());
  if constexpr (kind == Kind::kMin) return *std::min_element(x.begin(), x.end());
  if constexpr (kind == Kind::kProd) {
    T p = 1;
    for (T v : x) p = static_cast<T>(p * v);
    return p;
  }
  T s = 0;
  for (T v : x) s = static_cast<T>(s + v);
  return kind == Kind::kMean ? static_cast<T>(s / static_cast<T>(x.size())) : s;
}

template <Kind kind, typename T>
Tensors reduce_values(const Tensor& x, const std::vector<T>& values, const std::vector<bool>& gone,
                      bool keepdims) {
  Dims kept;  // with 1 where reduced: the index of the group
  Dims dims;
  for (size_t i = 0; i < x.dims.size(); ++i) {
    kept.push_back(gone[i] ? 1 : x.dims[i]);
    if (!gone[i] || keepdims) dims.push_back(kept.back());
  }
  const std::vector<int64_t> group = broadcast_index(x.dims, kept);
  std::vector<std::vector<T>> groups(static_cast<size_t>(count(kept)));
  for (size_t i = 0; i < group.size(); ++i)
    groups[static_cast<size_t>(group[i])].push_back(values[i]);
  std::vector<T> out;
  for (const std::vector<T>& g : groups) out.push_back(reduce_one<kind, T>(g));
  Tensor wide = Tensor::of(std::is_integral_v<T> ? DType::kInt64 : DType::kDouble, dims, out);
  return one(wide.dtype == x.dtype ? wide
                                   : Tensor::owned(x.dtype, dims, wide.cast(x.dtype).bytes()));
}

template <Kind kind>
Tensors fold_reduce(const Call& call) {
  const Tensor& x = *call.in(0);
  if (x.numel() == 0 || x.numel() > call.max_elements) return std::nullopt;
  const auto gone = reduced_axes(call, x.dims.size());
  if (!gone) return std::nullopt;
  const bool keepdims = call.node.get<int64_t>("keepdims", 1) != 0;
  if (x.dtype == DType::kInt64 || x.dtype == DType::kInt32) {
    if (kind == Kind::kProd || kind == Kind::kSum || kind == Kind::kMean) {
      // Overflow would be undefined here: bounded by the sum of magnitudes.
      double bound = kind == Kind::kProd ? 1 : 0;
      for (double v : x.as_doubles())
        bound = kind == Kind::kProd ? bound * std::max(1.0, std::fabs(v)) : bound + std::fabs(v);
      if (bound >= (x.dtype == DType::kInt64 ? 0x1p62 : 0x1p31)) return std::nullopt;
    }
    return reduce_values<kind, int64_t>(x, x.as_ints(), *gone, keepdims);
  }
  if (x.dtype != DType::kFloat && x.dtype != DType::kDouble) return std::nullopt;
  const std::vector<double> values = x.as_doubles();
  if (std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); }))
    return std::nullopt;
  return reduce_values<kind, double>(x, values, *gone, keepdims);
}

// Axes became an input with opset 13 for ReduceSum, with 18 for the others.
constexpr BecameInputs kAxes{18, {"axes"}};

OP("ReduceSum", {.infer = infer_reduce,
                 .ints = ints_reduce,
                 .fold = fold_reduce<Kind::kSum>,
                 .traits = kReduces | kKeepsNonNegative,
                 .became_inputs = {13, {"axes"}}});

OP("ReduceMean", {.infer = infer_reduce,
                  .fold = fold_reduce<Kind::kMean>,
                  .traits = kReduces | kKeepsNonNegative,
                  .became_inputs = kAxes});

OP("ReduceProd", {.infer = infer_reduce,
                  .ints = ints_reduce,
                  .fold = fold_reduce<Kind::kProd>,
                  .traits = kReduces,
                  .became_inputs = kAxes});

OP("ReduceMax", {.infer = infer_reduce,
                 .ints = ints_reduce,
                 .fold = fold_reduce<Kind::kMax>,
                 .traits = kReduces,
                 .became_inputs = kAxes});

OP("ReduceMin", {.infer = infer_reduce,
                 .ints = ints_reduce,
                 .fold = fold_reduce<Kind::kMin>,
                 .traits = kReduces,
                 .became_inputs = kAxes});

OP({"ReduceL1", "ReduceL2", "ReduceSumSquare"},
   {.infer = infer_reduce, .traits = kReduces | kNeverNegative, .became_inputs = kAxes});

OP({"ReduceLogSum", "ReduceLogSumExp"},
   {.infer = infer_reduce, .traits = kReduces, .became_inputs = kAxes});

Status infer_arg(Context& c) {
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
OP({"ArgMax", "ArgMin"}, {.infer = infer_arg});

}  // namespace
}  // namespace onnxport::onnx::ops
