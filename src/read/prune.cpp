#include "read/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_set>

namespace onnxport::read {

namespace {

using aten::Arg;
using aten::Node;
using aten::Program;
using aten::ValueId;

// Calls that return the same tensor; in a functional program it does not matter whether they copy.
bool returns_its_argument(const Node& node) {
  static const std::unordered_set<std::string_view> kNames = {
      "aten::alias", "aten::detach", "aten::lift", "aten::lift_fresh", "aten::lift_fresh_copy"};
  return kNames.contains(node.op) && node.outputs.size() == 1 && !node.args.empty() &&
         node.args[0].arg.as<ValueId>() != nullptr;
}

class Identities {
 public:
  explicit Identities(size_t values) : same_(values) {
    for (size_t i = 0; i < same_.size(); ++i) same_[i] = ValueId{static_cast<int32_t>(i)};
  }
  void remove_from(Program& program) {
    see_through(program.nodes);
    for (aten::Output& output : program.outputs) resolve(output.value);
  }

 private:
  void resolve(ValueId& id) const {
    if (id.valid()) id = same_[static_cast<size_t>(id.index)];
  }
  void resolve(Arg& arg) const {
    aten::for_each_value(arg, [&](ValueId& id) { resolve(id); });
  }

  void see_through(std::vector<Node>& nodes) {
    std::vector<Node> kept;
    kept.reserve(nodes.size());
    for (Node& node : nodes) {
      for (aten::NamedArg& named : node.args) resolve(named.arg);
      for (aten::Block& block : node.blocks) {
        see_through(block.nodes);
        for (Arg& output : block.outputs) resolve(output);
      }
      if (returns_its_argument(node) && node.outputs[0].valid()) {
        same_[static_cast<size_t>(node.outputs[0].index)] = *node.args[0].arg.as<ValueId>();
      } else {
        kept.push_back(std::move(node));
      }
    }
    nodes = std::move(kept);
  }

  std::vector<ValueId> same_;
};

// Every symbol that an argument mentions.
void collect_symbols(const Arg& arg, std::unordered_set<std::string>& symbols) {
  if (const auto* e = arg.as<Expr>(); e != nullptr && !e->is_const()) {
    for (std::string& symbol : e->symbols()) symbols.insert(std::move(symbol));
  } else if (const auto* list = arg.as<aten::ArgList>()) {
    for (const Arg& element : *list) collect_symbols(element, symbols);
  }
}

// Backwards, so that what only a dropped call used is dropped too. What a loop carries stays, used
// or not: it belongs to the loop's form.
class Unused {
 public:
  explicit Unused(Program& program) : program_(program), used_(program.values.size(), false) {}
  void remove() {
    for (const aten::Output& output : program_.outputs) use(output.value);
    drop(program_.nodes);
    std::erase_if(program_.weights, [&](const aten::Weight& weight) {
      return !used_[static_cast<size_t>(weight.value.index)];
    });
  }

 private:
  void use(ValueId id) {
    if (id.valid()) used_[static_cast<size_t>(id.index)] = true;
  }
  void use(const Arg& arg) {
    aten::for_each_value(arg, [&](ValueId id) { use(id); });
    collect_symbols(arg, symbols_);
  }

  bool is_live(ValueId id) const {
    if (!id.valid()) return false;
    if (used_[static_cast<size_t>(id.index)]) return true;
    const aten::Value& value = program_.value(id);
    if (value.kind != aten::Value::Kind::kScalar || !value.scalar || value.scalar->is_const()) {
      return false;
    }
    const std::vector<std::string> symbols = value.scalar->symbols();
    return std::any_of(symbols.begin(), symbols.end(),
                       [&](const std::string& symbol) { return symbols_.contains(symbol); });
  }

  void drop(std::vector<Node>& nodes) {
    std::vector<Node> kept;
    for (size_t i = nodes.size(); i-- > 0;) {
      Node& node = nodes[i];
      const bool live =
          node.outputs.empty() || std::any_of(node.outputs.begin(), node.outputs.end(),
                                              [&](ValueId id) { return is_live(id); });
      if (!live) continue;
      for (const aten::NamedArg& named : node.args) use(named.arg);
      for (aten::Block& block : node.blocks) {
        for (const Arg& output : block.outputs) use(output);
        drop(block.nodes);
      }
      kept.push_back(std::move(node));
    }
    std::reverse(kept.begin(), kept.end());
    nodes = std::move(kept);
  }

  Program& program_;
  std::vector<bool> used_;
  std::unordered_set<std::string> symbols_;  // that arguments mention
};

bool is_true(const Node& node, std::string_view name) {
  const Arg* arg = node.arg(name);
  const bool* flag = arg == nullptr ? nullptr : arg->as<bool>();
  return flag != nullptr && *flag;
}

// Without running statistics it is a computation on its own (weight standardization), not a layer.
bool has_statistics(const Node& node) {
  const Arg* mean = node.arg("running_mean");
  return mean != nullptr && !mean->is_none();
}

void note_training(Program& program) {
  size_t norms = 0;
  size_t dropouts = 0;
  const Node* first = nullptr;
  aten::for_each_node(program.nodes, [&](const Node& node) {
    bool norm = (node.op == "aten::batch_norm" || node.op == "aten::_native_batch_norm_legit" ||
                 node.op == "aten::_native_batch_norm_legit_functional") &&
                is_true(node, "training") && has_statistics(node);
    bool dropout = (node.op == "aten::dropout" || node.op == "aten::feature_dropout" ||
                    node.op == "aten::alpha_dropout" || node.op == "aten::native_dropout") &&
                   is_true(node, "train");
    norms += norm ? 1 : 0;
    dropouts += dropout ? 1 : 0;
    if ((norm || dropout) && first == nullptr) first = &node;
  });
  if (first == nullptr) return;
  program.notes.push_back(fmt::format(
      "the model was exported in training mode ({} batch norms, {} dropouts; the first is `{}`{}): call "
      "model.eval() before torch.export.export",
      norms, dropouts, first->module_path, first->source.empty() ? "" : ", " + first->source));
}

}  // namespace

void prune(Program& program) {
  Identities(program.values.size()).remove_from(program);
  Unused(program).remove();
  note_training(program);
}

}  // namespace onnxport::read
