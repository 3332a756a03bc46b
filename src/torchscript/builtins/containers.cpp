// Lists, tuples and dicts, with Python's identity: a list that is passed on and appended to is one.
#include <fmt/format.h>

#include <algorithm>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {
namespace {

size_t index_in(int64_t index, size_t size, const char* what) {
  const auto n = static_cast<int64_t>(size);
  const int64_t at = index < 0 ? index + n : index;
  if (at < 0 || at >= n) {
    throw Refusal(fmt::format("index {} of a {} of {} elements", index, what, n));
  }
  return static_cast<size_t>(at);
}

// Where the key stands; keys.size() if it does not.
size_t find_key(const Value& dict, const Ref& key) {
  if (key->at.empty() || !same_everywhere(*key)) throw FixedSize("a dict's key depends on a size");
  for (size_t i = 0; i < dict.keys.size(); ++i) {
    if (dict.keys[i]->at[0].tagKind() == key->at[0].tagKind() &&
        dict.keys[i]->at[0] == key->at[0]) {
      return i;
    }
  }
  return dict.keys.size();
}

std::string text_of(const Ref& key) {
  if (!key->at.empty() && key->at[0].isString()) return "'" + key->at[0].toStringRef() + "'";
  return !key->at.empty() && key->at[0].isInt() ? std::to_string(key->at[0].toInt()) : "?";
}

}  // namespace

#define NEED_LIST(value) \
  if (!(value)->is_list()) return false
#define NEED_DICT(value) \
  if ((value)->kind != Value::Kind::kDict) return false
#define NEED_OUTSIDE(value)                                                           \
  if (block_depth_ > 0 && (value)->path != std::to_string(block_depth_)) {            \
    throw Refusal(                                                                    \
        "changes a list or dict that was made outside of this branch or loop, which " \
        "depends on the data");                                                       \
  }

bool Evaluator::list_construct(Call& call) {
  auto value = std::make_shared<Value>();
  value->kind = Value::Kind::kList;
  value->type = call.node->output()->type();
  value->items = call.in;
  if (block_depth_ > 0) value->path = std::to_string(block_depth_);
  call.out = {value};
  return true;
}

bool Evaluator::tuple_construct(Call& call) {
  Ref value = tuple(call.in);
  value->type = call.node->output()->type();
  call.out = {value};
  return true;
}

bool Evaluator::dict_construct(Call& call) {
  auto value = std::make_shared<Value>();
  value->kind = Value::Kind::kDict;
  value->type = call.node->output()->type();
  if (block_depth_ > 0) value->path = std::to_string(block_depth_);
  for (size_t i = 0; i + 1 < call.in.size(); i += 2) {
    size_t at = find_key(*value, call.in[i]);
    if (at < value->keys.size()) {
      value->items[at] = call.in[i + 1];
    } else {
      value->keys.push_back(call.in[i]);
      value->items.push_back(call.in[i + 1]);
    }
  }
  call.out = {value};
  return true;
}

bool Evaluator::list_unpack(Call& call) {
  if (call.in[0]->items.size() != call.node->outputs().size()) {
    throw Refusal(fmt::format("unpacks {} values into {}", call.in[0]->items.size(),
                              call.node->outputs().size()));
  }
  call.out = call.in[0]->items;
  return true;
}

bool Evaluator::tuple_unpack(Call& call) { return list_unpack(call); }

bool Evaluator::tuple_index(Call& call) {
  const auto& items = call.in[0]->items;
  call.out = {items[index_in(constant_int(call.in[1], "a tuple's index"), items.size(), "tuple")]};
  return true;
}

bool Evaluator::tuple_slice(Call& call) {
  const auto& items = call.in[0]->items;
  auto begin = call.node->i(torch::jit::attr::beg);
  auto end =
      std::min<int64_t>(call.node->i(torch::jit::attr::end), static_cast<int64_t>(items.size()));
  Ref value = tuple({items.begin() + begin, items.begin() + end});
  value->type = call.node->output()->type();
  call.out = {value};
  return true;
}

