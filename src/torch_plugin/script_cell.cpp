// Cells from libtorch's values, and back.
#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <fmt/format.h>

#include <algorithm>

#include "torch_plugin/script_reader.h"

namespace onnxport::torch_plugin::script {
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

Ref Reader::none() {
  static const c10::IValue kNone;
  return plain(kNone);
}

Ref Reader::plain(const c10::IValue& value) {
  auto cell = std::make_shared<Cell>();
  cell->kind = is_number(value) ? Cell::Kind::kNumber : Cell::Kind::kPlain;
  // Wherever the model was saved: here it is on the CPU.
  cell->at.assign(count_, value.isDevice() ? c10::IValue(c10::Device(c10::kCPU)) : value);
  if (value.isInt()) cell->expr = Expr(value.toInt());
  return cell;
}

Ref Reader::number(std::vector<c10::IValue> at, std::optional<Expr> expr) {
  auto cell = std::make_shared<Cell>();
  cell->kind = Cell::Kind::kNumber;
  cell->at = std::move(at);
  cell->expr = std::move(expr);
  return cell;
}

Ref Reader::size_number(const Expr& expr) {
  std::vector<c10::IValue> at;
  for (int64_t v : values_of(expr)) at.emplace_back(v);
  Ref cell = number(std::move(at), expr);
  cell->data = is_unbacked(expr);
  return cell;
}

Ref Reader::list(const c10::TypePtr& element, std::vector<Ref> items) {
  auto cell = std::make_shared<Cell>();
  cell->kind = Cell::Kind::kList;
  cell->type = c10::ListType::create(element);
  cell->items = std::move(items);
  return cell;
}

Ref Reader::tuple(std::vector<Ref> items) {
  auto cell = std::make_shared<Cell>();
  cell->kind = Cell::Kind::kTuple;
  cell->items = std::move(items);
  return cell;
}

// From the archive: a weight keeps its data where libtorch has it.
Ref Reader::stored(const c10::IValue& value, const std::string& path) {
  if (std::count(path.begin(), path.end(), '.') > kMaxDepth * 4) {
    throw Refusal("the attribute `" + path + "` is nested too deep");
  }
  if (value.isTensor()) {
    const at::Tensor& tensor = value.toTensor();
    Ref& known = known_objects_[tensor.unsafeGetTensorImpl()];
    if (!known) {
      known = std::make_shared<Cell>();
      known->kind = Cell::Kind::kTensor;
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
      known = std::make_shared<Cell>();
      known->kind = Cell::Kind::kObject;
      known->object = value.toObject();
      known->type = value.toObject()->type();
      known->path = path;
    }
    return known;
  }
  if (is_number(value) || is_plain(value)) return plain(value);
  auto cell = std::make_shared<Cell>();
  cell->type = value.type();
  auto child = [&](const c10::IValue& v, const std::string& name) {
    cell->items.push_back(stored(v, joined(path, name)));
  };
  if (value.isTuple()) {
    cell->kind = Cell::Kind::kTuple;
    size_t i = 0;
    for (const c10::IValue& v : value.toTupleRef().elements()) child(v, std::to_string(i++));
  } else if (value.isList()) {
    cell->kind = Cell::Kind::kList;
    size_t i = 0;
    for (const c10::IValue& v : value.toListRef()) child(v, std::to_string(i++));
  } else {
    cell->kind = Cell::Kind::kDict;
    for (const auto& entry : value.toGenericDict()) {
      cell->keys.push_back(stored(entry.key(), path));
      child(entry.value(), entry.key().isString() ? entry.key().toStringRef() : "item");
    }
  }
  return cell;
}

Ref Reader::attribute(const Ref& object, const std::string& name) {
  if (object->kind != Cell::Kind::kObject) {
    throw Refusal("reads `" + name + "` of something that is no object");
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

Ref Reader::module_at(const Ref& root, const std::string& path) {
  Ref at = root;
  for (size_t begin = 0; begin < path.size();) {
    size_t end = std::min(path.find('.', begin), path.size());
    at = attribute(at, path.substr(begin, end - begin));
    begin = end + 1;
  }
  return at;
}

// What the cell is in one world, for an operator of libtorch. Tensors: on the meta device, or with
// their data.
c10::IValue Reader::ivalue(const Ref& cell, size_t world, bool meta) {
  switch (cell->kind) {
    case Cell::Kind::kPlain:
    case Cell::Kind::kNumber:
      return cell->at[world];
    case Cell::Kind::kTensor:
      return world_tensor(cell, world, meta);
    case Cell::Kind::kObject:
      throw Refusal("passes an object to an operator");
    case Cell::Kind::kTuple: {
      std::vector<c10::IValue> items;
      for (const Ref& item : cell->items) items.push_back(ivalue(item, world, meta));
      return c10::ivalue::Tuple::create(std::move(items));
    }
    case Cell::Kind::kList: {
      if (cell->stacked) {
        throw Refusal(
            "a list that is filled in a loop whose end depends on the data can only be "
            "stacked or concatenated");
      }
      c10::TypePtr element = type_of(cell)->expectRef<c10::ListType>().getElementType();
      c10::impl::GenericList out(element);
      for (const Ref& item : cell->items) out.push_back(ivalue(item, world, meta));
      return out;
    }
    case Cell::Kind::kDict: {
      const auto& type = cell->type->expectRef<c10::DictType>();
      c10::impl::GenericDict out(type.getKeyType(), type.getValueType());
      for (size_t i = 0; i < cell->keys.size(); ++i) {
        out.insert(ivalue(cell->keys[i], world, meta), ivalue(cell->items[i], world, meta));
      }
      return out;
    }
  }
  return {};
}

// Values without tensors, one per world.
Ref Reader::from_worlds(const std::vector<c10::IValue>& at, const c10::TypePtr& type) {
  const c10::IValue& first = at[0];
  for (const c10::IValue& v : at) {
    if (v.tagKind() != first.tagKind()) {
      throw FixedSize("gives values of different types for different sizes");
    }
  }
  if (first.isTensor()) throw Refusal("has no rule to follow its tensors");
  if (is_number(first)) {
    std::optional<Expr> expr;
    Ref cell = number(at);
    if (first.isInt() && same_everywhere(*cell)) cell->expr = Expr(first.toInt());
    return cell;
  }
  if (first.isList() || first.isTuple()) {
    auto cell = std::make_shared<Cell>();
    cell->kind = first.isList() ? Cell::Kind::kList : Cell::Kind::kTuple;
    cell->type =
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
    for (const auto& column : columns) cell->items.push_back(from_worlds(column, nullptr));
    return cell;
  }
  if (first.isGenericDict() || first.isObject()) throw Refusal("has no rule to follow its result");
  auto cell = std::make_shared<Cell>();
  cell->at = at;
  if (!first.isNone() && !same_everywhere(*cell)) {
    if (!first.isString()) throw FixedSize("gives different values for different sizes");
  }
  return cell;
}

c10::TypePtr Reader::type_of(const Ref& cell) {
  switch (cell->kind) {
    case Cell::Kind::kPlain:
    case Cell::Kind::kNumber:
      return cell->at[0].type();
    case Cell::Kind::kTensor:
      return c10::TensorType::get();
    case Cell::Kind::kTuple: {
      if (cell->type) return cell->type;
      std::vector<c10::TypePtr> items;
      for (const Ref& item : cell->items) items.push_back(type_of(item));
      return c10::TupleType::create(std::move(items));
    }
    case Cell::Kind::kList: {
      if (cell->type) {
        if (auto list = cell->type->cast<c10::ListType>()) return list;
      }
      c10::TypePtr element =
          cell->items.empty() ? c10::TypePtr(c10::AnyType::get()) : type_of(cell->items[0]);
      return c10::ListType::create(element);
    }
    default:
      return cell->type ? cell->type : c10::TypePtr(c10::AnyType::get());
  }
}

std::optional<Expr> Reader::expr_of(const Ref& cell) {
  if (!cell->is_int()) return std::nullopt;
  if (cell->expr) return cell->expr;
  if (cell->data) return std::nullopt;
  std::vector<int64_t> at;
  for (const c10::IValue& v : cell->at) at.push_back(v.toInt());
  cell->expr = fit(at);
  return cell->expr;
}

int64_t Reader::constant_int(const Ref& cell, const char* what) {
  if (!cell->is_int() || cell->data) throw Refusal(std::string(what) + " depends on the data");
  if (!same_everywhere(*cell)) throw FixedSize(std::string(what) + " depends on a size");
  return cell->at[0].toInt();
}

}  // namespace onnxport::torch_plugin::script
