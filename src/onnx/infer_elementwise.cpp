// Operators whose output is as large as their inputs together, broadcast.
#include "onnx/infer_rule.h"

namespace onnxport::onnx::inference {
namespace {

Status same(Context& c) {
  c.out(0, c.dtype(0), c.shape(0));
  return {};
}

Status same_bool(Context& c) {
  c.out(0, DType::kBool, c.shape(0));
  return {};
}

// Broadcasts the inputs from `first` on; null when a shape is unknown.
Result<std::optional<Shape>> broadcast_inputs(Context& c, size_t first = 0) {
  std::optional<Shape> all;
  for (size_t i = first; i < c.node.inputs.size(); ++i) {
    if (!c.has(i)) continue;
    const Shape* s = c.shape(i);
    if (s == nullptr) return std::optional<Shape>();
    if (!all) {
      all = *s;
      continue;
    }
    std::optional<Shape> both = broadcast(*all, *s);
    if (!both) {
      return c.wrong("shapes " + to_string(*all) + " and " + to_string(*s) + " do not broadcast")
          .error();
    }
    all = std::move(both);
  }
  return all;
}

Status broadcast_to(Context& c, DType dtype) {
  TRY_ASSIGN(std::optional<Shape> all, broadcast_inputs(c));
  c.out(0, dtype, all ? &*all : nullptr);
  return {};
}

Status binary(Context& c) {
  DType dtype = c.dtype(0);
  if (dtype == DType::kUndefined && !c.node.is("Pow")) dtype = c.dtype(1);
  return broadcast_to(c, dtype);
}

Status comparison(Context& c) { return broadcast_to(c, DType::kBool); }

Status where(Context& c) {
  return broadcast_to(c, c.dtype(1) != DType::kUndefined ? c.dtype(1) : c.dtype(2));
}

Status cast(Context& c) {
  c.out(0, c.dtype_attr("to", DType::kUndefined), c.shape(0));
  return {};
}

Status cast_like(Context& c) {
  c.out(0, c.dtype(1), c.shape(0));
  return {};
}

Status dropout(Context& c) {
  c.out(0, c.dtype(0), c.shape(0));
  c.out(1, c.opset >= 10 ? DType::kBool : c.dtype(0), c.shape(0));
  return {};
}

Status quantize(Context& c) {
  DType dtype = c.has(2) ? c.dtype(2) : c.dtype_attr("output_dtype", DType::kUint8);
  if (!c.has(2) && dtype == DType::kUndefined) dtype = DType::kUint8;
  c.out(0, dtype, c.shape(0));
  return {};
}

Status dequantize(Context& c) {
  const DType named = c.dtype_attr("output_dtype", DType::kUndefined);
  c.out(0,
        named != DType::kUndefined ? named
        : c.opset >= 19            ? c.dtype(1)
                                   : DType::kFloat,
        c.shape(0));
  return {};
}

Status dynamic_quantize(Context& c) {
  c.out(0, DType::kUint8, c.shape(0));
  c.out(1, DType::kFloat, Shape{});
  c.out(2, DType::kUint8, Shape{});
  return {};
}

// RandomNormalLike, RandomUniformLike, Bernoulli, EyeLike: the type may be named.
Status like(Context& c) {
  c.out(0, c.dtype_attr("dtype", c.dtype(0)), c.shape(0));
  return {};
}

Status random(Context& c) {
  Shape shape;
  for (int64_t d : c.attrs("shape")) shape.emplace_back(d);
  c.out(0, c.dtype_attr("dtype", DType::kFloat), shape);
  return {};
}

}  // namespace

void add_elementwise_rules(Table& t) {
  for (const char* op : {"Abs",
                         "Acos",
                         "Acosh",
                         "Asin",
                         "Asinh",
                         "Atan",
                         "Atanh",
                         "BitwiseNot",
                         "Ceil",
                         "Celu",
                         "Clip",
                         "Cos",
                         "Cosh",
                         "CumSum",
                         "CumProd",
                         "Elu",
                         "Erf",
                         "Exp",
                         "Floor",
                         "Gelu",
                         "HardSigmoid",
                         "HardSwish",
                         "Hardmax",
                         "Identity",
                         "LeakyRelu",
                         "Log",
                         "LogSoftmax",
                         "LpNormalization",
                         "LRN",
                         "MeanVarianceNormalization",
                         "Mish",
                         "Neg",
                         "Not",
                         "Reciprocal",
                         "Relu",
                         "Round",
                         "Selu",
                         "Shrink",
                         "Sigmoid",
                         "Sign",
                         "Sin",
                         "Sinh",
                         "Softmax",
                         "Softplus",
                         "Softsign",
                         "Sqrt",
                         "Swish",
                         "Tan",
                         "Tanh",
                         "ThresholdedRelu",
                         "Trilu",
                         "PRelu",
                         "InstanceNormalization",
                         "GroupNormalization",
                         "RotaryEmbedding",
                         "ReverseSequence",
                         "Scatter",
                         "ScatterElements",
                         "ScatterND",
                         "TensorScatter"}) {
    t[op] = same;
  }
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Mod", "Pow", "Max", "Min", "Mean", "Sum",
                         "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"}) {
    t[op] = binary;
  }
  for (const char* op :
       {"And", "Or", "Xor", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}) {
    t[op] = comparison;
  }
  for (const char* op : {"IsNaN", "IsInf"}) t[op] = same_bool;
  for (const char* op : {"RandomNormalLike", "RandomUniformLike", "Bernoulli", "EyeLike"}) {
    t[op] = like;
  }
  for (const char* op : {"RandomNormal", "RandomUniform"}) t[op] = random;
  t["Where"] = where;
  t["Cast"] = cast;
  t["CastLike"] = cast_like;
  t["Dropout"] = dropout;
  t["QuantizeLinear"] = quantize;
  t["DequantizeLinear"] = dequantize;
  t["DynamicQuantizeLinear"] = dynamic_quantize;
}

}  // namespace onnxport::onnx::inference
