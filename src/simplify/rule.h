// RULE(name, "OpType", ...) { body }: one local rewrite. The line above it says before => after.
//
//   // Cast(x, to: T)  =>  x        when x is already a T
//   RULE(drop_same_type_cast, "Cast") {
//     if (node.input(0)->dtype != to) return no_match("the types differ");
//     return replace_with(node.input(0));
//   }
//
// The body sees `Rewriter& r`, `onnx::Node& node`. It either leaves the graph untouched and returns
// no_match(why), or has made its change through `r` and returns done(). Rules with float rounding
// say so: RULE_ROUNDING. What a rule touches is put back on the work list by `r`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/graph.h"

namespace onnxport::simplify {

using onnx::Attributes;
using onnx::Node;
using onnx::Value;

// The outcome of trying a rule.
struct Outcome {
  bool changed;
  const char* reason;  // of no match, for --trace-rules
};
inline Outcome no_match(const char* why) { return {false, why}; }
inline Outcome done() { return {true, ""}; }

// A rule's hands: every change goes through it, so that the work list stays right.
class Rewriter {
 public:
  virtual ~Rewriter() = default;
  virtual int64_t opset() const = 0;
  // A new node before `node` (or before `before`), shapes inferred.
  virtual Value* op(std::string_view op_type, std::vector<Value*> inputs,
                    Attributes attributes = {}, Node* before = nullptr) = 0;
  // The same, for more outputs.
  virtual Node* op_n(std::string_view op_type, std::vector<Value*> inputs, Attributes attributes,
                     size_t outputs, Node* before = nullptr) = 0;
  virtual Value* constant(Tensor tensor, std::string_view name_hint) = 0;
  // node's first output becomes `value` everywhere (see Graph::replace); node dies if unused.
  virtual void replace(Node& node, Value* value) = 0;
  virtual void replace_value(Value* old_value, Value* new_value) = 0;
  virtual void set_input(Node& node, size_t index, Value* value) = 0;
  virtual void touch(Node& node) = 0;  // attributes changed in place
  // Another operator in place of node's; its inputs and outputs stay.
  virtual void change_op(Node& node, std::string_view op_type, Attributes attributes) = 0;
  virtual void drop_inputs_from(Node& node, size_t first) = 0;
  // The nodes of one of node's bodies take its place; the body's outputs become node's.
  virtual void inline_body(Node& node, onnx::Graph& body) = 0;
};

struct Rule {
  const char* name;
  std::vector<std::string> op_types;  // default domain
  bool rounding;                      // changes float results within rounding
  Outcome (*apply)(Rewriter& r, Node& node);
};
bool register_rule(Rule rule);
std::vector<const Rule*> all_rules();  // sorted by name: order of registration is moot

}  // namespace onnxport::simplify

#define ONNXPORT_RULE(rule_name, is_rounding, ...)                                              \
  static ::onnxport::simplify::Outcome rule_name(::onnxport::simplify::Rewriter& r,             \
                                                 ::onnxport::onnx::Node& node);                 \
  static const bool registered_##rule_name [[maybe_unused]] =                                   \
      ::onnxport::simplify::register_rule({#rule_name, {__VA_ARGS__}, is_rounding, rule_name}); \
  static ::onnxport::simplify::Outcome rule_name(                                               \
      [[maybe_unused]] ::onnxport::simplify::Rewriter& r, ::onnxport::onnx::Node& node)
#define RULE(rule_name, ...) ONNXPORT_RULE(rule_name, false, __VA_ARGS__)
#define RULE_ROUNDING(rule_name, ...) ONNXPORT_RULE(rule_name, true, __VA_ARGS__)
