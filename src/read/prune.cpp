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

void see_through_identities(Program& program) {
  std::vector<ValueId> same(program.values.size());
  for (size_t i = 0; i < same.size(); ++i) same[i] = ValueId{static_cast<int32_t>(i)};
  auto resolve = [&](ValueId& id) {
    if (id.valid()) id = same[static_cast<size_t>(id.index)];
  };
  std::vector<Node> kept;
  kept.reserve(program.nodes.size());
  for (Node& node : program.nodes) {
    for (aten::NamedArg& named : node.args) aten::for_each_value(named.arg, resolve);
    if (returns_its_argument(node) && node.outputs[0].valid()) {
      same[static_cast<size_t>(node.outputs[0].index)] = *node.args[0].arg.as<ValueId>();
    } else {
      kept.push_back(std::move(node));
    }
  }
  program.nodes = std::move(kept);
  for (aten::Output& output : program.outputs) resolve(output.value);
}

// Every symbol that an argument mentions.
void collect_symbols(const Arg& arg, std::unordered_set<std::string>& symbols) {
  if (const auto* e = arg.as<Expr>(); e != nullptr && !e->is_const()) {
    for (std::string& symbol : e->symbols()) symbols.insert(std::move(symbol));
  } else if (const auto* list = arg.as<aten::ArgList>()) {
    for (const Arg& element : *list) collect_symbols(element, symbols);
  }
}

void drop_unused(Program& program) {
  std::vector<bool> used(program.values.size(), false);
  std::unordered_set<std::string> symbols;
  auto use = [&](ValueId id) {
    if (id.valid()) used[static_cast<size_t>(id.index)] = true;
  };
  for (const aten::Output& output : program.outputs) use(output.value);
  auto is_live = [&](const Node& node) {
    if (node.outputs.empty()) return true;
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      if (!id.valid()) return false;
      if (used[static_cast<size_t>(id.index)]) return true;
      const aten::Value& value = program.value(id);
      if (value.kind != aten::Value::Kind::kScalar || !value.scalar || value.scalar->is_const()) {
        return false;
      }
      for (const std::string& symbol : value.scalar->symbols()) {
        if (symbols.contains(symbol)) return true;
      }
      return false;
    });
  };
  std::vector<Node> kept;
  for (size_t i = program.nodes.size(); i-- > 0;) {
    Node& node = program.nodes[i];
    if (!is_live(node)) continue;
    for (const aten::NamedArg& named : node.args) {
      aten::for_each_value(named.arg, use);
      collect_symbols(named.arg, symbols);
    }
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  program.nodes = std::move(kept);
  std::erase_if(program.weights, [&](const aten::Weight& weight) {
    return !used[static_cast<size_t>(weight.value.index)];
  });
}

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
  for (const Node& node : program.nodes) {
    bool norm = (node.op == "aten::batch_norm" || node.op == "aten::_native_batch_norm_legit" ||
                 node.op == "aten::_native_batch_norm_legit_functional") &&
                is_true(node, "training") && has_statistics(node);
    bool dropout = (node.op == "aten::dropout" || node.op == "aten::feature_dropout" ||
                    node.op == "aten::alpha_dropout" || node.op == "aten::native_dropout") &&
                   is_true(node, "train");
    norms += norm ? 1 : 0;
    dropouts += dropout ? 1 : 0;
    if ((norm || dropout) && first == nullptr) first = &node;
  }
  if (first == nullptr) return;
  program.notes.push_back(fmt::format(
      "the model was exported in training mode ({} batch norms, {} dropouts; the first is `{}`{}): call "
      "model.eval() before torch.export.export",
      norms, dropouts, first->module_path, first->source.empty() ? "" : ", " + first->source));
}

}  // namespace

void prune(Program& program) {
  see_through_identities(program);
  drop_unused(program);
  note_training(program);
}

}  // namespace onnxport::read
