// aten::Program: a straight line of functional ATen calls, with blocks where a branch or a loop
// depends on data. The one form that every reader produces and that lowering and the reference run
// start from; nothing after a reader knows the source format.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/expr.h"
#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::aten {

// Index into Program::values.
struct ValueId {
  int32_t index = -1;
  bool valid() const { return index >= 0; }
  friend bool operator==(ValueId, ValueId) = default;
};

// Words of the schema that are neither tensors nor numbers.
struct Word {
  enum class Kind { kDevice, kLayout, kMemoryFormat, kGenerator } kind;
  std::string text;
  friend bool operator==(const Word&, const Word&) = default;
};

// An argument of a call. Integers and SymInts are both Expr. A tensor list is an ArgList of
// ValueIds (an optional tensor in it may be None).
struct Arg;
using ArgList = std::vector<Arg>;
struct Arg {
  using None = std::monostate;
  std::variant<None, ValueId, Expr, double, bool, std::string, DType, Word, ArgList> v;

  Arg() = default;
  template <typename T>
  Arg(T value) : v(std::move(value)) {}  // NOLINT(*-explicit-*)
  bool is_none() const { return v.index() == 0; }
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&v);
  }
};
std::string to_string(const Arg& arg);  // for messages and dumps

struct NamedArg {
  std::string name;
  Arg arg;
};

// What is known of a value. Scalars (SymInt, SymBool, SymFloat) are values too when a call computes
// them from data (aten::item); size arithmetic never is: readers turn it into Exprs. A scalar's
// dtype is int64, bool or float32 (a Python float), or kUndefined where the source does not say.
struct Value {
  enum class Kind { kTensor, kScalar };
  std::string name;  // unique; the name in the source (`conv2d_3`)
  Kind kind = Kind::kTensor;
  DType dtype = DType::kUndefined;
  std::optional<Shape> shape;    // nullopt: rank not known to the source
  std::optional<Shape> strides;  // in elements, where the source records them; only what
                                 // follows aliases (read/functionalize.h) has use for them
  std::optional<Expr> scalar;    // kScalar: the symbol that stands for it (`u0`)
};

struct Node;

// The body of a branch or a loop. It may use every value that is defined before the node that it
// belongs to; what it defines, symbols of its scalars included, is not seen outside.
struct Block {
  std::vector<ValueId> inputs;
  std::vector<Node> nodes;
  std::vector<Arg> outputs;  // a value, or a number (Expr, bool, double) where that is a scalar
};

// Control flow is two operators with blocks:
//
//   prim::If(condition) [then, else]
//     condition: a ValueId, a bool scalar or a bool tensor of one element. The blocks have no
//     inputs and as many outputs as the node.
//   prim::Loop(max_trip_count, condition, carried) [body]
//     max_trip_count: an Expr, a ValueId or None (no limit); condition, before the first trip: a
//     bool or a ValueId; carried: an ArgList of what goes from trip to trip. The body's inputs are
//     the trip's number (an int scalar) and the carried values; its outputs the condition for the
//     next trip, the carried values, and values to be collected. The node's outputs are the last
//     carried values, and what was collected, stacked along a new first axis.
struct Node {
  std::string op;        // "aten::conv2d"
  std::string overload;  // "" for the default overload
  // As given: a source may omit arguments that have their default value, so lowering binds them
  // with the rule's own schema (aten::bind) and the reference run with libtorch's. Each name once,
  // in schema order as far as the source keeps it; "" is a positional argument.
  std::vector<NamedArg> args;
  std::vector<ValueId> outputs;  // flat; elements of a returned list in order; invalid: None
  std::string module_path;       // "layer4.2.conv3"; "" at the root
  std::string module_type;       // "torch.nn.modules.conv.Conv2d"
  std::string source;            // "model.py:42 in forward: x = self.conv(x)"; may be ""
  std::vector<Block> blocks;     // prim::If: then, else; prim::Loop: body
  std::string full_name() const { return overload.empty() ? op : op + "." + overload; }
  const Arg* arg(std::string_view name) const;  // null when not given
};

// A parameter, buffer or lifted constant. Tied weights are two Weights whose tensors share storage.
struct Weight {
  ValueId value;
  std::string fqn;  // "layer4.2.conv3.weight"
  Tensor tensor;
};

struct Input {
  ValueId value;
  std::string name;  // as the user's forward() calls it
};

struct Output {
  ValueId value;
  std::string name;  // key of a dict or dataclass output, else ""
};

struct Program {
  std::vector<Value> values;
  std::vector<Node> nodes;  // in execution order
  std::vector<Weight> weights;
  std::vector<Input> inputs;            // user tensor inputs, in order
  std::vector<Output> outputs;          // flattened user outputs; non-tensors left out (see notes)
  std::map<std::string, Range> ranges;  // per symbol
  std::map<std::string, int64_t> examples;  // per symbol: a size that the user says works
  std::vector<std::string> notes;           // what the reader left out or decided, for the report
  // The inputs are elements of a list that forward() takes: then no axis of theirs is the batch, as
  // a detector's pictures are [channels, height, width].
  bool takes_list = false;
  std::string source_file;
  std::string producer;  // "torch 2.13.0"

  const Value& value(ValueId id) const { return values[static_cast<size_t>(id.index)]; }
  ValueId add_value(Value value);
};

// Every use is defined before it and in sight, each value is defined once, ids are in range, names
// are unique, argument names are unique per call; If and Loop have the form that Node describes. A
// reader's result passes this.
Status validate(const Program& program);
// Calls f(ValueId) for every value that the argument holds, in order, lists included.
void for_each_value(const Arg& arg, const std::function<void(ValueId)>& f);
// The same, and the values may be changed.
void for_each_value(Arg& arg, const std::function<void(ValueId&)>& f);
// Calls f(Arg) for the node's arguments, and for the arguments and outputs in its blocks: all that
// it reads, what is defined in the blocks included.
void for_each_arg(const Node& node, const std::function<void(const Arg&)>& f);
void for_each_arg(Node& node, const std::function<void(Arg&)>& f);
// Calls f for every value that the node reads, as for_each_arg.
void for_each_use(const Node& node, const std::function<void(ValueId)>& f);
// Calls f for every node in order, a node before those in its blocks.
void for_each_node(const std::vector<Node>& nodes, const std::function<void(const Node&)>& f);

std::string dump(const Program& program);  // readable text, one line a node; stable (golden files)

}  // namespace onnxport::aten
