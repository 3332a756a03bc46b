#include "simplify/product.h"

#include <cmath>

#include "simplify/match.h"

namespace onnxport::simplify {

bool is_about(double a, double b) { return std::abs(a - b) <= 2e-6 * std::abs(b); }

std::optional<Factor> factor_of(const Node* node) {
  if (node == nullptr || (!node->is("Mul") && !node->is("Div"))) return std::nullopt;
  for (size_t i = node->is("Div") ? 1 : 0; i < 2; ++i) {
    const auto by = scalar_of(node->input(i));
    Value* x = node->input(1 - i);
    if (!by || !is_float(x) || constant_of(x) != nullptr) continue;
    if (!same_shape(x, node->output())) continue;
    const double factor = node->is("Div") ? 1 / *by : *by;
    if (!std::isfinite(factor) || factor == 0) return std::nullopt;
    return Factor{x, factor};
  }
  return std::nullopt;
}

Product product_of(Value* v, const Node& user) {
  constexpr size_t kMaxSteps = 8;
  Product product;
  std::vector<Value*> open{v};
  for (size_t step = 0; !open.empty(); ++step) {
    Value* next = open.back();
    open.pop_back();
    Node* node = producer(next, user);
    const bool inside = next == v || used_once(next);
    const bool opens = node != nullptr && inside && step < kMaxSteps;
    const auto factor = opens ? factor_of(node) : std::nullopt;
    if (factor) {
      product.number *= factor->by;
      open.push_back(factor->x);
    } else if (opens && node->is("Mul")) {
      open.push_back(node->input(1));
      open.push_back(node->input(0));
    } else {
      product.leaves.push_back(next);
    }
  }
  return product;
}

}  // namespace onnxport::simplify
