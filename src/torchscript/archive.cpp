#include "torchscript/archive.h"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/class_type.h>

#include <algorithm>

namespace onnxport::torchscript {
namespace {

constexpr int64_t kMaxDots = 256;  // in a path

std::string joined(const std::string& path, const std::string& name) {
  if (path.empty()) return name;
  return name.empty() ? path : path + "." + name;
}

}  // namespace

Ref Archive::weight(const at::Tensor& tensor, const std::string& path) {
  Ref& known = known_[tensor.unsafeGetTensorImpl()];
  if (known) return known;
  if (!tensor.defined()) throw Refusal("the attribute `" + path + "` is an undefined tensor");
  Tensor made;
  made.stored = tensor.detach();
  made.fqn = path;
  for (int64_t size : tensor.sizes()) made.dims.emplace_back(size);
  kept_.push_back(tensor);
  return known = make(std::move(made));
}

Ref Archive::stored(const c10::IValue& value, const std::string& path) {
  if (std::count(path.begin(), path.end(), '.') > kMaxDots) {
    throw Refusal("the attribute `" + path + "` is nested too deep");
  }
  if (value.isTensor()) return weight(value.toTensor(), path);
  if (value.isObject()) {
    Ref& known = known_[value.toObject().get()];
    if (!known) {
      Object made;
      made.object = value.toObject();
      made.type = made.object->type();
      made.path = path;
      known = make(std::move(made));
    }
    return known;
  }
  auto child = [&](const c10::IValue& v, const std::string& name) {
    return stored(v, joined(path, name));
  };
  if (value.isTuple()) {
    std::vector<Ref> items;
    for (const c10::IValue& v : value.toTupleRef().elements()) {
      items.push_back(child(v, std::to_string(items.size())));
    }
    return tuple(std::move(items), value.type());
  }
  if (value.isList()) {
    List made;
    made.type = value.type();
    for (const c10::IValue& v : value.toListRef()) {
      made.items.push_back(child(v, std::to_string(made.items.size())));
    }
    return make(std::move(made));
  }
  if (value.isGenericDict()) {
    Dict made;
    made.type = value.type();
    for (const auto& entry : value.toGenericDict()) {
      made.keys.push_back(stored(entry.key(), path));
      const std::string name = entry.key().isString() ? entry.key().toStringRef() : "item";
      made.items.push_back(child(entry.value(), name));
    }
    return make(std::move(made));
  }
  return plain(value);
}

Ref Archive::constant(const void* key, const c10::IValue& value) {
  if (auto found = known_.find(key); found != known_.end()) return found->second;
  Ref made = stored(value, "");
  if (auto* tensor = made->as<Tensor>()) tensor->literal = true;
  return known_[key] = made;
}

Ref Archive::attribute(const Ref& object, const std::string& name) {
  auto* holder = object->as<Object>();
  if (holder == nullptr) {
    throw Refusal("reads `" + name + "` of something that is not an object");
  }
  Ref& slot = holder->attributes[name];
  if (slot) return slot;
  if (!holder->object) throw Refusal("reads `" + name + "` before it is set");
  const std::string path = joined(holder->path, name);
  if (auto index = holder->object->type()->findAttributeSlot(name)) {
    return slot = stored(holder->object->getSlot(*index), path);
  }
  auto constant = holder->object->type()->findConstant(name);
  if (!constant) throw Refusal("the module has no attribute `" + name + "`");
  return slot = stored(*constant, path);
}

void Archive::set_attribute(const Ref& object, const std::string& name, Ref value) {
  Object& holder = object->object();
  holder.attributes[name] = std::move(value);
  if (holder.object && holder.changed.insert(name).second) changed_.emplace_back(object, name);
}

Ref Archive::module_at(const Ref& root, const std::string& path) {
  Ref at = root;
  for (size_t begin = 0; begin < path.size();) {
    size_t end = std::min(path.find('.', begin), path.size());
    at = attribute(at, path.substr(begin, end - begin));
    begin = end + 1;
  }
  return at;
}

}  // namespace onnxport::torchscript
