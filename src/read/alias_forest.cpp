#include "read/alias_forest.h"

#include <utility>

namespace onnxport::read {

using aten::ValueId;

void AliasForest::start(const aten::Program& program) {
  objects_.clear();
  trees_.clear();
  object_of_.assign(program.values.size(), -1);
  last_use_.assign(program.values.size(), -1);
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    aten::for_each_use(program.nodes[i], [&](ValueId id) {
      if (id.valid()) last_use_[static_cast<size_t>(id.index)] = static_cast<int32_t>(i);
    });
  }
  for (const aten::Output& output : program.outputs) {
    if (output.value.valid()) last_use_[static_cast<size_t>(output.value.index)] = INT32_MAX;
  }
}

Object& AliasForest::object(ValueId id) {
  const int32_t index = index_of(id);
  CHECK(index >= 0);  // a reader gives each use a definition before it
  return objects_[static_cast<size_t>(index)];
}

ValueId AliasForest::base_of(int32_t tree) const {
  const int32_t base = trees_[static_cast<size_t>(tree)].base;
  return objects_[static_cast<size_t>(base)].origin;
}

int32_t AliasForest::add(ValueId id, Object o) {
  objects_.push_back(std::move(o));
  object_of_[static_cast<size_t>(id.index)] = static_cast<int32_t>(objects_.size()) - 1;
  return static_cast<int32_t>(objects_.size()) - 1;
}

int32_t AliasForest::add_base(ValueId id) {
  Object o;
  o.tree = static_cast<int32_t>(trees_.size());
  o.origin = o.current = id;
  Tree tree;
  tree.base = static_cast<int32_t>(objects_.size());
  tree.members.push_back(id);
  trees_.push_back(std::move(tree));
  return add(id, std::move(o));
}

void AliasForest::add_view(ValueId id, ValueId of, ViewStep step, int32_t call) {
  Object o;
  o.parent = index_of(of);
  o.step = std::move(step);
  o.call = call;
  o.tree = object(of).tree;
  o.origin = o.current = id;
  o.version = tree_of(o).version;
  tree_of(o).members.push_back(id);
  add(id, std::move(o));
}

void AliasForest::link_maybe(ValueId a, ValueId b) {
  const int32_t ta = object(a).tree;
  const int32_t tb = object(b).tree;
  trees_[static_cast<size_t>(ta)].maybe.push_back(tb);
  trees_[static_cast<size_t>(tb)].maybe.push_back(ta);
}

std::unordered_set<int32_t> AliasForest::sharing(int32_t tree) const {
  std::vector<int32_t> todo{tree};
  std::unordered_set<int32_t> seen{tree};
  while (!todo.empty()) {
    const int32_t t = todo.back();
    todo.pop_back();
    for (int32_t other : trees_[static_cast<size_t>(t)].maybe) {
      if (seen.insert(other).second) todo.push_back(other);
    }
  }
  return seen;
}

std::optional<ValueId> AliasForest::used_later(int32_t tree, int32_t call) const {
  for (ValueId id : trees_[static_cast<size_t>(tree)].members) {
    if (last_use_[static_cast<size_t>(id.index)] > call) return id;
  }
  return std::nullopt;
}

}  // namespace onnxport::read
