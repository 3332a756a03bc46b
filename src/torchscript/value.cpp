#include "torchscript/value.h"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>

#include <algorithm>

#include "torchscript/sizes.h"

namespace onnxport::torchscript {
namespace {

bool is_scalar(const c10::IValue& v) { return v.isInt() || v.isDouble() || v.isBool(); }

template <typename T>
T& need(Value& value, const char* what) {
  if (T* found = value.as<T>()) return *found;
  throw Refusal(std::string("takes something that is not ") + what);
}

}  // namespace

bool Value::is_none() const {
  const auto* plain = as<Plain>();
  return plain != nullptr && !plain->at.empty() && plain->at[0].isNone();
}
bool Value::is_int() const {
  const auto* number = as<Number>();
  return number != nullptr && number->at[0].isInt();
}
bool Value::is_bool() const {
  const auto* number = as<Number>();
  return number != nullptr && number->at[0].isBool();
}
bool Value::is_string() const {
  const auto* plain = as<Plain>();
  return plain != nullptr && !plain->at.empty() && plain->at[0].isString();
}
bool Value::is_data() const {
  const auto* number = as<Number>();
  return number != nullptr && number->data;
}
bool Value::is_size() const { return is_number() && !is_data() && !same_everywhere(*this); }
bool Value::is_stacked() const {
  const auto* list = as<List>();
  return list != nullptr && list->stacked != nullptr;
}

Number& Value::number() { return need<Number>(*this, "a number"); }
Tensor& Value::tensor() { return need<Tensor>(*this, "a tensor"); }
List& Value::list() { return need<List>(*this, "a list"); }
Dict& Value::dict() { return need<Dict>(*this, "a dict"); }
Object& Value::object() { return need<Object>(*this, "an object"); }

const std::vector<c10::IValue>& Value::at() const {
  static const std::vector<c10::IValue> kNothing;
  if (const auto* plain = as<Plain>()) return plain->at;
  if (const auto* number = as<Number>()) return number->at;
  return kNothing;
}

const std::vector<Ref>& Value::items() const {
  static const std::vector<Ref> kNothing;
  if (const auto* list = as<List>()) return list->items;
  if (const auto* tuple = as<Tuple>()) return tuple->items;
  if (const auto* dict = as<Dict>()) return dict->items;
  return kNothing;
}

Ref none() {
  static const c10::IValue kNone;
  return plain(kNone);
}

Ref plain(const c10::IValue& value) {
  if (is_scalar(value)) {
    return number(std::vector<c10::IValue>(kSamples, value),
                  value.isInt() ? std::optional<Expr>(value.toInt()) : std::nullopt);
  }
  // Wherever the model was saved: here it is on the CPU.
  const c10::IValue here = value.isDevice() ? c10::IValue(c10::Device(c10::kCPU)) : value;
  return make(Plain{std::vector<c10::IValue>(kSamples, here)});
}

Ref number(std::vector<c10::IValue> at, std::optional<Expr> expr) {
  Number out;
  out.at = std::move(at);
  out.expr = std::move(expr);
  return make(std::move(out));
}

Ref list(const c10::TypePtr& element, std::vector<Ref> items) {
  return make(List{c10::ListType::create(element), std::move(items), 0, nullptr});
}

Ref int_list(std::vector<Ref> items) { return list(c10::IntType::get(), std::move(items)); }

Ref tensor_list(std::vector<Ref> items) { return list(c10::TensorType::get(), std::move(items)); }

Ref tuple(std::vector<Ref> items, c10::TypePtr type) {
  return make(Tuple{std::move(type), std::move(items)});
}

namespace {

// Lists or tuples, one per sample, element by element.
std::vector<Ref> elements_from_samples(const std::vector<c10::IValue>& at) {
  std::vector<std::vector<c10::IValue>> columns;
  for (size_t s = 0; s < at.size(); ++s) {
    size_t i = 0;
    auto take = [&](const c10::IValue& v) {
      if (s == 0) columns.emplace_back();
      if (i >= columns.size()) throw FixedSize("gives lists of different lengths");
      columns[i++].push_back(v);
    };
    if (at[s].isList()) {
      for (const c10::IValue& v : at[s].toListRef()) take(v);
    } else {
      for (const c10::IValue& v : at[s].toTupleRef().elements()) take(v);
    }
    if (i != columns.size()) throw FixedSize("gives lists of different lengths");
  }
  std::vector<Ref> out;
  for (const auto& column : columns) out.push_back(from_samples(column, nullptr));
  return out;
}

}  // namespace

Ref from_samples(const std::vector<c10::IValue>& at, const c10::TypePtr& type) {
  const c10::IValue& first = at[0];
  for (const c10::IValue& v : at) {
    if (v.tagKind() != first.tagKind()) {
      throw FixedSize("gives values of different types for different sizes");
    }
  }
  if (first.isTensor()) throw Refusal("has no rule to follow its tensors");
  if (is_scalar(first)) {
    Ref out = number(at);
    if (first.isInt() && same_everywhere(*out)) out->number().expr = Expr(first.toInt());
    return out;
  }
  if (first.isList()) {
    return list(first.toList().elementType(), elements_from_samples(at));
  }
  if (first.isTuple()) return tuple(elements_from_samples(at), type);
  if (first.isGenericDict() || first.isObject()) throw Refusal("has no rule to follow its result");
  Ref out = make(Plain{at});
  if (!first.isNone() && !first.isString() && !same_everywhere(*out)) {
    throw FixedSize("gives different values for different sizes");
  }
  return out;
}

bool same_everywhere(const Value& value) {
  const std::vector<c10::IValue>& at = value.at();
  for (size_t s = 1; s < at.size(); ++s) {
    if (at[s] != at[0]) return false;
  }
  return true;
}

c10::TypePtr type_of(const Ref& value) {
  if (value->is_tensor()) return c10::TensorType::get();
  if (!value->at().empty()) return value->at()[0].type();
  if (const auto* tuple = value->as<Tuple>()) {
    if (tuple->type) return tuple->type;
    std::vector<c10::TypePtr> items;
    for (const Ref& item : tuple->items) items.push_back(type_of(item));
    return c10::TupleType::create(std::move(items));
  }
  if (const auto* list = value->as<List>()) {
    if (list->type) {
      if (auto known = list->type->cast<c10::ListType>()) return known;
    }
    c10::TypePtr element =
        list->items.empty() ? c10::TypePtr(c10::AnyType::get()) : type_of(list->items[0]);
    return c10::ListType::create(element);
  }
  c10::TypePtr type = value->is_dict() ? value->dict().type : value->object().type;
  return type ? type : c10::TypePtr(c10::AnyType::get());
}

int64_t constant_int(const Ref& value, const char* what) {
  if (!value->is_int() || value->is_data()) {
    throw Refusal(std::string(what) + " depends on the data");
  }
  if (!same_everywhere(*value)) throw FixedSize(std::string(what) + " depends on a size");
  return value->at()[0].toInt();
}

std::vector<int64_t> ints_of(const Number& number) {
  std::vector<int64_t> out;
  for (const c10::IValue& v : number.at) out.push_back(v.toInt());
  return out;
}

}  // namespace onnxport::torchscript
