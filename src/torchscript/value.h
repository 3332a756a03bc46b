// What the evaluator of TorchScript knows of one value while it walks the code: see
// script_reader.h.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#undef CHECK  // c10's; ours follows

#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "aten/program.h"
#include "base/expr.h"

namespace onnxport::torchscript {

// Why the code cannot be read. Thrown and caught inside the evaluator; never leaves the plugin.
struct Refusal : std::exception {
  explicit Refusal(std::string why, std::string where = "")
      : message(std::move(why)), location(std::move(where)) {}
  const char* what() const noexcept override { return message.c_str(); }
  std::string message;
  std::string location;  // source line, module; filled in by the innermost call
};
// The code takes another way, or fails, when a dynamic size changes: it can be read for one size.
struct FixedSize : Refusal {
  using Refusal::Refusal;
};

// An input has another type than was assumed: indices are integers.
struct WrongType : Refusal {
  WrongType(std::string why, std::string name) : Refusal(std::move(why)), input(std::move(name)) {}
  std::string input;
};

// A float that follows from sizes: top / bottom as doubles compute it, with nothing lost before.
struct Ratio {
  Expr top;
  int64_t bottom = 1;
};

struct Value;
using Ref = std::shared_ptr<Value>;

struct Value {
  enum class Kind {
    kPlain,   // None, a string, a device, a function...: `at`
    kNumber,  // int, float, bool: `at`
    kTensor,
    kList,
    kTuple,
    kDict,
    kObject,
  };
  Kind kind = Kind::kPlain;
  c10::TypePtr type;  // of containers and objects

  // kPlain, kNumber: the value in each sample.
  std::vector<c10::IValue> at;
  // kNumber: an int's formula, where it is known. kTensor: of its one element.
  std::optional<Expr> expr;
  // kNumber: depends on the data; `at` holds mere examples, `tensor` is the 0-D tensor.
  bool data = false;
  Ref tensor;
  // kNumber, one that differs between samples: the operator and the numbers that made it; of a
  // float its formula, where there is one. `data` is false: `at` holds what it is in each sample.
  std::string op;
  std::vector<Ref> operands;
  std::optional<Ratio> ratio;

  // kTensor: what it is in each sample: on the meta device, or with its data where that is known.
  std::vector<at::Tensor> tensors;
  Shape dims;
  bool ranked = true;    // false: dims is not known
  aten::ValueId id;      // in the program; weights and constants get theirs when they are used
  bool literal = false;  // its data does not depend on input, sizes or weights
  at::Tensor stored;     // a weight's or constant's own data
  std::string fqn;       // of a weight
  // kTensor, a mask: how many of its elements are true, and how often it had been written then.
  std::optional<Expr> count;
  size_t counted_at = 0;

  // kList, kTuple; kDict: `keys[i]` belongs to `items[i]`.
  std::vector<Ref> items;
  std::vector<Ref> keys;
  // kList: filled by a loop that stays a loop: the elements lie stacked in this tensor.
  Ref stacked;

  // kObject
  c10::intrusive_ptr<c10::ivalue::Object> object;  // null: made by the code itself
  std::string path;
  std::unordered_map<std::string, Ref> attributes;  // read or set so far
  std::set<std::string> changed;                    // set by the code

  bool is_tensor() const { return kind == Kind::kTensor; }
  bool is_number() const { return kind == Kind::kNumber; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_none() const { return kind == Kind::kPlain && !at.empty() && at[0].isNone(); }
  bool is_int() const { return is_number() && at[0].isInt(); }
  bool is_bool() const { return is_number() && at[0].isBool(); }
};

// The same in all samples.
inline bool same_everywhere(const Value& value) {
  for (size_t w = 1; w < value.at.size(); ++w) {
    if (value.at[w] != value.at[0]) return false;
  }
  return true;
}

}  // namespace onnxport::torchscript
