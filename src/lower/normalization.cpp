// Normalizations. Statistics that depend on the batch in training mode are refused: the file would
// not compute what the trained model computes.
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "lower/rule.h"

namespace onnxport::lower {

namespace {

constexpr const char* kTraining =
    "normalization is in training mode (statistics of the batch); call model.eval() before exporting";

// A constant of known size, for a scale of 1 or a bias of 0 that an ONNX operator insists on.
Value filled(Builder& g, const Shape& sizes, double value, DType dtype) {
  std::vector<int64_t> dims;
  for (const Expr& e : sizes) {
    if (!e.is_const()) refuse("normalization over a size that is not a known number");
    dims.push_back(e.value());
  }
  return g.constant(Tensor::filled(dtype, dims, value));
}

Value or_filled(Builder& g, const std::optional<Value>& x, const Shape& sizes, double value,
                DType dtype) {
  return x ? *x : filled(g, sizes, value, dtype);
}

Expr channels(Value x) {
  const Shape& sizes = Builder::shape(x);
  if (sizes.size() < 2) refuse("normalization over channels needs at least two dimensions");
  return sizes[1];
}

// [C] as [C, 1, 1...], to be broadcast over an x of this rank.
Value per_channel(Builder& g, Value weight, int64_t rank) {
  Shape sizes(static_cast<size_t>(rank - 1), Expr(1));
  sizes[0] = product(Builder::shape(weight));
  return g.reshape(weight, sizes);
}

Value affine(Builder& g, Value x, const std::optional<Value>& weight,
             const std::optional<Value>& bias) {
  if (weight) x = g.mul(x, *weight);
  return bias ? g.add(x, *bias) : x;
}

// Without running statistics the tensor's own are asked for, outside training too (weights are
// standardized so).
Value by_own_statistics(Builder& g, Value x, std::optional<Value> weight, std::optional<Value> bias,
                        double eps) {
  const int64_t rank = Builder::rank(x);
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < rank; ++i) {
    if (i != 1) axes.push_back(i);
  }
  Value centered = g.sub(x, g.reduce("ReduceMean", x, axes, true));
  Value variance = g.reduce("ReduceMean", g.mul(centered, centered), axes, true);
  Value deviation = g.op("Sqrt", {g.add(variance, g.scalar_like(eps, x))});
  if (weight) weight = per_channel(g, *weight, rank);
  if (bias) bias = per_channel(g, *bias, rank);
  return affine(g, g.div(centered, deviation), weight, bias);
}

Value batch_norm(Builder& g, Value x, std::optional<Value> weight, std::optional<Value> bias,
                 std::optional<Value> mean, std::optional<Value> var, bool training, double eps) {
  if (!mean && !var) return by_own_statistics(g, x, weight, bias, eps);
  if (training || !mean || !var) refuse(kTraining);
  const Shape c = {channels(x)};
  return g.op("BatchNormalization",
              {x, or_filled(g, weight, c, 1, (*mean)->dtype),
               or_filled(g, bias, c, 0, (*mean)->dtype), *mean, *var},
              {{"epsilon", eps}});
}

Value instance_norm(Builder& g, Value x, std::optional<Value> weight, std::optional<Value> bias,
                    double eps) {
  const Shape c = {channels(x)};
  return g.op("InstanceNormalization",
              {x, or_filled(g, weight, c, 1, x->dtype), or_filled(g, bias, c, 0, x->dtype)},
              {{"epsilon", eps}});
}

// Below opset 21: each group is one channel of an InstanceNormalization.
Value group_norm(Builder& g, Value x, int64_t groups, std::optional<Value> weight,
                 std::optional<Value> bias, double eps) {
  const Expr c = channels(x);
  if (c == Expr(groups) && Builder::rank(x) > 2) return instance_norm(g, x, weight, bias, eps);
  if (g.opset() >= 21) {
    return g.op("GroupNormalization",
                {x, or_filled(g, weight, {c}, 1, x->dtype), or_filled(g, bias, {c}, 0, x->dtype)},
                {{"epsilon", eps}, {"num_groups", groups}});
  }
  const Shape sizes = Builder::shape(x);
  auto rest = exact_div(product(Shape(sizes.begin() + 1, sizes.end())), Expr(groups));
  if (!rest) refuse(fmt::format("{} channels do not divide into {} groups", c.str(), groups));
  Value y = g.reshape(x, {sizes[0], Expr(groups), *rest});
  y = g.reshape(instance_norm(g, y, std::nullopt, std::nullopt, eps), sizes);
  if (weight) weight = per_channel(g, *weight, Builder::rank(x));
  if (bias) bias = per_channel(g, *bias, Builder::rank(x));
  return affine(g, y, weight, bias);
}

std::vector<int64_t> last_axes(Value x, size_t count) {
  std::vector<int64_t> axes(count);
  std::iota(axes.begin(), axes.end(), Builder::rank(x) - static_cast<int64_t>(count));
  return axes;
}

// x / sqrt(mean(x^2) + eps) over the axes.
Value divide_by_rms(Builder& g, Value x, const std::vector<int64_t>& axes, double eps) {
  Value mean = g.reduce("ReduceMean", g.mul(x, x), axes, true);
  return g.div(x, g.op("Sqrt", {g.add(mean, g.scalar_like(eps, x))}));
}

Value layer_norm(Builder& g, Value x, Shape normalized, std::optional<Value> weight,
                 std::optional<Value> bias, double eps) {
  const std::vector<int64_t> axes = last_axes(x, normalized.size());
  if (g.opset() >= 17) {
    Value scale = or_filled(g, weight, normalized, 1, x->dtype);
    const auto axis = -static_cast<int64_t>(normalized.size());
    return g.op("LayerNormalization", {x, scale, bias.value_or(nullptr)},
                {{"axis", axis}, {"epsilon", eps}});
  }
  Value centered = g.sub(x, g.reduce("ReduceMean", x, axes, true));
  return affine(g, divide_by_rms(g, centered, axes, eps), weight, bias);
}

double epsilon(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return 0.0009765625;
    case DType::kBFloat16:
      return 0.0078125;
    case DType::kDouble:
      return 2.220446049250313e-16;
    default:
      return 1.1920928955078125e-07;
  }
}

