// The walk over the program: one rule per node, every problem kept for one report at the end.
#include "lower/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "base/cancel.h"
#include "lower/builder.h"
#include "lower/control.h"
#include "lower/promotion.h"
#include "lower/rule.h"

namespace onnxport::lower {

namespace {

using WeightKey = std::tuple<const Storage*, std::vector<int64_t>, DType>;

std::string location_of(const aten::Node& node) {
  std::string out = node.module_path.empty() ? "the root module" : "module " + node.module_path;
  if (!node.module_type.empty()) {
    out += fmt::format(" ({})", node.module_type.substr(node.module_type.rfind('.') + 1));
  }
  if (!node.source.empty()) out += ", " + node.source;
  return out;
}

// What could not be lowered: grouped, in order of first appearance.
class Problems {
 public:
  void add(const aten::Node& node, const Refused& refused) {
    if (refused.kind == Refused::Kind::kInBlock) return;  // noted where it is
    for (Group& group : groups_) {
      if (group.op == node.full_name() && group.why.reason == refused.reason) {
        ++group.count;
        return;
      }
    }
    groups_.push_back({node.full_name(), refused, location_of(node), 1});
  }
  bool empty() const { return groups_.empty(); }

  Error error() const {
    size_t calls = 0;
    bool missing = false;
    for (const Group& group : groups_) {
      calls += group.count;
      missing = missing || group.why.kind == Refused::Kind::kNoRule;
    }
    std::string out =
        fmt::format("{} {} cannot be converted to ONNX:", calls, calls == 1 ? "call" : "calls");
    for (const Group& group : groups_) {
      out += fmt::format("\n  {}  {}x  first in {}\n    {}", group.op, group.count, group.location,
                         group.why.reason);
    }
    if (missing) {
      out +=
          "\nFor an operator without a rule: run torch.export's program through "
          "run_decompositions() before saving it, or replace the call in the model.";
    }
    return Error{out, ""};
  }

 private:
  struct Group {
    std::string op;
    Refused why;
    std::string location;
    size_t count;
  };
  std::vector<Group> groups_;
};

class Walk : public Scope, private BlockWalk {
 public:
  Walk(const aten::Program& program, const Options& options)
      : program_(program),
        options_(options),
        builder_(model_, program),
        values_(program.values.size(), nullptr),
        broken_(program.values.size(), false) {}

  Result<onnx::Model> run() {
    TRY(lower_calls());
    TRY(add_outputs());
    builder_.finish();
    return std::move(model_);
  }

  Value lookup(aten::ValueId id) override {
    if (Value x = find(id)) return x;
    refuse(not_computed(id));
  }

  Value number(const Scalar& number) override {
    if (auto value = number.as_double()) return builder_.scalar(*value, number_type(number));
    return builder_.int_scalar(std::get<Expr>(number.v));
  }

 private:
  Status lower_calls() {
    model_.opset_imports[""] = options_.opset;
    model_.ir_version = onnx::ir_version_for_opset(options_.opset);
    model_.producer_name = "onnxport";
    index_weights();
    TRY(add_inputs());
    ScopeGuard guard(*this);
    for (const aten::Node& node : program_.nodes) {
      TRY(check_cancelled(options_.cancel));
      lower_node(node);
    }
    TRY(check_cancelled(options_.cancel));
    if (!problems_.empty()) return problems_.error();
    return {};
  }

  // Null when nothing has computed it.
  Value find(aten::ValueId id) {
    Value& slot = values_[static_cast<size_t>(id.index)];
    if (slot != nullptr) return slot;
    auto it = weights_.find(id.index);
    return it == weights_.end() ? nullptr : slot = add_weight(*it->second);
  }
  std::string not_computed(aten::ValueId id) const {
    return fmt::format("`{}` is an output that its operator's rule does not compute",
                       program_.value(id).name);
  }

  void index_weights() {
    for (const aten::Weight& weight : program_.weights) weights_[weight.value.index] = &weight;
  }

  // Weights appear with their first use; tied ones once.
  Value add_weight(const aten::Weight& weight) {
    WeightKey key(weight.tensor.storage.get(), weight.tensor.dims, weight.tensor.dtype);
    Value& known = shared_weights_[key];
    if (known == nullptr || weight.tensor.storage == nullptr) {
      known = model_.graph->add_initializer(weight.fqn, weight.tensor);
    }
    return known;
  }

