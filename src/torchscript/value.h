// What is known of one value of the code while it is walked: see evaluator.h.
//
// Values are shared as Python's are: a list that is passed on and appended to is one. What a number
// or a tensor is, is known for each shape sample (sizes.h).
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#undef CHECK  // c10's; ours follows

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "aten/program.h"
#include "base/expr.h"
#include "torchscript/refusal.h"

namespace onnxport::torchscript {

struct Value;
using Ref = std::shared_ptr<Value>;
struct Origin;  // provenance.h

// None, a string, a device, a function.
struct Plain {
  std::vector<c10::IValue> at;  // in each shape sample
};

// An int, float or bool.
struct Number {
  std::vector<c10::IValue> at;  // in each shape sample
  std::optional<Expr> expr;     // an int's formula, where it is known
  bool data = false;            // depends on the data: `at` holds mere examples
  Ref tensor;                   // the tensor without dimensions that holds it, where there is one
  aten::ValueId id;             // the scalar of the program, where a node gives it
  std::shared_ptr<const Origin> origin;  // of one that differs between samples: how it was made
};

struct Tensor {
  // In each shape sample: on the meta device, or with its data where that is known. Of a weight or
  // constant empty until it is looked at (TensorData).
  std::vector<at::Tensor> samples;
  Shape dims;
  aten::ValueId id;          // in the program; weights and constants get theirs when they are used
  bool literal = false;      // its data does not depend on input, sizes or weights
  at::Tensor stored;         // a weight's or constant's own data
  std::string fqn;           // of a weight
  std::optional<Expr> expr;  // the formula of its one element
  // Of a mask: how many of its elements are true, and how often it had been written then.
  std::optional<Expr> count;
  size_t counted_at = 0;
};

struct List {
  c10::TypePtr type;
  std::vector<Ref> items;
  int depth = 0;  // of the branch or loop that depends on the data in which it was made; 0: none
  Ref stacked;    // filled by a loop that stays a loop: the elements lie stacked in this tensor
};

struct Tuple {
  c10::TypePtr type;
  std::vector<Ref> items;
};

struct Dict {
  c10::TypePtr type;
  std::vector<Ref> keys;  // keys[i] belongs to items[i]
  std::vector<Ref> items;
  int depth = 0;  // as a list's
};

struct Object {
  c10::TypePtr type;
  c10::intrusive_ptr<c10::ivalue::Object> object;   // null: made by the code itself
  std::string path;                                 // of a module: "layer1.0"
  std::unordered_map<std::string, Ref> attributes;  // read or set so far
  std::set<std::string> changed;                    // set by the code
};

struct Value {
  std::variant<Plain, Number, Tensor, List, Tuple, Dict, Object> v;

  template <typename T>
  T* as() {  // null: it is of another kind
    return std::get_if<T>(&v);
  }
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&v);
  }
  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(v);
  }
  bool is_tensor() const { return is<Tensor>(); }
  bool is_number() const { return is<Number>(); }
  bool is_list() const { return is<List>(); }
  bool is_dict() const { return is<Dict>(); }
  bool is_none() const;
  bool is_int() const;
  bool is_bool() const;
  bool is_string() const;   // the same kind in all samples
  bool is_data() const;     // a number that depends on the data
  bool is_size() const;     // a number that differs between samples
  bool is_stacked() const;  // a list that a loop has filled

  // Of the kind that the caller needs; a Refusal says that it is of another.
  Number& number();
  Tensor& tensor();
  List& list();
  Dict& dict();
  Object& object();

  // Of a number or plain value, in each sample; empty for others.
  const std::vector<c10::IValue>& at() const;
  // The elements of a list, tuple or dict; empty for others.
  const std::vector<Ref>& items() const;
};

template <typename T>
Ref make(T value) {
  return std::make_shared<Value>(Value{std::move(value)});
}

Ref none();
Ref plain(const c10::IValue& value);  // the same in all samples; numbers too
Ref number(std::vector<c10::IValue> at, std::optional<Expr> expr = {});
Ref list(const c10::TypePtr& element, std::vector<Ref> items);
Ref int_list(std::vector<Ref> items);
Ref tensor_list(std::vector<Ref> items);
Ref tuple(std::vector<Ref> items, c10::TypePtr type = nullptr);
// Values without tensors, one per sample.
Ref from_samples(const std::vector<c10::IValue>& at, const c10::TypePtr& type);

bool same_everywhere(const Value& value);  // a plain value or number, in all samples
c10::TypePtr type_of(const Ref& value);
// An int that is the same in all samples; `what` it is for goes into the refusal.
int64_t constant_int(const Ref& value, const char* what);
// What an int is in each sample.
std::vector<int64_t> ints_of(const Number& number);

}  // namespace onnxport::torchscript
