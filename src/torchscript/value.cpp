// Values from libtorch's values, and back.
#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <fmt/format.h>

#include <algorithm>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {
namespace {

constexpr int kMaxDepth = 64;  // of lists in lists

std::string joined(const std::string& path, const std::string& name) {
  if (path.empty()) return name;
  return name.empty() ? path : path + "." + name;
}

bool is_number(const c10::IValue& v) { return v.isInt() || v.isDouble() || v.isBool(); }

bool is_plain(const c10::IValue& v) {
  return !is_number(v) && !v.isTensor() && !v.isList() && !v.isTuple() && !v.isGenericDict() &&
         !v.isObject();
}

}  // namespace

Ref Evaluator::none() {
  static const c10::IValue kNone;
  return plain(kNone);
}

Ref Evaluator::plain(const c10::IValue& value) {
  auto out = std::make_shared<Value>();
  out->kind = is_number(value) ? Value::Kind::kNumber : Value::Kind::kPlain;
  // Wherever the model was saved: here it is on the CPU.
  out->at.assign(count_, value.isDevice() ? c10::IValue(c10::Device(c10::kCPU)) : value);
  if (value.isInt()) out->expr = Expr(value.toInt());
  return out;
}

Ref Evaluator::number(std::vector<c10::IValue> at, std::optional<Expr> expr) {
  auto value = std::make_shared<Value>();
  value->kind = Value::Kind::kNumber;
  value->at = std::move(at);
  value->expr = std::move(expr);
  return value;
}

Ref Evaluator::size_number(const Expr& expr) {
  std::vector<c10::IValue> at;
  for (int64_t v : values_of(expr)) at.emplace_back(v);
  Ref value = number(std::move(at), expr);
  value->data = is_unbacked(expr);
  return value;
}

Ref Evaluator::list(const c10::TypePtr& element, std::vector<Ref> items) {
  auto value = std::make_shared<Value>();
  value->kind = Value::Kind::kList;
  value->type = c10::ListType::create(element);
  value->items = std::move(items);
  return value;
}

Ref Evaluator::tuple(std::vector<Ref> items) {
  auto value = std::make_shared<Value>();
  value->kind = Value::Kind::kTuple;
  value->items = std::move(items);
  return value;
}

// From the archive: a weight keeps its data where libtorch has it.
Ref Evaluator::stored(const c10::IValue& value, const std::string& path) {
  if (std::count(path.begin(), path.end(), '.') > kMaxDepth * 4) {
    throw Refusal("the attribute `" + path + "` is nested too deep");
  }
  if (value.isTensor()) {
    const at::Tensor& tensor = value.toTensor();
    Ref& known = known_objects_[tensor.unsafeGetTensorImpl()];
    if (!known) {
      known = std::make_shared<Value>();
      known->kind = Value::Kind::kTensor;
      if (!tensor.defined()) throw Refusal("the attribute `" + path + "` is an undefined tensor");
      known->stored = tensor.detach();
      kept_.push_back(tensor);
      known->fqn = path;
      for (int64_t size : tensor.sizes()) known->dims.emplace_back(size);
    }
    return known;
  }
  if (value.isObject()) {
    Ref& known = known_objects_[value.toObject().get()];
    if (!known) {
      known = std::make_shared<Value>();
      known->kind = Value::Kind::kObject;
      known->object = value.toObject();
      known->type = value.toObject()->type();
      known->path = path;
    }
    return known;
  }
  if (is_number(value) || is_plain(value)) return plain(value);
  auto out = std::make_shared<Value>();
  out->type = value.type();
  auto child = [&](const c10::IValue& v, const std::string& name) {
    out->items.push_back(stored(v, joined(path, name)));
  };
  if (value.isTuple()) {
    out->kind = Value::Kind::kTuple;
    size_t i = 0;
    for (const c10::IValue& v : value.toTupleRef().elements()) child(v, std::to_string(i++));
  } else if (value.isList()) {
    out->kind = Value::Kind::kList;
    size_t i = 0;
    for (const c10::IValue& v : value.toListRef()) child(v, std::to_string(i++));
  } else {
    out->kind = Value::Kind::kDict;
    for (const auto& entry : value.toGenericDict()) {
      out->keys.push_back(stored(entry.key(), path));
      child(entry.value(), entry.key().isString() ? entry.key().toStringRef() : "item");
    }
  }
  return out;
}

Ref Evaluator::attribute(const Ref& object, const std::string& name) {
  if (object->kind != Value::Kind::kObject) {
    throw Refusal("reads `" + name + "` of something that is not an object");
  }
  Ref& slot = object->attributes[name];
  if (slot) return slot;
  if (!object->object) throw Refusal("reads `" + name + "` before it is set");
  auto index = object->object->type()->findAttributeSlot(name);
  if (!index) {
    auto constant = object->object->type()->findConstant(name);
    if (!constant) throw Refusal("the module has no attribute `" + name + "`");
    return slot = stored(*constant, joined(object->path, name));
  }
  return slot = stored(object->object->getSlot(*index), joined(object->path, name));
}

Ref Evaluator::module_at(const Ref& root, const std::string& path) {
  Ref at = root;
  for (size_t begin = 0; begin < path.size();) {
    size_t end = std::min(path.find('.', begin), path.size());
    at = attribute(at, path.substr(begin, end - begin));
    begin = end + 1;
  }
  return at;
}

