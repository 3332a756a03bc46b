// The program is walked once, with its alias forest (read/alias_forest.h) at hand.
//
// A write to a view computes what the view becomes, then puts it back into its parent
// (select_scatter, slice_scatter, an inverse permute or reshape), and so on up to the base. No
// other view is touched: a view that is read later finds its tree's count ahead of its own and is
// taken from its parent anew.
//
//   y = x[:, 0]; y.mul_(2); z = x + 1     =>     y = select(x, 1, 0); m = mul(y, 2)
//                                                x1 = select_scatter(x, m, 1, 0); z = add(x1, 1)
//
// Where the program does not tell whether a call copied (a reshape of a tensor whose strides are
// not recorded), a write is refused only if the other side is used later: else it makes no
// difference.
//
// The blocks of a branch or loop come first, each as a program of its own; what they do to memory
// from outside (read/block_memory.h) is then a part of the call that they belong to.
#include "read/functionalize.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "read/alias_forest.h"
#include "read/block_memory.h"
#include "read/mutating_ops.h"
#include "read/view_ops.h"

namespace onnxport::read {

namespace {

using aten::Arg;
using aten::ArgList;
using aten::NamedArg;
using aten::Node;
using aten::Program;
using aten::Value;
using aten::ValueId;
using StepKind = ViewStep::Kind;

using Memories = std::unordered_map<const Node*, CallMemory>;  // of calls with blocks

class Functionalizer : private AliasForest {
 public:
  Functionalizer(Program& program, const Memories& memories)
      : program_(program), memories_(memories) {}

  Status run() {
    start(program_);
    for (const Value& value : program_.values) names_.insert(value.name);
    for (const aten::Weight& weight : program_.weights) add_base(weight.value);
    for (const aten::Input& input : program_.inputs) add_base(input.value);
    calls_ = std::move(program_.nodes);
    program_.nodes.clear();
    for (size_t i = 0; i < calls_.size(); ++i) {
      at_ = static_cast<int32_t>(i);
      if (Status s = step(calls_[i]); !s.ok()) return std::move(s).error().at(location(calls_[i]));
    }
    for (aten::Output& output : program_.outputs) {
      TRY_ASSIGN(output.value, read(output.value));
    }
    return {};
  }

  // After run(), of a program that is a block: its outputs, and what it did to its inputs. `own`
  // are the block's inputs; the program's other inputs are from outside.
  Result<BlockMemory> memory(const std::vector<std::vector<ValueId>>& outputs,
                             const std::unordered_set<int32_t>& own, std::set<int32_t> used) {
    BlockMemory memory;
    memory.used = std::move(used);
    for (const std::vector<ValueId>& values : outputs) {
      std::set<int32_t>& roots = memory.roots.emplace_back();
      for (ValueId id : values) {
        if (!id.valid() || object_of_[static_cast<size_t>(id.index)] < 0) continue;
        for (int32_t tree : sharing(object(id).tree)) roots.insert(base_of(tree).index);
      }
    }
    for (const aten::Input& input : program_.inputs) {
      const Object& o = object(input.value);
      const bool lost = lost_.contains(input.value.index);
      if (own.contains(input.value.index)) {
        if (lost || tree_of(o).version > 0) memory.written.insert(input.value.index);
      } else if (lost || o.parent >= 0) {
        return Error{
            "changes `" + input.name +
                "` in place, inside a branch or loop that depends on data, where the change "
                "would have to be seen outside; write it as an assignment (x = x + 1)",
            ""};
      } else if (tree_of(o).version > 0) {
        TRY_ASSIGN(memory.escaped[input.value.index], read(input.value));
      }
    }
    return memory;
  }

 private:
  static std::string location(const Node& node) {
    std::string out = "call " + node.full_name();
    if (!node.module_path.empty()) out += " in " + node.module_path;
    if (!node.source.empty()) out += " at " + node.source;
    return out;
  }

  // --- new values and calls
  // -----------------------------------------------------------------------
  ValueId new_value(ValueId like) {
    Value value = program_.value(like);
    std::string stem = value.name.substr(0, value.name.find("_after_"));
    int& n = copies_[stem];
    do value.name = fmt::format("{}_after_{}", stem, ++n);
    while (!names_.insert(value.name).second);
    return program_.add_value(std::move(value));
  }