// Below opset 23 written out, in float32 for the half types as PyTorch computes it.
Value rms_norm(Builder& g, Value x, Shape normalized, std::optional<Value> weight,
               std::optional<double> eps) {
  const DType dtype = x->dtype;
  const bool half = byte_size(dtype) == 2;
  // PyTorch takes the machine epsilon of the type that it computes in.
  const double e = eps.value_or(epsilon(half ? DType::kFloat : dtype));
  if (g.opset() >= 23) {
    return g.op("RMSNormalization", {x, or_filled(g, weight, normalized, 1, dtype)},
                {{"axis", -static_cast<int64_t>(normalized.size())}, {"epsilon", e}});
  }
  if (half) x = g.cast(x, DType::kFloat);
  Value y = divide_by_rms(g, x, last_axes(x, normalized.size()), e);
  if (weight) y = g.mul(y, g.cast(*weight, y->dtype));
  return g.cast(y, dtype);
}

}  // namespace

LOWER(
    "aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor",
    [](Builder& g, Value x, std::optional<Value> weight, std::optional<Value> bias,
       std::optional<Value> mean, std::optional<Value> var, bool training, Ignored, double eps,
       Ignored) { return batch_norm(g, x, weight, bias, mean, var, training, eps); });
LOWER(
    "aten::native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    [](Builder& g, Value x, std::optional<Value> weight, std::optional<Value> bias,
       std::optional<Value> mean, std::optional<Value> var, bool training, Ignored, double eps) {
      return Values{batch_norm(g, x, weight, bias, mean, var, training, eps), nullptr, nullptr};
    });
LOWER(
    "aten::_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    [](Builder& g, Value x, std::optional<Value> weight, std::optional<Value> bias, Value mean,
       Value var, Ignored, double eps) {
      return Values{batch_norm(g, x, weight, bias, mean, var, false, eps), nullptr, nullptr};
    });
LOWER(
    "aten::instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor",
    [](Builder& g, Value x, std::optional<Value> weight, std::optional<Value> bias,
       std::optional<Value> mean, std::optional<Value> var, bool use_input_stats, Ignored,
       double eps, Ignored) {
      if (use_input_stats) return instance_norm(g, x, weight, bias, eps);
      return batch_norm(g, x, weight, bias, mean, var, false, eps);
    });
LOWER(
    "aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enabled=True) -> Tensor",
    [](Builder& g, Value x, int64_t groups, std::optional<Value> weight, std::optional<Value> bias,
       double eps, Ignored) { return group_norm(g, x, groups, weight, bias, eps); });
LOWER(
    "aten::native_group_norm(Tensor input, Tensor? weight, Tensor? bias, SymInt N, SymInt C, SymInt HxW, int group, float eps) -> (Tensor, Tensor, Tensor)",
    [](Builder& g, Value x, std::optional<Value> weight, std::optional<Value> bias, Ignored,
       Ignored, Ignored, int64_t groups, double eps) {
      return Values{group_norm(g, x, groups, weight, bias, eps), nullptr, nullptr};
    });
LOWER(
    "aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor",
    [](Builder& g, Value x, Shape normalized, std::optional<Value> weight,
       std::optional<Value> bias, double eps,
       Ignored) { return layer_norm(g, x, normalized, weight, bias, eps); });
LOWER(
    "aten::native_layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)",
    [](Builder& g, Value x, Shape normalized, std::optional<Value> weight,
       std::optional<Value> bias, double eps) {
      return Values{layer_norm(g, x, normalized, weight, bias, eps), nullptr, nullptr};
    });
LOWER(
    "aten::rms_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
    rms_norm);
LOWER(
    "aten::_fused_rms_norm(Tensor input, int[] normalized_shape, Tensor? weight, float? eps) -> (Tensor, Tensor)",
    [](Builder& g, Value x, Shape normalized, std::optional<Value> weight,
       std::optional<double> eps) {
      return Values{rms_norm(g, x, normalized, weight, eps), nullptr};
    });

}  // namespace onnxport::lower
