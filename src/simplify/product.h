// Products as their factors: the order and grouping of Mul and Div by a number differ from exporter
// to exporter, what is multiplied does not.
#pragma once

#include <optional>
#include <vector>

#include "simplify/rule.h"

namespace onnxport::simplify {

// node = x * by, `by` one number: Mul with a constant, or Div by one. x is not broadcast.
struct Factor {
  Value* x;
  double by;
};
std::optional<Factor> factor_of(const Node* node);

// v = number * leaves[0] * leaves[1] * ...; what is between is used nowhere else.
struct Product {
  double number = 1;
  std::vector<Value*> leaves;
};
Product product_of(Value* v, const Node& user);

// |a - b| within float32 rounding of b, and a little: constants went through float32 or text.
bool is_about(double a, double b);

}  // namespace onnxport::simplify
