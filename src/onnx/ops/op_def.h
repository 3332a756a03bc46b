// All that is known of an ONNX operator, in one row. The rows stand in the family files of this
// folder and register themselves; a new operator is one row there, and its test beside it:
//
//   OP("Floor", {.infer = infer_same, .fold = fold_floor, .traits = kUnary});
//   OP({"And", "Or"}, {.infer = infer_comparison, .traits = kBroadcasts});    the same of each
//
// Whoever asks what an operator is asks its row, and keeps no list of operators of his own.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/expr.h"
#include "base/result.h"
#include "base/tensor.h"
#include "onnx/graph.h"

namespace onnxport::onnx {

enum class Trait : uint32_t {
  // --- how elements go together ------------------------------------------------------------------
  // An element of the output is made of the inputs' elements at its place alone.
  kElementwise = 1U << 0,
  // Of one tensor, the first input; what other inputs there are are single numbers (Clip's limits).
  kUnary = 1U << 1 | kElementwise,
  // All inputs broadcast against each other, as in NumPy.
  kBroadcasts = 1U << 2 | kElementwise,
  // Its inputs may change places.
  kCommutative = 1U << 3,
  // Each element of an output is one of the first input's, unchanged.
  kSelects = 1U << 4,
  // The first input's elements in their order: only the sizes change.
  kReshapes = 1U << 5 | kSelects,
  // One number for all elements along some axes, which are named by `axes` and go, or stay as 1, by
  // `keepdims`.
  kReduces = 1U << 6,
  // --- numbers -----------------------------------------------------------------------------------
  // No element of a float output is below 0 (NaN aside).
  kNeverNegative = 1U << 7,
  // The same, of float inputs that are not below 0: also after rounding.
  kKeepsNonNegative = 1U << 8,
  // Draws random numbers. Of a node, ask is_random().
  kRandom = 1U << 9,
  // --- how files are written ---------------------------------------------------------------------
  // Cheap, and asked for again and again while a model is lowered: equal ones are made once. Which
  // ones is a matter of what files have always looked like, not of the operator.
  kBuiltOnce = 1U << 10,
};

class Traits {
 public:
  constexpr Traits() = default;
  constexpr Traits(Trait trait) : bits_(static_cast<uint32_t>(trait)) {}  // NOLINT(*-explicit-*)
  constexpr bool has(Trait trait) const {
    return (bits_ & static_cast<uint32_t>(trait)) == static_cast<uint32_t>(trait);
  }
  friend constexpr Traits operator|(Traits a, Traits b) {
    a.bits_ |= b.bits_;
    return a;
  }

 private:
  uint32_t bits_ = 0;
};
constexpr Traits operator|(Trait a, Trait b) { return Traits(a) | Traits(b); }

// Of ONNX's own operators; others have no traits.
bool has_trait(const Node& node, Trait trait);
bool has_trait(std::string_view op_type, Trait trait);
// Whether two runs of the node may differ: it draws random numbers, or is a Dropout that may be
// training. Its bodies are not looked into.
bool is_random(const Node& node);

namespace ops {

class Context;  // infer_context.h
struct Call;    // fold_call.h

using Ints = std::vector<Expr>;                      // content of an integer scalar or 1-D tensor
using Tensors = std::optional<std::vector<Tensor>>;  // nullopt: not computed here

// Attributes that became the inputs 1, 2, ... of the same names, with the opset `since`.
struct BecameInputs {
  int since = 0;
  std::array<std::string_view, 3> names{};
};

struct OpDef {
  const char* domain = "";
  // States what it knows of the outputs' types; silence means unknown. An error only for a node
  // that breaks its operator's rules.
  Status (*infer)(Context& c) = nullptr;
  // What the first output contains, asked only where it is an integer or bool scalar or list.
  std::optional<Ints> (*ints)(Context& c) = nullptr;
  // The outputs of a node whose inputs are all constant (see fold.h).
  Tensors (*fold)(const Call& call) = nullptr;
  Traits traits{};
  BecameInputs became_inputs{};
};

// Null: no row. Nodes of other domains than ONNX's own and ONNX Runtime's have none.
const OpDef* find(const Node& node);
const OpDef* find(std::string_view op_type);  // of ONNX's own domain

// The input that the attribute `name` became, whatever the node's opset.
std::optional<size_t> input_of(const Node& node, std::string_view name);

// Every row with its operator.
std::vector<std::pair<std::string_view, const OpDef*>> all();

// The same operator twice is a mistake of the program.
bool define(const char* op_type, OpDef def);
bool define(std::initializer_list<const char*> op_types, OpDef def);

}  // namespace ops
}  // namespace onnxport::onnx

#define ONNXPORT_OP_NAME_OF(number) registered_op_##number
#define ONNXPORT_OP_NAME(number) ONNXPORT_OP_NAME_OF(number)
#define OP(...)                                                      \
  static const bool ONNXPORT_OP_NAME(__COUNTER__) [[maybe_unused]] = \
      ::onnxport::onnx::ops::define(__VA_ARGS__)
