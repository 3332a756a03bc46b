#include "read/mutating_ops.h"

#include <unordered_set>

namespace onnxport::read {

namespace {

using Names = std::unordered_set<std::string_view>;

// Names without `aten::` and the trailing `_`; the functional call takes the same arguments.
const Names& functional_variants() {
  static const Names kNames = {
      // one argument
      "abs",
      "absolute",
      "acos",
      "acosh",
      "arccos",
      "arccosh",
      "arcsin",
      "arcsinh",
      "arctan",
      "arctanh",
      "asin",
      "asinh",
      "atan",
      "atanh",
      "bitwise_not",
      "ceil",
      "cos",
      "cosh",
      "deg2rad",
      "digamma",
      "erf",
      "erfc",
      "erfinv",
      "exp",
      "exp2",
      "expm1",
      "fix",
      "floor",
      "frac",
      "i0",
      "lgamma",
      "log",
      "log10",
      "log1p",
      "log2",
      "logit",
      "nan_to_num",
      "neg",
      "negative",
      "rad2deg",
      "reciprocal",
      "round",
      "rsqrt",
      "sgn",
      "sign",
      "sigmoid",
      "sin",
      "sinc",
      "sinh",
      "sqrt",
      "square",
      "tan",
      "tanh",
      "trunc",
      "tril",
      "triu",
      "mvlgamma",
      "polygamma",
      "cumsum",
      "cumprod",
      "renorm",
      // activations
      "celu",
      "elu",
      "gelu",
      "hardsigmoid",
      "hardswish",
      "hardtanh",
      "leaky_relu",
      "mish",
      "relu",
      "relu6",
      "rrelu",
      "selu",
      "silu",
      "threshold",
      "clamp",
      "clamp_max",
      "clamp_min",
      "clip",
      // several
      "add",
      "addbmm",
      "addcdiv",
      "addcmul",
      "addmm",
      "addmv",
      "addr",
      "atan2",
      "arctan2",
      "baddbmm",
      "bitwise_and",
      "bitwise_left_shift",
      "bitwise_or",
      "bitwise_right_shift",
      "bitwise_xor",
      "copysign",
      "div",
      "divide",
      "float_power",
      "floor_divide",
      "fmod",
      "gcd",
      "heaviside",
      "hypot",
      "igamma",
      "igammac",
      "lcm",
      "ldexp",
      "lerp",
      "mul",
      "multiply",
      "nextafter",
      "pow",
      "remainder",
      "sub",
      "subtract",
      "true_divide",
      "xlogy",
      // by index
      "index_add",
      "index_copy",
      "index_fill",
      "index_put",
      "_index_put_impl",
      "index_reduce",
      "masked_fill",
      "masked_scatter",
      "put",
      "scatter",
      "scatter_add",
      "scatter_reduce",
      // random: functional variants exist, no lowering does, which is how they get reported
      "bernoulli",
      "cauchy",
      "exponential",
      "geometric",
      "log_normal",
      "normal",
      "random",
      "uniform",
  };
  return kNames;
}

const Names& comparisons() {
  static const Names kNames = {"eq",          "ge",          "greater",    "greater_equal",
                               "gt",          "le",          "less",       "less_equal",
                               "logical_and", "logical_not", "logical_or", "logical_xor",
                               "lt",          "ne",          "not_equal"};
  return kNames;
}

const Names& size_changes() {
  static const Names kNames = {"squeeze", "unsqueeze", "t", "transpose", "swapaxes", "swapdims"};
  return kNames;
}

bool writes_out(const aten::Node& node) {
  if (node.op.starts_with("higher_order::")) return false;
  return node.overload == "out" || node.overload.ends_with("_out") || node.arg("out") != nullptr;
}

bool is_false(const aten::Arg* arg) {
  const bool* flag = arg == nullptr ? nullptr : arg->as<bool>();
  return flag != nullptr && !*flag;
}

InPlace dropout(const aten::Node& node, std::string functional) {
  if (is_false(node.arg("train"))) return {InPlace::Kind::kNothing, ""};
  return {InPlace::Kind::kFunctional, std::move(functional), "input"};
}

}  // namespace

std::optional<InPlace> in_place(const aten::Node& node) {
  constexpr std::string_view kAten = "aten::";
  if (writes_out(node)) return InPlace{InPlace::Kind::kUnknown, ""};
  if (!node.op.ends_with('_') || node.op.ends_with("__")) return std::nullopt;
  if (!node.op.starts_with(kAten)) return InPlace{InPlace::Kind::kUnknown, ""};
  std::string functional = node.op.substr(0, node.op.size() - 1);
  std::string_view name = std::string_view(functional).substr(kAten.size());
  if (name.ends_with("dropout")) return dropout(node, functional);
  if (name == "copy") return InPlace{InPlace::Kind::kCopy, ""};
  if (name == "fill") return InPlace{InPlace::Kind::kFill, ""};
  if (name == "zero") return InPlace{InPlace::Kind::kZero, ""};
  if (name == "requires_grad" || name == "detach") return InPlace{InPlace::Kind::kNothing, ""};
  if (name == "_index_put_impl") return InPlace{InPlace::Kind::kFunctional, "aten::index_put"};
  if (comparisons().contains(name)) return InPlace{InPlace::Kind::kCompare, functional};
  if (size_changes().contains(name)) return InPlace{InPlace::Kind::kReshape, functional};
  if (functional_variants().contains(name)) return InPlace{InPlace::Kind::kFunctional, functional};
  return InPlace{InPlace::Kind::kUnknown, ""};
}

}  // namespace onnxport::read
