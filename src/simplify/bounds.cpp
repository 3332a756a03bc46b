#include "simplify/bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

using Bound = std::optional<double>;

// However wide and deep the graph before v is, no more of it is looked at.
constexpr int kMaxNodes = 64;

Bound least_element(const Tensor& t) {
  constexpr int64_t kMaxElements = int64_t{1} << 12;
  if (t.numel() == 0 || t.numel() > kMaxElements || !is_plain_number(t.dtype)) return std::nullopt;
  const std::vector<double> values = t.as_doubles();
  if (std::any_of(values.begin(), values.end(), [](double x) { return std::isnan(x); })) {
    return std::nullopt;
  }
  return *std::min_element(values.begin(), values.end());
}

class Search {
 public:
  explicit Search(const Node& user) : user_(user) {}

  Bound of(const Value* v) {  // NOLINT(misc-no-recursion): at most kMaxNodes deep
    if (const Tensor* t = constant_of(v)) return least_element(*t);
    if (v == nullptr || --left_ < 0) return std::nullopt;
    const Node* node = producer(v, user_);
    const Bound found = node != nullptr ? of_node(*node, v->output) : std::nullopt;
    if (found) return found;
    return lowest_of(v->dtype) == 0.0 ? Bound(0) : std::nullopt;
  }

 private:
  Bound of_node(const Node& node, size_t output) {  // NOLINT(misc-no-recursion)
    if (has_trait(node, Trait::kNeverNegative)) return 0.0;
    if (node.is("MaxPool") && output == 0) {
      // Windows with gaps may lie in the padding altogether.
      return node.find("dilations") == nullptr ? of(node.input(0)) : std::nullopt;
    }
    if (has_trait(node, Trait::kSelects)) return of(node.input(0));
    if (node.is("Clip")) return of_clip(node);
    if (node.is("Max")) return greatest(node);
    if (node.is("Min") || node.is("Concat")) return least(node, 0);
    if (node.is("Where")) return least(node, 1);
    // Integers may wrap around. Rounding may take a mean or a sum below the bound of its parts, but
    // not below zero.
    if (has_trait(node, Trait::kKeepsNonNegative) && is_floating(node.output()->dtype)) {
      const bool reduces = has_trait(node, Trait::kReduces);  // its axes are no operand
      const Bound bound = reduces ? of(node.input(0)) : least(node, 0);
      return bound && *bound >= 0 ? Bound(0) : std::nullopt;
    }
    return std::nullopt;
  }

  Bound of_clip(const Node& node) {  // NOLINT(misc-no-recursion)
    const auto limit = [&](const char* name, size_t i) -> Bound {
      if (const auto* a = node.find(name)) {
        const auto* x = std::get_if<float>(&a->v);
        return x != nullptr ? Bound(*x) : std::nullopt;
      }
      return scalar_of(node.input(i));
    };
    const Bound min = limit("min", 1), max = limit("max", 2);
    const bool has_max = node.find("max") != nullptr || node.input(2) != nullptr;
    if (has_max && !max) return std::nullopt;
    const Bound bound = min ? min : of(node.input(0));
    if (!bound || !max) return bound;
    return std::min(*bound, *max);  // a min above max gives max
  }

  Bound greatest(const Node& node) {  // NOLINT(misc-no-recursion)
    Bound found;
    for (const Value* in : node.inputs) {
      const Bound bound = of(in);
      if (bound && (!found || *bound > *found)) found = bound;
    }
    return found;
  }

  Bound least(const Node& node, size_t first) {  // NOLINT(misc-no-recursion)
    Bound found;
    for (size_t i = first; i < node.inputs.size(); ++i) {
      const Bound bound = of(node.inputs[i]);
      if (!bound) return std::nullopt;
      if (!found || *bound < *found) found = bound;
    }
    return found;
  }

  const Node& user_;
  int left_ = kMaxNodes;
};

}  // namespace

std::optional<double> lowest_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
      return std::numeric_limits<float>::lowest();
    case DType::kDouble:
      return std::numeric_limits<double>::lowest();
    case DType::kFloat16:
      return -65504.0;
    case DType::kBFloat16:
      return -3.3895313892515355e38;
    case DType::kInt8:
      return std::numeric_limits<int8_t>::lowest();
    case DType::kInt16:
      return std::numeric_limits<int16_t>::lowest();
    case DType::kInt32:
      return std::numeric_limits<int32_t>::lowest();
    case DType::kInt64:
      return static_cast<double>(std::numeric_limits<int64_t>::lowest());
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
    case DType::kUint64:
      return 0.0;
    default:
      return std::nullopt;
  }
}

std::optional<double> lower_bound_of(const Value* v, const Node& user) {
  return Search(user).of(v);
}

}  // namespace onnxport::simplify
