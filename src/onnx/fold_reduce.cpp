// Reductions of small tensors: integers exactly, floats accumulated in double and rounded once.
#include <algorithm>
#include <cmath>
#include <limits>

#include "onnx/fold_rule.h"

namespace onnxport::onnx::folding {
namespace {

enum class Kind { kSum, kMean, kProd, kMax, kMin };

// Which axes go; nullopt when they are out of range or nothing is to be reduced.
std::optional<std::vector<bool>> reduced_axes(const Call& call, size_t rank) {
  const Tensor* input = call.in(1);
  const std::vector<int64_t> axes =
      input != nullptr ? input->as_ints() : call.node.get<Attribute::Ints>("axes", {});
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
Tensors reduce(const Call& call) {
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

}  // namespace

void add_reductions(Table& t) {
  t["ReduceSum"] = reduce<Kind::kSum>;
  t["ReduceMean"] = reduce<Kind::kMean>;
  t["ReduceProd"] = reduce<Kind::kProd>;
  t["ReduceMax"] = reduce<Kind::kMax>;
  t["ReduceMin"] = reduce<Kind::kMin>;
}

}  // namespace onnxport::onnx::folding
