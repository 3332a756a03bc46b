// Activations. Where an ONNX operator of the target opset says exactly the same it is used; below
// that opset its definition is written out with as few nodes as it has.
#include <cmath>

#include "lower/rule.h"

namespace onnxport::lower {

namespace {

// PyTorch's default float type for integer operands of sigmoid, tanh, softmax...
Value floating(Builder& g, Value x) { return is_floating(x->dtype) ? x : g.cast(x, DType::kFloat); }

Value in_dtype(Builder& g, Value x, const std::optional<DType>& dtype) {
  return dtype ? g.cast(x, *dtype) : floating(g, x);
}

// x * 0.5 * (1 + erf(x / sqrt 2)), in the order that ONNX Runtime knows as one kernel.
Value gelu_exact(Builder& g, Value x) {
  if (g.opset() >= 20) return g.op("Gelu", {x});
  Value erf = g.op("Erf", {g.div(x, g.scalar_like(std::sqrt(2.0), x))});
  return g.mul(g.mul(x, g.add(erf, g.scalar_like(1, x))), g.scalar_like(0.5, x));
}

// 0.5 x (1 + tanh(x (a + a b x^2))), a = sqrt(2/pi), b = 0.044715
Value gelu_tanh(Builder& g, Value x) {
  if (g.opset() >= 20) return g.op("Gelu", {x}, {{"approximate", "tanh"}});
  const double a = std::sqrt(2.0 / M_PI);
  Value factor = g.add(g.mul(g.mul(x, x), g.scalar_like(a * 0.044715, x)), g.scalar_like(a, x));
  Value tanh = g.op("Tanh", {g.mul(x, factor)});
  return g.mul(g.mul(x, g.add(tanh, g.scalar_like(1, x))), g.scalar_like(0.5, x));
}

Value softplus(Builder& g, Value x, double beta, double threshold) {
  Value scaled = beta == 1 ? x : g.mul(x, g.scalar_like(beta, x));
  Value soft = g.op("Softplus", {scaled});
  if (beta != 1) soft = g.div(soft, g.scalar_like(beta, x));
  // From 20 on log(1 + exp(x)) rounds to x, so that the threshold does not show.
  if (threshold >= 20) return soft;
  return g.where(g.op("Greater", {scaled, g.scalar_like(threshold, x)}), x, soft);
}

// scale * (x > 0 ? x : alpha (exp(input_scale x) - 1)); Elu does it for scale = input_scale = 1.
Value elu(Builder& g, Value x, double alpha, double scale, double input_scale) {
  Value y = input_scale == 1 ? x : g.mul(x, g.scalar_like(input_scale, x));
  y = g.op("Elu", {y}, {{"alpha", alpha * input_scale}});
  const double outer = scale / input_scale;
  return outer == 1 ? y : g.mul(y, g.scalar_like(outer, x));
}

// The weight belongs to axis 1; ONNX broadcasts it from the right.
Value prelu(Builder& g, Value x, Value weight) {
  const Shape& sizes = Builder::shape(weight);
  if (sizes.size() > 1) refuse("the weight of prelu has more than one dimension");
  if (sizes.size() == 1 && !sizes[0].is_const(1) && Builder::rank(x) > 2) {
    Shape broadcast(static_cast<size_t>(Builder::rank(x) - 1), Expr(1));
    broadcast[0] = sizes[0];
    weight = g.reshape(weight, broadcast);
  }
  return g.op("PRelu", {x, g.cast(weight, x->dtype)});
}

Value log_softmax(Builder& g, Value x, int64_t dim) {
  if (Builder::rank(x) == 0) return g.sub(x, x);
  return g.op("LogSoftmax", {x}, {{"axis", Builder::axis(dim, x)}});
}

// Softmax that gives zeros, not NaN, for a row of -inf only.
Value safe_softmax(Builder& g, Value x, int64_t dim) {
  Value soft = g.softmax(x, dim);
  return g.where(g.op("IsNaN", {soft}), g.scalar_like(0, x), soft);
}

}  // namespace

LOWER("aten::relu(Tensor self) -> Tensor", [](Builder& g, Value x) {
  if (is_floating(x->dtype) || g.opset() >= 14) return g.op("Relu", {x});
  return g.op("Max", {x, g.scalar_like(0, x)});
});
LOWER("aten::relu6(Tensor self) -> Tensor", [](Builder& g, Value x) { return g.clip(x, 0, 6); });
LOWER("aten::hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor",
      [](Builder& g, Value x, double low, double high) { return g.clip(x, low, high); });
LOWER("aten::gelu(Tensor self, *, str approximate=\"none\") -> Tensor",
      [](Builder& g, Value x, std::string approximate) {
        return approximate == "tanh" ? gelu_tanh(g, x) : gelu_exact(g, x);
      });
LOWER("aten::sigmoid(Tensor self) -> Tensor",
      [](Builder& g, Value x) { return g.op("Sigmoid", {floating(g, x)}); });
LOWER("aten::silu(Tensor self) -> Tensor",
      [](Builder& g, Value x) { return g.mul(x, g.op("Sigmoid", {x})); });
LOWER("aten::mish(Tensor self) -> Tensor", [](Builder& g, Value x) {
  if (g.opset() >= 18) return g.op("Mish", {x});
  return g.mul(x, g.op("Tanh", {g.op("Softplus", {x})}));
});
LOWER("aten::hardsigmoid(Tensor self) -> Tensor", [](Builder& g, Value x) {
  return g.op("HardSigmoid", {x}, {{"alpha", 1.0 / 6}, {"beta", 0.5}});
});
LOWER("aten::hardswish(Tensor self) -> Tensor", [](Builder& g, Value x) {
  if (g.opset() >= 14) return g.op("HardSwish", {x});
  return g.mul(x, g.op("HardSigmoid", {x}, {{"alpha", 1.0 / 6}, {"beta", 0.5}}));
});
LOWER("aten::leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor",
      [](Builder& g, Value x, double slope) {
        return g.op("LeakyRelu", {x}, {{"alpha", slope}});
      });
LOWER(
    "aten::rrelu(Tensor self, Scalar lower=0.125, Scalar upper=0.33333333333333331, bool training=False, Generator? generator=None) -> Tensor",
    [](Builder& g, Value x, double low, double high, bool training, Ignored) {
      if (training) refuse("rrelu is in training mode; call model.eval() before exporting");
      return g.op("LeakyRelu", {x}, {{"alpha", (low + high) / 2}});
    });
LOWER("aten::elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor",
      elu);
LOWER("aten::selu(Tensor self) -> Tensor", [](Builder& g, Value x) { return g.op("Selu", {x}); });
LOWER("aten::celu(Tensor self, Scalar alpha=1.) -> Tensor",
      [](Builder& g, Value x, double alpha) { return elu(g, x, alpha, 1, 1 / alpha); });
LOWER("aten::prelu(Tensor self, Tensor weight) -> Tensor", prelu);
LOWER("aten::_prelu_kernel(Tensor self, Tensor weight) -> Tensor",
      [](Builder& g, Value x, Value weight) {
        return g.op("PRelu", {x, weight});
      });
LOWER("aten::softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor", softplus);
// -softplus(-x): exact where log(sigmoid(x)) would be -inf
LOWER("aten::log_sigmoid(Tensor self) -> Tensor",
      [](Builder& g, Value x) { return g.op("Neg", {g.op("Softplus", {g.op("Neg", {x})})}); });
LOWER("aten::threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor", [](Builder& g,
                                                                                   Value x,
                                                                                   double threshold,
                                                                                   double value) {
  if (value == 0 && is_floating(x->dtype)) {
    return g.op("ThresholdedRelu", {x}, {{"alpha", threshold}});
  }
  return g.where(g.op("Greater", {x, g.scalar_like(threshold, x)}), x, g.scalar_like(value, x));
});
LOWER("aten::hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor",
      [](Builder& g, Value x, double lambd) {
        return g.op("Shrink", {x}, {{"bias", 0.0}, {"lambd", lambd}});
      });
LOWER("aten::softshrink(Tensor self, Scalar lambd=0.5) -> Tensor",
      [](Builder& g, Value x, double lambd) {
        return g.op("Shrink", {x}, {{"bias", lambd}, {"lambd", lambd}});
      });
LOWER("aten::glu(Tensor self, int dim=-1) -> Tensor", [](Builder& g, Value x, int64_t dim) {
  auto half = exact_div(Builder::shape(x)[static_cast<size_t>(Builder::axis(dim, x))], Expr(2));
  if (!half) refuse("glu needs a size that is surely even");
  Values halves = g.split(x, dim, {*half, *half});
  return g.mul(halves[0], g.op("Sigmoid", {halves[1]}));
});

LOWER("aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
      [](Builder& g, Value x, int64_t dim, std::optional<DType> dtype) {
        return g.softmax(in_dtype(g, x, dtype), dim);
      });
LOWER("aten::_softmax(Tensor self, int dim, bool half_to_float) -> Tensor",
      [](Builder& g, Value x, int64_t dim, bool half_to_float) {
        return g.softmax(half_to_float ? g.cast(x, DType::kFloat) : x, dim);
      });
LOWER("aten::_safe_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
      [](Builder& g, Value x, int64_t dim, std::optional<DType> dtype) {
        return safe_softmax(g, in_dtype(g, x, dtype), dim);
      });
LOWER("aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
      [](Builder& g, Value x, int64_t dim, std::optional<DType> dtype) {
        return log_softmax(g, in_dtype(g, x, dtype), dim);
      });
LOWER("aten::_log_softmax(Tensor self, int dim, bool half_to_float) -> Tensor",
      [](Builder& g, Value x, int64_t dim, bool half_to_float) {
        return log_softmax(g, half_to_float ? g.cast(x, DType::kFloat) : x, dim);
      });

}  // namespace onnxport::lower
