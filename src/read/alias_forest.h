// Which tensors of a program share memory. Every tensor object has a node in the forest: a base, or
// a view that one ViewStep takes from its parent. Objects of one tree share memory, and the tree
// counts how often that memory was written.
#pragma once

#include <optional>
#include <unordered_set>
#include <vector>

#include "aten/program.h"
#include "read/view_ops.h"

namespace onnxport::read {

struct Object {
  int32_t parent = -1;  // object that this is a view of
  ViewStep step;        // how, if it is one
  int32_t call = -1;    // the call, by its number, that took the view
  int32_t tree = 0;
  aten::ValueId origin;   // the value that the object was born as: its sizes and name
  aten::ValueId current;  // what holds its contents as of `version`
  int version = 0;
};

struct Tree {
  int32_t base = 0;  // object
  int version = 0;   // counts writes
  std::vector<aten::ValueId> members;
  std::vector<int32_t> maybe;  // trees that may share its memory
};

class AliasForest {
 public:
  // Empty, for the values and calls of this program.
  void start(const aten::Program& program);

  Object& object(aten::ValueId id);
  Tree& tree_of(const Object& o) { return trees_[static_cast<size_t>(o.tree)]; }
  int32_t index_of(aten::ValueId id) const { return object_of_[static_cast<size_t>(id.index)]; }
  aten::ValueId base_of(int32_t tree) const;

  int32_t add_base(aten::ValueId id);
  void add_view(aten::ValueId id, aten::ValueId of, ViewStep step, int32_t call);
  void link_maybe(aten::ValueId a, aten::ValueId b);

  // This tree and those that may share its memory.
  std::unordered_set<int32_t> sharing(int32_t tree) const;
  // A member of the tree that a call after this one uses.
  std::optional<aten::ValueId> used_later(int32_t tree, int32_t call) const;

 protected:
  std::vector<Object> objects_;
  std::vector<Tree> trees_;
  std::vector<int32_t> object_of_;  // by value of the program as it was read; -1: no tensor

 private:
  int32_t add(aten::ValueId id, Object o);

  std::vector<int32_t> last_use_;  // by value: number of the last call that names it
};

}  // namespace onnxport::read