  // A call made here, at the place of the call at hand.
  Node made(std::string op, std::string overload, std::vector<NamedArg> args) const {
    const Node& from = calls_[static_cast<size_t>(at_)];
    Node node;
    node.op = std::move(op);
    node.overload = std::move(overload);
    node.args = std::move(args);
    node.module_path = from.module_path;
    node.module_type = from.module_type;
    node.source = from.source;
    return node;
  }

  ValueId emit(Node node, ValueId like) {
    ValueId out = new_value(like);
    node.outputs = {out};
    program_.nodes.push_back(std::move(node));
    return out;
  }

  static Arg sizes_arg(const Shape& shape) { return Arg(ArgList(shape.begin(), shape.end())); }

  static Arg dims_arg(const std::vector<int64_t>& dims) {
    ArgList list;
    for (int64_t d : dims) list.emplace_back(Expr(d));
    return Arg(std::move(list));
  }

  Result<Shape> shape_of(ValueId id) const {
    if (program_.value(id).shape) return *program_.value(id).shape;
    return Error{"the sizes of `" + program_.value(id).name +
                     "` are needed to follow an in-place write, but "
                     "are not recorded",
                 ""};
  }

  // --- reading
  // ------------------------------------------------------------------------------------
  Result<ValueId> read(ValueId id) {
    if (!id.valid() || object_of_[static_cast<size_t>(id.index)] < 0) return id;  // a scalar
    return read_object(object_of_[static_cast<size_t>(id.index)]);
  }

  // Contents of an object now. Views that a write has passed by are taken again, the base first.
  Result<ValueId> read_object(int32_t index) {
    std::vector<int32_t> stale;
    for (int32_t i = index; i >= 0; i = objects_[static_cast<size_t>(i)].parent) {
      const Object& o = objects_[static_cast<size_t>(i)];
      if (o.version == tree_of(o).version) break;
      CHECK(o.parent >= 0);  // a write always reaches the base
      stale.push_back(i);
    }
    for (size_t i = stale.size(); i-- > 0;) {
      Object& o = objects_[static_cast<size_t>(stale[i])];
      TRY_ASSIGN(ValueId taken, take(o, objects_[static_cast<size_t>(o.parent)].current));
      o.current = taken;
      o.version = tree_of(o).version;
    }
    return objects_[static_cast<size_t>(index)].current;
  }

  // The view `o` of `base`.
  Result<ValueId> take(const Object& o, ValueId base) {
    const ViewStep& s = o.step;
    switch (s.kind) {
      case StepKind::kAlias:
        return base;
      case StepKind::kSelect:
        return emit(made("aten::select", "int",
                         {{"self", Arg(base)}, {"dim", Arg(Expr(s.dim))}, {"index", s.index}}),
                    o.origin);
      case StepKind::kSlice:
        return emit(made("aten::slice", "Tensor",
                         {{"self", Arg(base)},
                          {"dim", Arg(Expr(s.dim))},
                          {"start", s.start},
                          {"end", s.end},
                          {"step", s.step}}),
                    o.origin);
      case StepKind::kPermute:
        return emit(made("aten::permute", "", {{"self", Arg(base)}, {"dims", dims_arg(s.perm)}}),
                    o.origin);
      case StepKind::kReshape: {
        TRY_ASSIGN(Shape shape, shape_of(o.origin));
        return emit(made("aten::reshape", "", {{"self", Arg(base)}, {"shape", sizes_arg(shape)}}),
                    o.origin);
      }
      case StepKind::kDiagonal:
      case StepKind::kOpaque:
        break;
    }
    const Node& call = calls_[static_cast<size_t>(o.call)];
    if (call.outputs.size() != 1) {
      return Error{
          "`" + program_.value(o.origin).name + "`, made by " + call.full_name() +
              ", is used after its base was written in place; write it without in-place calls",
          ""};
    }
    Node again = call;
    again.args[0].arg = Arg(base);
    for (size_t i = 1; i < again.args.size(); ++i) TRY(read_args(again.args[i].arg));
    return emit(std::move(again), o.origin);
  }

  Status read_args(Arg& arg) {
    Status status;
    aten::for_each_value(arg, [&](ValueId& id) {
      if (!status.ok()) return;
      auto now = read(id);
      if (now.ok()) {
        id = *now;
      } else {
        status = std::move(now).error();
      }
    });
    return status;
  }

  // --- writing
  // ------------------------------------------------------------------------------------
  Status check_unclear_aliases(int32_t tree) {
    for (int32_t other : sharing(tree)) {
      if (other == tree) continue;
      if (auto id = used_later(other, at_)) {
        return Error{
            "writes in place to memory that `" + program_.value(*id).name +
                "`, which is used later, may or may not share (a reshape, contiguous or to between "
                "them, a branch or a loop may have copied or not); make the copy explicit with .clone(), "
                "or write it without in-place calls",
            ""};
      }
    }
    return {};
  }