  Status add_inputs() {
    const auto& names = options_.input_names;
    TRY(check_names(names, program_.inputs.size(), "input"));
    for (size_t i = 0; i < program_.inputs.size(); ++i) {
      const aten::Input& input = program_.inputs[i];
      const aten::Value& value = program_.value(input.value);
      std::string name = !names.empty()                ? names[i]
                         : program_.inputs.size() == 1 ? "input"
                         : !input.name.empty()         ? input.name
                                                       : value.name;
      if (builder_.graph().find(name) != nullptr) {
        return Error{fmt::format("two inputs would be named `{}`", name), ""};
      }
      Value x = builder_.graph().add_input(name, value.dtype, value.shape);
      values_[static_cast<size_t>(input.value.index)] = x;
      builder_.note_sizes(x);
    }
    return {};
  }

  void lower_block(const std::vector<aten::Node>& nodes) override {
    bool all = true;
    for (const aten::Node& node : nodes) {
      all = !options_.cancel.stop_requested() && lower_node(node) && all;
    }
    if (!all) throw Refused{Refused::Kind::kInBlock, "something in its blocks cannot be converted"};
  }

  // False after a refusal, which has been noted.
  bool lower_node(const aten::Node& node) {
    const int32_t index = next_index_++;
    const Rule* rule = find_rule(node.full_name());
    try {
      if (rule == nullptr && !is_control_flow(node)) {
        throw Refused{Refused::Kind::kNoRule, "there is no lowering rule for this operator"};
      }
      if (!uses_broken(node)) {
        take_all(node, rule != nullptr ? apply(*rule, node, index) : apply_control(node, index),
                 index);
        return true;
      }
    } catch (const Refused& refused) {
      problems_.add(node, refused);
    }
    break_outputs(node);
    return false;
  }

  Values apply(const Rule& rule, const aten::Node& node, int32_t index) {
    builder_.begin(node, index, rule.needs);
    return rule.apply(builder_, value_or_refuse(aten::bind(rule.schema, node.args)));
  }

  Values apply_control(const aten::Node& node, int32_t index) {
    builder_.begin(node, index);
    return lower_control_flow(builder_, node, index, *this);
  }

  // After a refusal, what depends on it is not reported again.
  bool uses_broken(const aten::Node& node) const {
    bool broken = false;
    aten::for_each_use(node, [&](aten::ValueId id) {
      broken = broken || (id.valid() && broken_[static_cast<size_t>(id.index)]);
    });
    return broken;
  }
  void break_outputs(const aten::Node& node) {
    for (aten::ValueId id : node.outputs) {
      if (id.valid()) broken_[static_cast<size_t>(id.index)] = true;
    }
  }

  void take_all(const aten::Node& node, const Values& results, int32_t index) {
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const aten::ValueId id = node.outputs[i];
      if (!id.valid() || i >= results.size() || results[i] == nullptr) continue;
      take(program_.value(id), results[i], index);
      values_[static_cast<size_t>(id.index)] = results[i];
    }
  }

  Value value_of(const aten::Arg& arg) override { return FromArg<Value>::get(arg); }

  void define(aten::ValueId id, Value x) override {
    const aten::Value& recorded = program_.value(id);
    if (recorded.kind == aten::Value::Kind::kScalar) {
      if (recorded.scalar) builder_.bind_scalar(*recorded.scalar, x);
    } else {
      builder_.note_sizes(x);
    }
    values_[static_cast<size_t>(id.index)] = x;
    broken_[static_cast<size_t>(id.index)] = false;
  }

  // The ONNX value that now stands for the aten value: types must agree, the name is taken over.
  void take(const aten::Value& recorded, Value x, int32_t index) {
    if (recorded.kind == aten::Value::Kind::kScalar) {
      if (recorded.scalar) builder_.bind_scalar(*recorded.scalar, x);
    } else {
      agree(recorded, x);
      builder_.note_sizes(x);
    }
    const bool fresh = x->producer != nullptr && x->producer->origin == index;
    if (fresh && named_.insert(x).second) builder_.graph().rename(x, recorded.name);
  }