bool Evaluator::append(Call& call) {
  NEED_LIST(call.in[0]);
  const bool outside = block_depth_ > 0 && call.in[0]->path != std::to_string(block_depth_);
  if (outside && collected_ != nullptr && !call.in[0]->stacked) {
    return collect(call);
  }
  NEED_OUTSIDE(call.in[0]);
  call.in[0]->items.push_back(call.in[1]);
  for (size_t i = 0; i < call.node->outputs().size(); ++i) call.out.push_back(call.in[0]);
  return true;
}

// A loop that stays a loop collects one tensor per trip.
bool Evaluator::collect(Call& call) {
  for (const auto& [list, item] : *collected_) {
    if (list == call.in[0]) throw Refusal("appends to a list twice in one trip of a loop");
  }
  Ref item = call.in[1]->is_number() ? as_tensor(call, call.in[1]) : call.in[1];
  if (!item->is_tensor()) throw Refusal("collects something that is not a tensor in a loop");
  collected_->emplace_back(call.in[0], item);
  for (size_t i = 0; i < call.node->outputs().size(); ++i) call.out.push_back(call.in[0]);
  return true;
}

bool Evaluator::extend(Call& call) {
  NEED_LIST(call.in[0]);
  NEED_OUTSIDE(call.in[0]);
  std::vector<Ref> more = call.in[1]->items;
  auto& items = call.in[0]->items;
  items.insert(items.end(), more.begin(), more.end());
  return true;
}

bool Evaluator::insert(Call& call) {
  NEED_LIST(call.in[0]);
  NEED_OUTSIDE(call.in[0]);
  auto& items = call.in[0]->items;
  int64_t at = constant_int(call.in[1], "a list's index");
  const auto n = static_cast<int64_t>(items.size());
  if (at < 0) at = std::max<int64_t>(0, at + n);
  items.insert(items.begin() + std::min(at, n), call.in[2]);
  return true;
}

bool Evaluator::pop(Call& call) {
  if (call.in[0]->kind == Value::Kind::kDict) return dict_pop(call);
  NEED_LIST(call.in[0]);
  NEED_OUTSIDE(call.in[0]);
  auto& items = call.in[0]->items;
  size_t at = index_in(constant_int(call.in[1], "a list's index"), items.size(), "list");
  call.out = {items[at]};
  items.erase(items.begin() + static_cast<int64_t>(at));
  return true;
}

bool Evaluator::remove_item(Call& call) {
  NEED_OUTSIDE(call.in[0]);
  if (call.in[0]->kind == Value::Kind::kDict) {
    size_t at = find_key(*call.in[0], call.in[1]);
    if (at == call.in[0]->keys.size()) throw Refusal("the dict has no key " + text_of(call.in[1]));
    call.in[0]->keys.erase(call.in[0]->keys.begin() + static_cast<int64_t>(at));
    call.in[0]->items.erase(call.in[0]->items.begin() + static_cast<int64_t>(at));
    return true;
  }
  NEED_LIST(call.in[0]);
  auto& items = call.in[0]->items;
  size_t at = index_in(constant_int(call.in[1], "a list's index"), items.size(), "list");
  items.erase(items.begin() + static_cast<int64_t>(at));
  return true;
}

bool Evaluator::clear(Call& call) {
  if (call.in[0]->is_tensor()) return false;
  NEED_OUTSIDE(call.in[0]);
  call.in[0]->items.clear();
  call.in[0]->keys.clear();
  return true;
}

