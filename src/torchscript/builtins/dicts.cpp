// Dicts, in the order in which Python keeps them.
#include "torchscript/builtin.h"
#include "torchscript/builtins/containers.h"

namespace onnxport::torchscript {
namespace {

// Where the key stands; keys.size() if it does not.
size_t find_key(const Dict& dict, const Ref& key) {
  if (key->at().empty() || !same_everywhere(*key)) {
    throw FixedSize("a dict's key depends on a size");
  }
  const c10::IValue& wanted = key->at()[0];
  for (size_t i = 0; i < dict.keys.size(); ++i) {
    const c10::IValue& have = dict.keys[i]->at()[0];
    if (have.tagKind() == wanted.tagKind() && have == wanted) return i;
  }
  return dict.keys.size();
}

std::string text_of(const Ref& key) {
  if (key->is_string()) return "'" + key->at()[0].toStringRef() + "'";
  return key->is_int() ? std::to_string(key->at()[0].toInt()) : "?";
}

// Where the key, which must be there, stands.
size_t must_find(const Dict& dict, const Ref& key) {
  const size_t at = find_key(dict, key);
  if (at == dict.keys.size()) throw Refusal("the dict has no key " + text_of(key));
  return at;
}

void set(Dict& dict, const Ref& key, const Ref& item) {
  const size_t at = find_key(dict, key);
  if (at < dict.keys.size()) {
    dict.items[at] = item;
  } else {
    dict.keys.push_back(key);
    dict.items.push_back(item);
  }
}

void erase(Dict& dict, size_t at) {
  dict.keys.erase(dict.keys.begin() + static_cast<int64_t>(at));
  dict.items.erase(dict.items.begin() + static_cast<int64_t>(at));
}

// A dict that the code may change.
Dict& changed(Evaluator& e, const Ref& value) {
  Dict& dict = value->dict();
  check_made_here(e, dict.depth);
  return dict;
}

// Keys and items in turn.
bool construct(Evaluator& e, Call& call) {
  Dict made;
  made.type = call.output_type();
  made.depth = e.recorder().depth();
  for (size_t i = 0; i + 1 < call.in.size(); i += 2) set(made, call.in[i], call.in[i + 1]);
  call.out = {make(std::move(made))};
  return true;
}

BUILTIN("prim::DictConstruct", construct);

bool copy_dict(Evaluator& e, Call& call) {
  if (!call.in[0]->is_dict()) return false;
  Dict made = call.in[0]->dict();
  made.depth = e.recorder().depth();
  call.out = {make(std::move(made))};
  return true;
}

BUILTIN("aten::copy", copy_dict);

// dict(), dict(pairs), dict(other).
BUILTIN("aten::dict", [](Evaluator& e, Call& call) {
  if (!call.in.empty() && !call.in[0]->is_list()) return copy_dict(e, call);
  const std::vector<Ref> pairs = call.in.empty() ? std::vector<Ref>() : call.in[0]->items();
  call.in.clear();
  for (const Ref& pair : pairs) {
    call.in.insert(call.in.end(), pair->items().begin(), pair->items().end());
  }
  return construct(e, call);
});

BUILTIN("aten::pop", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_dict()) return false;
  Dict& dict = changed(e, call.in[0]);
  const size_t at = call.in.size() < 3 ? must_find(dict, call.in[1]) : find_key(dict, call.in[1]);
  if (at == dict.keys.size()) {
    call.out = {call.in[2]};
    return true;
  }
  call.out = {dict.items[at]};
  erase(dict, at);
  return true;
});

BUILTIN("aten::Delete", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_dict()) return false;
  Dict& dict = changed(e, call.in[0]);
  erase(dict, must_find(dict, call.in[1]));
  return true;
});

BUILTIN("aten::clear", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_dict()) return false;
  Dict& dict = changed(e, call.in[0]);
  dict.keys.clear();
  dict.items.clear();
  return true;
});

BUILTIN("aten::__getitem__", [](Evaluator&, Call& call) {
  const auto* dict = call.in[0]->as<Dict>();
  if (dict == nullptr) return false;
  call.out = {dict->items[must_find(*dict, call.in[1])]};
  return true;
});

BUILTIN("aten::_set_item", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_dict()) return false;
  set(changed(e, call.in[0]), call.in[1], call.in[2]);
  return true;
});

BUILTIN("aten::__contains__", [](Evaluator&, Call& call) {
  const auto* dict = call.in[0]->as<Dict>();
  if (dict == nullptr) return false;
  call.out = {plain(find_key(*dict, call.in[1]) < dict->keys.size())};
  return true;
});

BUILTIN("aten::get", [](Evaluator&, Call& call) {
  const auto* dict = call.in[0]->as<Dict>();
  if (dict == nullptr) return false;
  const size_t at = find_key(*dict, call.in[1]);
  if (at < dict->keys.size()) {
    call.out = {dict->items[at]};
  } else {
    call.out = {call.in.size() > 2 ? call.in[2] : none()};
  }
  return true;
});

BUILTIN("aten::setdefault", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_dict()) return false;
  Dict& dict = changed(e, call.in[0]);
  const size_t at = find_key(dict, call.in[1]);
  if (at == dict.keys.size()) set(dict, call.in[1], call.in[2]);
  call.out = {dict.items[at]};
  return true;
});

BUILTIN("aten::keys", [](Evaluator&, Call& call) {
  const auto* dict = call.in[0]->as<Dict>();
  if (dict == nullptr) return false;
  call.out = {list(dict->type->expectRef<c10::DictType>().getKeyType(), dict->keys)};
  return true;
});

BUILTIN("aten::values", [](Evaluator&, Call& call) {
  const auto* dict = call.in[0]->as<Dict>();
  if (dict == nullptr) return false;
  call.out = {list(dict->type->expectRef<c10::DictType>().getValueType(), dict->items)};
  return true;
});

BUILTIN("aten::items", [](Evaluator&, Call& call) {
  const auto* dict = call.in[0]->as<Dict>();
  if (dict == nullptr) return false;
  std::vector<Ref> pairs;
  for (size_t i = 0; i < dict->keys.size(); ++i) {
    pairs.push_back(tuple({dict->keys[i], dict->items[i]}));
  }
  const auto& type = dict->type->expectRef<c10::DictType>();
  call.out = {
      list(c10::TupleType::create({type.getKeyType(), type.getValueType()}), std::move(pairs))};
  return true;
});

BUILTIN("aten::update", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_dict()) return false;
  const Dict other = call.in[1]->dict();
  Dict& dict = changed(e, call.in[0]);
  for (size_t i = 0; i < other.keys.size(); ++i) set(dict, other.keys[i], other.items[i]);
  return true;
});

}  // namespace
}  // namespace onnxport::torchscript