  // The object, and all that it is a view of, becomes `contents`.
  Status write(int32_t index, ValueId contents) {
    TRY(check_unclear_aliases(objects_[static_cast<size_t>(index)].tree));
    Tree& tree = trees_[static_cast<size_t>(objects_[static_cast<size_t>(index)].tree)];
    note_base(tree);
    std::vector<std::pair<int32_t, ValueId>> written{{index, contents}};
    for (int32_t i = index; objects_[static_cast<size_t>(i)].parent >= 0;) {
      const int32_t parent = objects_[static_cast<size_t>(i)].parent;
      TRY_ASSIGN(ValueId before, read_object(parent));
      TRY_ASSIGN(contents, put_back(objects_[static_cast<size_t>(i)], before, contents));
      written.emplace_back(parent, contents);
      i = parent;
    }
    ++tree.version;
    written_ = true;
    for (auto [i, value] : written) {
      objects_[static_cast<size_t>(i)].current = value;
      objects_[static_cast<size_t>(i)].version = tree.version;
    }
    return {};
  }

  // `base` with the view `o` of it replaced by `contents`.
  Result<ValueId> put_back(const Object& o, ValueId base, ValueId contents) {
    const ViewStep& s = o.step;
    switch (s.kind) {
      case StepKind::kAlias:
        return contents;
      case StepKind::kSelect:
        return emit(made("aten::select_scatter", "",
                         {{"self", Arg(base)},
                          {"src", Arg(contents)},
                          {"dim", Arg(Expr(s.dim))},
                          {"index", s.index}}),
                    base);
      case StepKind::kSlice:
        return emit(made("aten::slice_scatter", "",
                         {{"self", Arg(base)},
                          {"src", Arg(contents)},
                          {"dim", Arg(Expr(s.dim))},
                          {"start", s.start},
                          {"end", s.end},
                          {"step", s.step}}),
                    base);
      case StepKind::kPermute: {
        std::vector<int64_t> back(s.perm.size());
        for (size_t i = 0; i < back.size(); ++i)
          back[static_cast<size_t>(s.perm[i])] = static_cast<int64_t>(i);
        return emit(made("aten::permute", "", {{"self", Arg(contents)}, {"dims", dims_arg(back)}}),
                    base);
      }
      case StepKind::kReshape: {
        TRY_ASSIGN(Shape shape, shape_of(base));
        return emit(
            made("aten::reshape", "", {{"self", Arg(contents)}, {"shape", sizes_arg(shape)}}),
            base);
      }
      case StepKind::kDiagonal: {
        const Node& call = calls_[static_cast<size_t>(o.call)];
        Node scatter = made("aten::diagonal_scatter", "", call.args);
        scatter.args[0].arg = Arg(base);
        scatter.args.insert(scatter.args.begin() + 1, {"src", Arg(contents)});
        return emit(std::move(scatter), base);
      }
      case StepKind::kOpaque:
        break;
    }
    return Error{"writes in place through the view `" + program_.value(o.origin).name + "` that " +
                     calls_[static_cast<size_t>(o.call)].full_name() +
                     " made, which cannot be followed; write it without in-place calls",
                 ""};
  }

  // The first write to a weight or an input is worth a note: an ONNX model changes neither.
  void note_base(const Tree& tree) {
    if (tree.version > 0) return;
    ValueId base = objects_[static_cast<size_t>(tree.base)].origin;
    for (const aten::Weight& weight : program_.weights) {
      if (weight.value != base) continue;
      program_.notes.push_back("the model changes `" + weight.fqn +
                               "` in place when it runs; an ONNX model "
                               "keeps no state, so the change lasts for one run");
    }
    for (const aten::Input& input : program_.inputs) {
      if (input.value != base) continue;
      program_.notes.push_back("the model changes its input `" + input.name +
                               "` in place; the caller's "
                               "tensor is left as it is");
    }
  }