// What the value is in one sample, for an operator of libtorch. Tensors: on the meta device, or
// with their data.
c10::IValue Evaluator::ivalue(const Ref& value, size_t sample, bool meta) {
  switch (value->kind) {
    case Value::Kind::kPlain:
    case Value::Kind::kNumber:
      return value->at[sample];
    case Value::Kind::kTensor:
      return sample_tensor(value, sample, meta);
    case Value::Kind::kObject:
      throw Refusal("passes an object to an operator");
    case Value::Kind::kTuple: {
      std::vector<c10::IValue> items;
      for (const Ref& item : value->items) items.push_back(ivalue(item, sample, meta));
      return c10::ivalue::Tuple::create(std::move(items));
    }
    case Value::Kind::kList: {
      if (value->stacked) {
        throw Refusal(
            "a list that is filled in a loop whose end depends on the data can only be "
            "stacked or concatenated");
      }
      c10::TypePtr element = type_of(value)->expectRef<c10::ListType>().getElementType();
      c10::impl::GenericList out(element);
      for (const Ref& item : value->items) out.push_back(ivalue(item, sample, meta));
      return out;
    }
    case Value::Kind::kDict: {
      const auto& type = value->type->expectRef<c10::DictType>();
      c10::impl::GenericDict out(type.getKeyType(), type.getValueType());
      for (size_t i = 0; i < value->keys.size(); ++i) {
        out.insert(ivalue(value->keys[i], sample, meta), ivalue(value->items[i], sample, meta));
      }
      return out;
    }
  }
  return {};
}

// Values without tensors, one per sample.
Ref Evaluator::from_samples(const std::vector<c10::IValue>& at, const c10::TypePtr& type) {
  const c10::IValue& first = at[0];
  for (const c10::IValue& v : at) {
    if (v.tagKind() != first.tagKind()) {
      throw FixedSize("gives values of different types for different sizes");
    }
  }
  if (first.isTensor()) throw Refusal("has no rule to follow its tensors");
  if (is_number(first)) {
    std::optional<Expr> expr;
    Ref value = number(at);
    if (first.isInt() && same_everywhere(*value)) value->expr = Expr(first.toInt());
    return value;
  }
  if (first.isList() || first.isTuple()) {
    auto value = std::make_shared<Value>();
    value->kind = first.isList() ? Value::Kind::kList : Value::Kind::kTuple;
    value->type =
        first.isList() ? c10::TypePtr(c10::ListType::create(first.toList().elementType())) : type;
    std::vector<std::vector<c10::IValue>> columns;
    for (size_t w = 0; w < at.size(); ++w) {
      size_t i = 0;
      auto take = [&](const c10::IValue& v) {
        if (w == 0) columns.emplace_back();
        if (i >= columns.size()) throw FixedSize("gives lists of different lengths");
        columns[i++].push_back(v);
      };
      if (at[w].isList()) {
        for (const c10::IValue& v : at[w].toListRef()) take(v);
      } else {
        for (const c10::IValue& v : at[w].toTupleRef().elements()) take(v);
      }
      if (i != columns.size()) throw FixedSize("gives lists of different lengths");
    }
    for (const auto& column : columns) value->items.push_back(from_samples(column, nullptr));
    return value;
  }
  if (first.isGenericDict() || first.isObject()) throw Refusal("has no rule to follow its result");
  auto value = std::make_shared<Value>();
  value->at = at;
  if (!first.isNone() && !same_everywhere(*value)) {
    if (!first.isString()) throw FixedSize("gives different values for different sizes");
  }
  return value;
}

c10::TypePtr Evaluator::type_of(const Ref& value) {
  switch (value->kind) {
    case Value::Kind::kPlain:
    case Value::Kind::kNumber:
      return value->at[0].type();
    case Value::Kind::kTensor:
      return c10::TensorType::get();
    case Value::Kind::kTuple: {
      if (value->type) return value->type;
      std::vector<c10::TypePtr> items;
      for (const Ref& item : value->items) items.push_back(type_of(item));
      return c10::TupleType::create(std::move(items));
    }
    case Value::Kind::kList: {
      if (value->type) {
        if (auto list = value->type->cast<c10::ListType>()) return list;
      }
      c10::TypePtr element =
          value->items.empty() ? c10::TypePtr(c10::AnyType::get()) : type_of(value->items[0]);
      return c10::ListType::create(element);
    }
    default:
      return value->type ? value->type : c10::TypePtr(c10::AnyType::get());
  }
}

std::optional<Expr> Evaluator::expr_of(const Ref& value) {
  if (!value->is_int()) return std::nullopt;
  if (value->expr) return value->expr;
  if (value->data) return std::nullopt;
  std::vector<int64_t> at;
  for (const c10::IValue& v : value->at) at.push_back(v.toInt());
  value->expr = fit(at);
  return value->expr;
}

int64_t Evaluator::constant_int(const Ref& value, const char* what) {
  if (!value->is_int() || value->data) throw Refusal(std::string(what) + " depends on the data");
  if (!same_everywhere(*value)) throw FixedSize(std::string(what) + " depends on a size");
  return value->at[0].toInt();
}

}  // namespace onnxport::torchscript