bool Evaluator::get_item(Call& call) {
  if (call.in[0]->kind == Value::Kind::kDict) {
    size_t at = find_key(*call.in[0], call.in[1]);
    if (at == call.in[0]->keys.size()) throw Refusal("the dict has no key " + text_of(call.in[1]));
    call.out = {call.in[0]->items[at]};
    return true;
  }
  if (!call.in[0]->is_list() && call.in[0]->kind != Value::Kind::kTuple) return false;
  if (call.in[0]->stacked) {  // an element of what a loop collected
    Ref x = call.in[0]->stacked;
    call.out = record(call, "aten::select", "int",
                      {{"self", x}, {"dim", plain(0)}, {"index", call.in[1]}});
    return true;
  }
  const auto& items = call.in[0]->items;
  call.out = {items[index_in(constant_int(call.in[1], "a list's index"), items.size(), "list")]};
  return true;
}

bool Evaluator::set_item(Call& call) {
  NEED_OUTSIDE(call.in[0]);
  if (call.in[0]->kind == Value::Kind::kDict) {
    size_t at = find_key(*call.in[0], call.in[1]);
    if (at == call.in[0]->keys.size()) {
      call.in[0]->keys.push_back(call.in[1]);
      call.in[0]->items.push_back(call.in[2]);
    } else {
      call.in[0]->items[at] = call.in[2];
    }
    return true;
  }
  NEED_LIST(call.in[0]);
  auto& items = call.in[0]->items;
  items[index_in(constant_int(call.in[1], "a list's index"), items.size(), "list")] = call.in[2];
  for (size_t i = 0; i < call.node->outputs().size(); ++i) call.out.push_back(call.in[0]);
  return true;
}

bool Evaluator::length(Call& call) {
  const Ref& x = call.in[0];
  if (x->is_tensor()) {
    if (x->dims.empty()) throw Refusal("len() of a tensor without dimensions");
    call.out = {size_number(x->dims[0])};
    return true;
  }
  if (x->stacked) {
    call.out = {size_number(x->stacked->dims[0])};
    return true;
  }
  if (!x->is_list() && x->kind != Value::Kind::kDict && x->kind != Value::Kind::kTuple)
    return false;
  call.out = {plain(static_cast<int64_t>(x->items.size()))};
  return true;
}

bool Evaluator::to_list(Call& call) {
  NEED_LIST(call.in[0]);
  return list_copy(call);
}

// dict(), dict(pairs), dict(other), list.copy().
bool Evaluator::list_copy(Call& call) {
  if (call.name == "aten::dict" && (call.in.empty() || call.in[0]->is_list())) {
    std::vector<Ref> pairs = call.in.empty() ? std::vector<Ref>() : call.in[0]->items;
    call.in.clear();
    for (const Ref& pair : pairs)
      call.in.insert(call.in.end(), pair->items.begin(), pair->items.end());
    return dict_construct(call);
  }
  if (!call.in[0]->is_list() && call.in[0]->kind != Value::Kind::kDict) return false;
  auto value = std::make_shared<Value>(*call.in[0]);
  value->path = block_depth_ > 0 ? std::to_string(block_depth_) : "";
  call.out = {value};
  return true;
}

bool Evaluator::list_add(Call& call) {
  if (call.in.size() != 2 || !call.in[0]->is_list() || !call.in[1]->is_list()) return false;
  const bool in_place = call.name == "aten::add_";
  Ref out = in_place ? call.in[0] : std::make_shared<Value>(*call.in[0]);
  if (in_place) {
    NEED_OUTSIDE(out);
  } else {
    out->path = block_depth_ > 0 ? std::to_string(block_depth_) : "";
  }
  std::vector<Ref> more = call.in[1]->items;
  out->items.insert(out->items.end(), more.begin(), more.end());
  call.out = {out};
  return true;
}

bool Evaluator::list_mul(Call& call) {
  if (call.in.size() != 2) return false;
  size_t l = call.in[0]->is_list() ? 0 : 1;
  if (!call.in[l]->is_list() || !call.in[1 - l]->is_int()) return false;
  auto out = std::make_shared<Value>(*call.in[l]);
  out->path = block_depth_ > 0 ? std::to_string(block_depth_) : "";
  std::vector<Ref> once = out->items;
  out->items.clear();
  for (int64_t i = constant_int(call.in[1 - l], "a list's length"); i > 0; --i) {
    out->items.insert(out->items.end(), once.begin(), once.end());
    if (out->items.size() > 10'000'000) throw Refusal("makes a list of over 10 million elements");
  }
  call.out = {out};
  return true;
}

