// What rules match on: what is constant, which node produces a value, what uses it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/axis.h"
#include "onnx/known_ints.h"
#include "onnx/ops/op_def.h"
#include "simplify/rule.h"

namespace onnxport::simplify {

using onnx::axis_of;
using onnx::has_trait;
using onnx::known_numbers;
using onnx::list_of;
using onnx::perm_of;
using onnx::Trait;

// The node that produces `v`, if it is `op_type` of the default domain in user's own graph.
Node* producer(const Value* v, std::string_view op_type, const Node& user);
Node* producer(const Value* v, const Node& user);  // whatever operator it is

bool reshapes(const Node* node);  // Reshape, Squeeze, Unsqueeze or Flatten; null is none
bool used_once(const Value* v);   // by one node, and no graph output

// Whether `old_value` can become `new_value` everywhere without an Identity being needed.
bool can_replace(const Value* old_value, const Value* new_value);
// replace(node, value), or no_match when it would need an Identity.
Outcome replace_if_possible(Rewriter& r, Node& node, Value* value);

bool has_constant_inputs(const Node& node);       // those that are there; it may have none
const Tensor* constant_of(const Value* v);        // null: not constant, or v is null
std::optional<double> scalar_of(const Value* v);  // a constant with one element
bool is_scalar(const Value* v, double value, double tolerance = 0);
bool all_equal(const Tensor& t, double value);  // small numeric constants only

bool same_shape(const Value* a, const Value* b);             // both known and provably equal
std::optional<int64_t> dim_of(const Value* v, size_t axis);  // known size
bool is_float(const Value* v);                               // float32 or float64

// Numbers for Reshape's shape input that turn `from` into `to`: sizes, 0 (copied), one -1.
std::optional<std::vector<int64_t>> reshape_target(const Shape& from, const Shape& to);
// A Reshape of x that gives `to`, or null when that cannot be written with constants.
Value* reshaped(Rewriter& r, Value* x, const Shape& to);

// What people know a node by: its name, or that of its first output.
std::string name_of(const Node& node);

// What was made stands where another node stood: its node takes that name (and origin). A constant,
// which is what a node of constants folds to, has no node.
void name_producer(Value* made, const std::string& name);
void stand_for(Value* made, const Node& old_node);

// Constants in float64, computed elementwise with x's dims; dtype as x.
Tensor map_constant(const Tensor& x, double (*f)(double));
// A constant that broadcasts along one axis of an output with `rank` axes: its values along `axis`
// (count of them), or nullopt. A scalar gives `count` equal values.
std::optional<std::vector<double>> along_axis(const Tensor& t, size_t rank, size_t axis,
                                              int64_t count);
Tensor tensor_of(DType dtype, const std::vector<double>& values);  // 1-D, float32 or float64

}  // namespace onnxport::simplify