  // --- calls
  // --------------------------------------------------------------------------------------
  Status step(Node& node) {
    if (auto kind = in_place(node)) return write_call(node, *kind);
    Views views = views_of(program_, node);
    const ValueId of =
        views.relation == Views::Relation::kFresh ? ValueId() : *node.args[0].arg.as<ValueId>();
    Node now = node;
    TRY(read_all(now));
    if (written_) forgive_layout(now);
    program_.nodes.push_back(std::move(now));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      ValueId id = node.outputs[i];
      if (!id.valid()) continue;
      if (views.relation == Views::Relation::kView &&
          object_of_[static_cast<size_t>(of.index)] >= 0) {
        add_view(id, of, std::move(views.steps[i]), at_);
      } else {
        add_base(id);
        if (views.relation == Views::Relation::kUnclear) link_maybe(id, of);
      }
    }
    return node.blocks.empty() ? Status() : follow_blocks(node);
  }

  // The node's blocks read what is current where the node stands; what they define is not known
  // here, and stays as it is.
  Status read_all(Node& node) {
    Status status;
    aten::for_each_arg(node, [&](Arg& arg) {
      if (status.ok()) status = read_args(arg);
    });
    return status;
  }

  // What a branch or loop changes in place, and what its results share memory with.
  Status follow_blocks(const Node& node) {
    const CallMemory& memory = memories_.at(&node);
    auto known = [&](int32_t v) { return v >= 0 && object_of_[static_cast<size_t>(v)] >= 0; };
    auto share = [&](int32_t a, int32_t b) {
      return known(a) && known(b) &&
             sharing(object(ValueId{a}).tree).contains(object(ValueId{b}).tree);
    };
    const std::string why = conflict(program_, node, memory, share);
    if (!why.empty()) {
      return Error{"changes in place, in a branch or loop that depends on data, " + why +
                       "; make the copy explicit with .clone(), or write it as an assignment "
                       "(x = x + 1)",
                   ""};
    }
    for (int32_t value : changed_beginnings(node, memory)) {
      if (!known(value)) continue;
      for (int32_t tree : sharing(object(ValueId{value}).tree)) {
        const auto later = used_later(tree, at_);
        if (!later) continue;
        return Error{"changes what it carries in place, on its first trip `" +
                         program_.value(ValueId{value}).name + "`, while `" +
                         program_.value(*later).name +
                         "`, which shares that memory, is used after the loop; begin with a copy "
                         "(.clone()), or write it as an assignment (x = x + 1)",
                     ""};
      }
      lost_.insert(base_of(object(ValueId{value}).tree).index);
    }
    for (size_t i = 0; i < memory.changed.size(); ++i) {
      const ValueId now = node.outputs[memory.carried + i];
      const int32_t target = index_of(memory.changed[i]);
      if (target < 0) return Error{"changes something that is not a tensor", ""};
      TRY(write(target, now));
      object_of_[static_cast<size_t>(now.index)] = target;
    }
    for (size_t k = 0; k < memory.carried && k < node.outputs.size(); ++k) {
      const OutputMemory lies = memory_of_output(node, memory, k);
      for (int32_t value : lies.values) {
        if (known(value)) link_maybe(node.outputs[k], ValueId{value});
      }
      for (size_t other : lies.outputs) link_maybe(node.outputs[k], node.outputs[other]);
    }
    return {};
  }

  // A tensor that was put together again has the same elements, but may lie in memory in another
  // order than the one that was written in place: `view` would refuse it where `reshape` does not.
  static void forgive_layout(Node& node) {
    if ((node.op != "aten::view" && node.op != "aten::_unsafe_view") || !node.overload.empty())
      return;
    node.op = "aten::reshape";
    for (NamedArg& named : node.args) {
      if (named.name == "size") named.name = "shape";
    }
  }

  Status write_call(const Node& node, const InPlace& how) {
    if (how.kind == InPlace::Kind::kUnknown) {
      return Error{
          "changes its arguments in a way that is not known here; write it without in-place calls",
          ""};
    }
    const ValueId* self = node.args.empty() ? nullptr : node.args[0].arg.as<ValueId>();
    if (self == nullptr || !self->valid()) return Error{"has no tensor to change", ""};
    const int32_t target = object_of_[static_cast<size_t>(self->index)];
    if (target < 0) return Error{"changes something that is not a tensor", ""};
    if (how.kind == InPlace::Kind::kReshape) return change_sizes(node, *self, how);
    if (how.kind != InPlace::Kind::kNothing) {
      Node now = node;
      for (NamedArg& named : now.args) TRY(read_args(named.arg));
      TRY_ASSIGN(ValueId contents, computed(std::move(now), how, *self));
      TRY(write(target, contents));
    }
    for (ValueId out : node.outputs) {  // the call returns the tensor that it changed
      if (!out.valid()) continue;
      object_of_[static_cast<size_t>(out.index)] = target;
      tree_of(objects_[static_cast<size_t>(target)]).members.push_back(out);
    }
    return {};
  }