  // Refuses what is not what PyTorch computed; else `x` gets the better of both shapes.
  static void agree(const aten::Value& recorded, Value x) {
    if (x->dtype == DType::kUndefined) x->dtype = recorded.dtype;
    if (recorded.dtype != DType::kUndefined && recorded.dtype != x->dtype) {
      refuse(fmt::format("internal error: the rule gives {}, PyTorch {}", name(x->dtype),
                         name(recorded.dtype)));
    }
    if (!recorded.shape) return;
    if (!x->shape) {
      x->shape = recorded.shape;
      return;
    }
    bool same = x->shape->size() == recorded.shape->size();
    for (size_t i = 0; same && i < x->shape->size(); ++i) {
      const Expr& a = (*x->shape)[i];
      const Expr& b = (*recorded.shape)[i];
      same = !a.is_const() || !b.is_const() || a == b;
    }
    if (!same) {
      refuse(fmt::format("internal error: the rule gives the shape {}, PyTorch {}",
                         to_string(*x->shape), to_string(*recorded.shape)));
    }
    if (x->is_input || x->initializer) return;
    for (size_t i = 0; i < x->shape->size(); ++i) {
      Expr& a = (*x->shape)[i];
      const Expr& b = (*recorded.shape)[i];
      if (!a.is_const() && (b.is_const() || !simpler(a, b))) a = b;
    }
  }

  // The inferred size is kept only if it is shorter, and made of the program's own symbols.
  static bool simpler(const Expr& inferred, const Expr& recorded) {
    return !onnx::is_unknown_dim(inferred) && inferred.str().size() < recorded.str().size();
  }

  Status add_outputs() {
    const auto& names = options_.output_names;
    TRY(check_names(names, program_.outputs.size(), "output"));
    std::set<std::string> taken;
    for (size_t i = 0; i < program_.outputs.size(); ++i) {
      const aten::Output& output = program_.outputs[i];
      std::string name = !names.empty()                 ? names[i]
                         : program_.outputs.size() == 1 ? "output"
                         : !output.name.empty()         ? output.name
                                                        : fmt::format("output_{}", i);
      if (!taken.insert(name).second) {
        return Error{fmt::format("two outputs would be named `{}`", name), ""};
      }
      TRY(add_output(output.value, name));
    }
    return {};
  }

  // An output is a node's value of its own: what is an input, a constant or an output already
  // passes through an Identity.
  Status add_output(aten::ValueId id, const std::string& name) {
    Value x = find(id);
    if (x == nullptr) return Error{not_computed(id), ""};
    onnx::Graph& graph = builder_.graph();
    if (x->producer == nullptr || x->graph_outputs > 0) {
      aten::Node copy;
      copy.outputs = {id};
      builder_.begin(copy, -1);
      x = builder_.op_n("Identity", {x}, {}, 1, /*fold=*/false)[0];
    }
    Value holder = graph.find(name);
    if (holder != nullptr && holder != x) {
      if (holder->is_input || holder->graph_outputs > 0) {
        return Error{fmt::format("an input and an output would both be named `{}`", name), ""};
      }
      graph.rename(holder, name + ".1");
    }
    if (x->name != name) graph.rename(x, name);
    graph.add_output(x);
    return {};
  }

  const aten::Program& program_;
  const Options& options_;
  onnx::Model model_;
  Builder builder_;
  std::vector<Value> values_;  // by aten::ValueId
  std::vector<bool> broken_;
  std::unordered_map<int32_t, const aten::Weight*> weights_;
  std::map<WeightKey, Value> shared_weights_;
  std::set<Value> named_;
  int32_t next_index_ = 0;  // of the node at hand, those in blocks counted
  Problems problems_;
};

}  // namespace

Status check_names(const std::vector<std::string>& names, size_t count, const char* of_what) {
  if (names.empty() || names.size() == count) return {};
  return Error{
      fmt::format("{} {} name{} given, the model has {} {}{}", names.size(), of_what,
                  names.size() == 1 ? " is" : "s are", count, of_what, count == 1 ? "" : "s"),
      ""};
}

const aten::Schema* find_schema(const std::string& full_name) {
  const Rule* rule = find_rule(full_name);
  return rule == nullptr ? nullptr : &rule->schema;
}

Result<onnx::Model> lower(const aten::Program& program, const Options& options) {
  if (options.opset < kLeastOpset) {
    return Error{
        fmt::format("opset {} is not supported; use {} or later", options.opset, kLeastOpset), ""};
  }
  return Walk(program, options).run();
}

}  // namespace onnxport::lower