bool Evaluator::list_slice(Call& call) {
  NEED_LIST(call.in[0]);
  const auto n = static_cast<int64_t>(call.in[0]->items.size());
  auto bound = [&](size_t i, int64_t otherwise) {
    if (i >= call.in.size() || call.in[i]->is_none()) return otherwise;
    int64_t v = constant_int(call.in[i], "a slice's bound");
    return std::clamp<int64_t>(v < 0 ? v + n : v, 0, n);
  };
  int64_t step =
      call.in.size() > 3 && !call.in[3]->is_none() ? constant_int(call.in[3], "a step") : 1;
  if (step == 0) throw Refusal("slices with a step of 0");
  auto out = std::make_shared<Value>(*call.in[0]);
  out->path = block_depth_ > 0 ? std::to_string(block_depth_) : "";
  out->items.clear();
  if (step > 0) {
    for (int64_t i = bound(1, 0); i < bound(2, n); i += step) {
      out->items.push_back(call.in[0]->items[static_cast<size_t>(i)]);
    }
  } else {
    const int64_t begin = call.in[1]->is_none() ? n - 1 : std::min(bound(1, 0), n - 1);
    const int64_t end = call.in[2]->is_none() ? -1 : bound(2, 0);
    for (int64_t i = begin; i > end; i += step) {
      out->items.push_back(call.in[0]->items[static_cast<size_t>(i)]);
    }
  }
  call.out = {out};
  return true;
}

bool Evaluator::reverse(Call& call) {
  NEED_LIST(call.in[0]);
  NEED_OUTSIDE(call.in[0]);
  std::reverse(call.in[0]->items.begin(), call.in[0]->items.end());
  return true;
}

bool Evaluator::contains(Call& call) {
  if (call.in[0]->kind == Value::Kind::kDict) {
    call.out = {plain(find_key(*call.in[0], call.in[1]) < call.in[0]->keys.size())};
    return true;
  }
  return false;
}

bool Evaluator::dict_get(Call& call) {
  NEED_DICT(call.in[0]);
  size_t at = find_key(*call.in[0], call.in[1]);
  if (at < call.in[0]->keys.size()) {
    call.out = {call.in[0]->items[at]};
  } else {
    call.out = {call.in.size() > 2 ? call.in[2] : none()};
  }
  return true;
}

bool Evaluator::dict_setdefault(Call& call) {
  NEED_DICT(call.in[0]);
  NEED_OUTSIDE(call.in[0]);
  size_t at = find_key(*call.in[0], call.in[1]);
  if (at == call.in[0]->keys.size()) {
    call.in[0]->keys.push_back(call.in[1]);
    call.in[0]->items.push_back(call.in[2]);
  }
  call.out = {call.in[0]->items[at]};
  return true;
}

bool Evaluator::dict_keys(Call& call) {
  NEED_DICT(call.in[0]);
  call.out = {list(call.in[0]->type->expectRef<c10::DictType>().getKeyType(), call.in[0]->keys)};
  return true;
}

bool Evaluator::dict_values(Call& call) {
  NEED_DICT(call.in[0]);
  call.out = {list(call.in[0]->type->expectRef<c10::DictType>().getValueType(), call.in[0]->items)};
  return true;
}

bool Evaluator::dict_items(Call& call) {
  NEED_DICT(call.in[0]);
  std::vector<Ref> pairs;
  for (size_t i = 0; i < call.in[0]->keys.size(); ++i) {
    pairs.push_back(tuple({call.in[0]->keys[i], call.in[0]->items[i]}));
  }
  const auto& type = call.in[0]->type->expectRef<c10::DictType>();
  call.out = {
      list(c10::TupleType::create({type.getKeyType(), type.getValueType()}), std::move(pairs))};
  return true;
}