  // squeeze_ and its kind give the tensor object itself other sizes: from here on, every name of
  // the object is a name of the new view.
  Status change_sizes(const Node& node, ValueId self, const InPlace& how) {
    Node view = node;
    view.op = how.functional;
    const int32_t before = object_of_[static_cast<size_t>(self.index)];
    Views views = views_of(program_, view);
    if (node.outputs.size() != 1 || views.relation != Views::Relation::kView) {
      return Error{"changes a tensor's sizes in place in a way that cannot be followed", ""};
    }
    TRY_ASSIGN(ValueId base, read(self));
    view.args[0].arg = Arg(base);
    program_.nodes.push_back(view);
    calls_[static_cast<size_t>(at_)] = view;
    add_view(node.outputs[0], self, std::move(views.steps[0]), at_);
    const int32_t after = object_of_[static_cast<size_t>(node.outputs[0].index)];
    std::replace(object_of_.begin(), object_of_.end(), before, after);
    return {};
  }

  // What the tensor becomes. `now` has current arguments; `self` is the value as the program named
  // it.
  Result<ValueId> computed(Node now, const InPlace& how, ValueId self) {
    const ValueId out =
        now.outputs.empty() || !now.outputs[0].valid() ? new_value(self) : now.outputs[0];
    const ValueId current = *now.args[0].arg.as<ValueId>();
    switch (how.kind) {
      case InPlace::Kind::kZero:
        return finish(made("aten::zeros_like", "", {{"self", Arg(current)}}), out);
      case InPlace::Kind::kCopy:
      case InPlace::Kind::kFill: {
        if (now.args.size() < 2) return Error{"has no value to write", ""};
        const ValueId* source = now.args[1].arg.as<ValueId>();
        if (source == nullptr) {
          return finish(made("aten::full_like", "",
                             {{"self", Arg(current)}, {"fill_value", now.args[1].arg}}),
                        out);
        }
        return converted(*source, self);
      }
      default:
        break;
    }
    now.op = how.functional;
    now.args[0].name = how.self;
    now.outputs.clear();
    const DType want = program_.value(self).dtype;
    const DType got = how.kind == InPlace::Kind::kCompare ? DType::kBool : promoted(now);
    if (got == want || want == DType::kUndefined) return finish(std::move(now), out);
    ValueId wide = new_value(out);
    program_.values[static_cast<size_t>(wide.index)].dtype = got;
    TRY_ASSIGN(ValueId computed, finish(std::move(now), wide));
    return finish(made("aten::to", "dtype", {{"self", Arg(computed)}, {"dtype", Arg(want)}}), out);
  }

  Result<ValueId> finish(Node node, ValueId out) {
    node.outputs = {out};
    program_.nodes.push_back(std::move(node));
    return out;
  }

  // `source` with the type and sizes of `like`.
  Result<ValueId> converted(ValueId source, ValueId like) {
    ValueId out = source;
    if (program_.value(source).dtype != program_.value(like).dtype) {
      ValueId cast = new_value(source);
      program_.values[static_cast<size_t>(cast.index)].dtype = program_.value(like).dtype;
      TRY_ASSIGN(out,
                 finish(made("aten::to", "dtype",
                             {{"self", Arg(source)}, {"dtype", Arg(program_.value(like).dtype)}}),
                        cast));
    }
    TRY_ASSIGN(Shape want, shape_of(like));
    if (program_.value(out).shape == want) return out;
    return emit(made("aten::expand", "", {{"self", Arg(out)}, {"size", sizes_arg(want)}}), like);
  }

  // The type of an elementwise call's result: PyTorch's promotion, in which tensors with dimensions
  // outweigh those without where both are floating, or both integers.
  DType promoted(const Node& node) const {
    DType best = program_.value(*node.args[0].arg.as<ValueId>()).dtype;
    int best_rank = rank_of(*node.args[0].arg.as<ValueId>());
    for (size_t i = 1; i < node.args.size(); ++i) {
      const auto* id = node.args[i].arg.as<ValueId>();
      if (id == nullptr || !id->valid() || program_.value(*id).kind != Value::Kind::kTensor)
        continue;
      if (node.args[i].name == "index" || node.args[i].name == "mask") continue;
      DType other = program_.value(*id).dtype;
      const int weight = category(other) - category(best);
      const int rank = rank_of(*id);
      if (weight > 0 ||
          (weight == 0 && byte_size(other) > byte_size(best) && !(rank == 0 && best_rank > 0))) {
        best = other;
        best_rank = rank;
      }
    }
    return best;
  }
  int rank_of(ValueId id) const {
    const Value& value = program_.value(id);
    return value.shape ? static_cast<int>(value.shape->size()) : 1;
  }
  static int category(DType t) {
    if (t == DType::kBool) return 0;
    if (is_integer(t)) return 1;
    return is_floating(t) ? 2 : 3;
  }

  Program& program_;
  const Memories& memories_;
  std::unordered_set<int32_t> lost_;  // bases that a loop has changed, nobody knows to what
  std::vector<Node> calls_;           // the program as it was read
  int32_t at_ = 0;                    // the call at hand
  bool written_ = false;              // something was written in place before the call at hand
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, int> copies_;  // how many later states of a value have been named
};

}  // namespace

namespace {

// Every block is a program of its own, whose inputs are the block's, and all that it reads from
// outside. Innermost ones first.
Result<BlockMemory> functionalize_block(Program& program, aten::Block& block);

Status functionalize_blocks(Program& program, std::vector<Node>& nodes, Memories& memories) {
  for (Node& node : nodes) {
    if (node.blocks.empty()) continue;
    std::vector<BlockMemory> blocks;
    for (aten::Block& block : node.blocks) {
      TRY_ASSIGN(BlockMemory memory, functionalize_block(program, block));
      blocks.push_back(std::move(memory));
    }
    memories[&node] = hand_out_changes(program, node, std::move(blocks));
  }
  return {};
}

Result<BlockMemory> functionalize_block(Program& program, aten::Block& block) {
  Memories memories;
  TRY(functionalize_blocks(program, block.nodes, memories));
  Program inner;
  std::unordered_set<int32_t> known;
  std::unordered_set<int32_t> own;
  std::unordered_set<int32_t> outside;
  for (ValueId id : block.inputs) {
    inner.inputs.push_back({id, program.value(id).name});
    known.insert(id.index);
    own.insert(id.index);
  }
  aten::for_each_node(block.nodes, [&](const Node& node) {
    for (ValueId id : node.outputs) known.insert(id.index);
    for (const aten::Block& deeper : node.blocks) {
      for (ValueId id : deeper.inputs) known.insert(id.index);
    }
  });
  auto use = [&](ValueId id) {
    if (!id.valid() || known.contains(id.index) || !outside.insert(id.index).second) return;
    inner.inputs.push_back({id, program.value(id).name});
  };
  std::set<int32_t> used;
  for (const Node& node : block.nodes) {
    aten::for_each_use(node, use);
    aten::for_each_use(node, [&](ValueId id) { used.insert(id.index); });
  }
  std::vector<std::vector<ValueId>> outputs;
  for (const Arg& output : block.outputs) {
    outputs.emplace_back();
    aten::for_each_value(output, use);
    aten::for_each_value(output, [&](ValueId id) {
      inner.outputs.push_back({id, ""});
      outputs.back().push_back(id);
      used.insert(id.index);
    });
  }
  std::erase_if(used, [&](int32_t id) { return !outside.contains(id) && !own.contains(id); });
  std::swap(inner.values, program.values);
  inner.nodes = std::move(block.nodes);
  auto memory = [&]() -> Result<BlockMemory> {
    Functionalizer functionalizer(inner, memories);
    TRY(functionalizer.run());
    return functionalizer.memory(outputs, own, std::move(used));
  }();
  std::swap(inner.values, program.values);
  block.nodes = std::move(inner.nodes);
  size_t next = 0;
  for (Arg& output : block.outputs) {
    aten::for_each_value(output, [&](ValueId& id) { id = inner.outputs[next++].value; });
  }
  return memory;
}

bool writes_in_place(const Program& program) {
  bool found = false;
  aten::for_each_node(program.nodes,
                      [&](const Node& node) { found = found || in_place(node).has_value(); });
  return found;
}

}  // namespace

Status functionalize(Program& program) {
  if (!writes_in_place(program)) return {};
  std::vector<Node> nodes = std::move(program.nodes);
  Memories memories;
  Status status = functionalize_blocks(program, nodes, memories);
  program.nodes = std::move(nodes);
  TRY(std::move(status));
  return Functionalizer(program, memories).run();
}

}  // namespace onnxport::read