bool Evaluator::dict_update(Call& call) {
  NEED_DICT(call.in[0]);
  NEED_OUTSIDE(call.in[0]);
  for (size_t i = 0; i < call.in[1]->keys.size(); ++i) {
    size_t at = find_key(*call.in[0], call.in[1]->keys[i]);
    if (at == call.in[0]->keys.size()) {
      call.in[0]->keys.push_back(call.in[1]->keys[i]);
      call.in[0]->items.push_back(call.in[1]->items[i]);
    } else {
      call.in[0]->items[at] = call.in[1]->items[i];
    }
  }
  return true;
}

bool Evaluator::dict_pop(Call& call) {
  NEED_DICT(call.in[0]);
  NEED_OUTSIDE(call.in[0]);
  size_t at = find_key(*call.in[0], call.in[1]);
  if (at == call.in[0]->keys.size()) {
    if (call.in.size() < 3) throw Refusal("the dict has no key " + text_of(call.in[1]));
    call.out = {call.in[2]};
    return true;
  }
  call.out = {call.in[0]->items[at]};
  call.in[0]->keys.erase(call.in[0]->keys.begin() + static_cast<int64_t>(at));
  call.in[0]->items.erase(call.in[0]->items.begin() + static_cast<int64_t>(at));
  return true;
}

// Lists that hold the very same things are equal; others with tensors in them are not compared.
bool Evaluator::container_eq(Call& call) {
  if (call.in.size() != 2 || !call.in[0]->is_list() || !call.in[1]->is_list()) return false;
  if (call.in[0]->items != call.in[1]->items) return false;
  call.out = {plain(call.name == "aten::eq")};
  return true;
}

const Evaluator::Handlers& container_handlers() {
  static const Evaluator::Handlers kHandlers = {
      {"prim::ListConstruct", &Evaluator::list_construct},
      {"prim::TupleConstruct", &Evaluator::tuple_construct},
      {"prim::DictConstruct", &Evaluator::dict_construct},
      {"prim::ListUnpack", &Evaluator::list_unpack},
      {"prim::TupleUnpack", &Evaluator::tuple_unpack},
      {"prim::TupleIndex", &Evaluator::tuple_index},
      {"prim::TupleSlice", &Evaluator::tuple_slice},
      {"aten::append", &Evaluator::append},
      {"aten::extend", &Evaluator::extend},
      {"aten::insert", &Evaluator::insert},
      {"aten::pop", &Evaluator::pop},
      {"aten::clear", &Evaluator::clear},
      {"aten::Delete", &Evaluator::remove_item},
      {"aten::__getitem__", &Evaluator::get_item},
      {"aten::_set_item", &Evaluator::set_item},
      {"aten::len", &Evaluator::length},
      {"aten::list", &Evaluator::to_list},
      {"aten::copy", &Evaluator::list_copy},
      {"aten::dict", &Evaluator::list_copy},
      {"aten::add", &Evaluator::list_add},
      {"aten::add_", &Evaluator::list_add},
      {"aten::mul", &Evaluator::list_mul},
      {"aten::slice", &Evaluator::list_slice},
      {"aten::reverse", &Evaluator::reverse},
      {"aten::__contains__", &Evaluator::contains},
      {"aten::get", &Evaluator::dict_get},
      {"aten::keys", &Evaluator::dict_keys},
      {"aten::values", &Evaluator::dict_values},
      {"aten::items", &Evaluator::dict_items},
      {"aten::update", &Evaluator::dict_update},
      {"aten::setdefault", &Evaluator::dict_setdefault},
      {"aten::eq", &Evaluator::container_eq},
      {"aten::ne", &Evaluator::container_eq},
  };
  return kHandlers;
}

#undef NEED_LIST
#undef NEED_DICT
#undef NEED_OUTSIDE

}  // namespace onnxport::torchscript
