#include "simplify/engine.h"

#include <algorithm>
#include <tuple>

#include "onnx/fold.h"
#include "onnx/infer.h"
#include "onnx/known_ints.h"
#include "onnx/walk.h"
#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

constexpr int64_t kFoldElements = int64_t{1} << 20;

// Elements that all folds together may touch: some seconds' worth for a small model.
uint64_t fold_elements(const onnx::Model& model) {
  constexpr uint64_t kLeast = uint64_t{1} << 28;
  uint64_t elements = kLeast;
  for (const Value* value : model.graph->values()) {
    if (value->initializer) elements += 16 * static_cast<uint64_t>(value->initializer->numel());
  }
  return elements;
}

// Data movement of a constant of any size without touching its bytes.
std::optional<std::vector<Tensor>> move_lazily(const Node& node) {
  const Tensor* x = constant_of(node.input(0));
  const Value* out = node.output();
  if (x == nullptr || byte_size(x->dtype) == 0 || node.outputs.size() != 1) return std::nullopt;
  if (node.is("Transpose")) {
    const auto perm = onnx::perm_of(node);
    if (!perm || perm->size() != x->dims.size()) return std::nullopt;
    return std::vector<Tensor>{x->transposed(*perm)};
  }
  if (has_trait(node, Trait::kReshapes)) {
    if (!out->shape) return std::nullopt;
    std::vector<int64_t> dims;
    for (const Expr& d : *out->shape) {
      if (!d.is_const()) return std::nullopt;
      dims.push_back(d.value());
    }
    const auto bytes = checked_nbytes(x->dtype, dims);
    if (!bytes.ok() || *bytes != x->nbytes()) return std::nullopt;
    return std::vector<Tensor>{x->reshaped(std::move(dims))};
  }
  return std::nullopt;
}

// Whether `v` is a few numbers that are computed from sizes and constants alone. What rounds them
// may be rounded up or down to a size: there, a last digit is a wrong shape.
bool is_made_of_sizes(const Value* v) {
  constexpr int64_t kFew = 16;
  constexpr size_t kMaxNodes = 64;
  // Whatever else makes numbers of numbers.
  const auto goes_on = [](const Node& node) {
    const onnx::ops::OpDef* def = onnx::ops::find(node);
    if (def == nullptr) return false;
    return def->traits.has(Trait::kElementwise) || def->traits.has(Trait::kSelects) ||
           def->traits.has(Trait::kReduces) || node.is("Concat");
  };
  // Asked of nearly every node: counted without making an expression.
  auto few = [&](const Value* x) {
    int64_t count = 1;
    return x->shape && std::all_of(x->shape->begin(), x->shape->end(), [&](const Expr& size) {
             if (!size.is_const() || size.value() > kFew) return false;
             return (count *= size.value()) <= kFew;
           });
  };
  if (v == nullptr || !few(v)) return false;
  bool sizes = false;
  std::unordered_set<const Node*> seen;
  std::vector<const Value*> list{v};
  while (!list.empty()) {
    const Value* x = list.back();
    list.pop_back();
    if (x == nullptr || x->constant() != nullptr) continue;
    const Node* node = x->producer;
    if (node == nullptr || !few(x) || !node->domain.empty()) return false;
    if (node->is("Shape") || node->is("Size")) {
      sizes = true;
    } else if (!goes_on(*node) || seen.size() == kMaxNodes) {
      return false;
    } else if (seen.insert(node).second) {
      list.insert(list.end(), node->inputs.begin(), node->inputs.end());
    }
  }
  return sizes;
}

// What new names begin with: those that are made of names that were made of names would grow
// without end, and 100,000 values may be named after one long name.
std::string_view stem_of(std::string_view name) {
  constexpr size_t kLongest = 400;
  if (name.size() <= kLongest) return name;
  size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) --end;  // UTF-8
  return name.substr(0, end);
}

// How many nodes nothing needs any more: among `list`, and of what only those needed.
size_t count_unused(std::vector<Node*> list) {
  std::unordered_set<const Node*> unused;
  while (!list.empty()) {
    const Node* node = list.back();
    list.pop_back();
    if (unused.count(node) != 0) continue;
    const bool used = std::any_of(node->outputs.begin(), node->outputs.end(), [&](const Value* v) {
      if (v == nullptr) return false;
      return v->graph_outputs > 0 ||
             std::any_of(v->uses.begin(), v->uses.end(),
                         [&](const onnx::Use& use) { return unused.count(use.node) == 0; });
    });
    if (used) continue;
    unused.insert(node);
    for (const Value* in : node->inputs) {
      if (in != nullptr && in->producer != nullptr) list.push_back(in->producer);
    }
  }
  return unused.size();
}

}  // namespace

const std::vector<Step>& steps() {
  static const std::vector<Step> all = {
      {"evaluate_constant", "a node of constants becomes its result, computed by ONNX Runtime"},
      {"fold_constant", "a node of constants becomes its result"},
      {"fold_known_ints", "a size that shape inference knows becomes a constant"},
      {"lift_constant", "a Constant node becomes an initializer"},
      {"merge_duplicate_initializers", "initializers of equal content become one"},
      {"merge_equal_sizes", "sizes that are the same, computed in two ways, become one"},
      {"merge_duplicate_nodes", "nodes with equal operator, inputs and attributes become one"},
  };
  return all;
}

std::vector<Rule>& registered_rules() {
  static std::vector<Rule> rules;
  return rules;
}

bool register_rule(Rule rule) {
  registered_rules().push_back(std::move(rule));
  return true;
}

std::vector<const Rule*> all_rules() {
  std::vector<const Rule*> rules;
  for (const Rule& rule : registered_rules()) rules.push_back(&rule);
  std::sort(rules.begin(), rules.end(), [](const Rule* a, const Rule* b) {
    return std::string_view(a->name) < std::string_view(b->name);
  });
  return rules;
}

Engine::Engine(onnx::Model& model, const Options& options, Summary& summary)
    : model_(model),
      options_(options),
      summary_(summary),
      opset_(model.opset()),
      growth_(model, options),
      budget_(options.memory, fold_elements(model)) {
  for (const Rule* rule : all_rules()) {
    if (options.exact && rule->rounding) continue;
    if (options.skip.count(rule->name) != 0) continue;
    for (const std::string& op_type : rule->op_types) rules_[op_type].push_back(rule);
  }
  queue_all();
}

const std::vector<onnx::Graph*>& Engine::graphs() {
  if (graphs_.empty()) graphs_ = onnx::all_graphs(model_);
  return graphs_;
}

void Engine::queue_all() {
  for (onnx::Graph* graph : graphs()) {
    for (Node* node = graph->first(); node != nullptr; node = node->next) {
      queue(node);
      // What its bodies' outputs have become shows in it only when it is looked at again.
      if (!onnx::subgraphs(*node).empty()) stale_.insert(node);
    }
  }
  growth_.forget();
}

void Engine::consider_again() {
  deferred_.clear();
  queue_all();
}

void Engine::queue(Node* node) {
  if (node == nullptr || node->graph == nullptr) return;
  if (listed_.insert(node).second) list_.push_back(node);
}

void Engine::queue_around(Value* value) {
  if (value == nullptr) return;
  queue(value->producer);
  for (const onnx::Use& use : value->uses) queue(use.node);
}

void Engine::applied(const char* rule, std::string_view name, std::string_view op_type,
                     size_t removed, size_t made) {
  ++summary_.fired[rule];
  ++applications_;
  changed_ = true;
  if (options_.trace) {
    options_.trace({rule, std::string(name), std::string(op_type), removed, made});
  }
}

// The budget is a guard against two rules that undo each other: the result stays a right graph, and
// simplify() says that it did not settle.
void Engine::run() {
  size_t budget = 100 * list_.size() + 10000;
  while (!list_.empty() && budget-- > 0 && !options_.cancel.stop_requested()) {
    Node* node = list_.front();
    list_.pop_front();
    if (listed_.erase(node) == 0 || node->graph == nullptr) continue;
    if (stale_.erase(node) != 0) infer_again(*node);
    visit(node);
  }
  list_.clear();
  listed_.clear();
}

void Engine::visit(Node* node) {
  if (erase_if_dead(*node)) return;
  if (applications_ >= options_.max_applications) return;
  current_ = node;
  const Value* out = node->output();
  std::string name, op_type;
  if (options_.trace) {
    name = name_of(*node);
    op_type = node->op_type;
  }
  if (const char* step = try_fold(*node)) {
    applied(step, name, op_type);
    return;
  }
  if (!node->domain.empty() || out == nullptr) return;
  auto rules = rules_.find(node->op_type);
  if (rules == rules_.end()) return;
  std::optional<bool> made_of_sizes;  // one answer for all rules: none has changed anything yet
  for (const Rule* rule : rules->second) {
    if (rule->rounding) {
      if (!made_of_sizes) made_of_sizes = is_made_of_sizes(out);
      if (*made_of_sizes) {
        refused(*rule, *node, "a size is computed from it: its last digit counts");
        continue;
      }
    }
    current_ = node;
    const Outcome outcome = apply(*rule, *node);
    if (!outcome.changed) {
      refused(*rule, *node, outcome.reason);
      continue;
    }
    if (node->graph != nullptr && !erase_if_dead(*node)) queue(node);
    return;
  }
}

void Engine::refused(const Rule& rule, const Node& node, const char* reason) const {
  if (options_.refused) options_.refused({rule.name, name_of(node), node.op_type, reason});
}

Outcome Engine::try_rule(const Rule& rule, Node& node) {
  attempt_.clear();
  const Outcome outcome = rule.apply(*this, node);
  if (outcome.changed) return outcome;
  // What it had made before it found that it does not match: nobody has seen it.
  for (size_t i = attempt_.size(); i-- > 0;) {
    Node* made = attempt_[i];
    if (made->graph != nullptr && made->unused()) discard(*made);
  }
  return outcome;
}

void Engine::forget(Node* node) {
  listed_.erase(node);
  stale_.erase(node);
  deferred_.erase(node);
}

void Engine::discard(Node& node) {
  forget(&node);
  node.graph->erase(&node);
  --made_;
}

Outcome Engine::apply(const Rule& rule, Node& node) {
  if (!options_.trace) {
    const Outcome outcome = try_rule(rule, node);
    if (outcome.changed) applied(rule.name, {}, {});
    return outcome;
  }
  const std::string name = name_of(node), op_type = node.op_type;
  std::vector<Node*> touched{&node};
  for (const Value* in : node.inputs) {
    if (in != nullptr && in->producer != nullptr) touched.push_back(in->producer);
  }
  const size_t made_before = made_;
  const Outcome outcome = try_rule(rule, node);
  if (outcome.changed) {
    applied(rule.name, name, op_type, count_unused(std::move(touched)), made_ - made_before);
  }
  return outcome;
}

bool Engine::erase_if_dead(Node& node) {
  if (!node.unused()) return false;
  // A body's values of the graphs around it lose a user when the body goes.
  std::vector<Node*> producers;
  const std::vector<Value*> inputs = node.inputs;
  const std::vector<onnx::Graph*> bodies = onnx::subgraphs(node);
  for (size_t i = 0; i < bodies.size(); ++i) {
    for (Node* inner = bodies[i]->first(); inner != nullptr; inner = inner->next) {
      for (const Value* in : inner->inputs) {
        if (in != nullptr && in->producer != nullptr && in->graph == node.graph) {
          producers.push_back(in->producer);
        }
      }
    }
  }
  // The list may hold nodes of the bodies, which die with them: pointers that nobody follows now.
  if (!bodies.empty()) {
    graphs_.clear();
    for (onnx::Graph* body : onnx::graphs_below(node)) {
      for (Node* inner = body->first(); inner != nullptr; inner = inner->next) forget(inner);
    }
  }
  // An erased node lives as long as its graph, which may be a body that goes.
  forget(&node);
  node.graph->erase(&node);
  for (Node* producer : producers) queue(producer);
  for (const Value* in : inputs) queue_last_use(in);
  changed_ = true;
  return true;
}

const char* Engine::try_fold(Node& node) {
  if (!spending_ && is_deferred(node)) return nullptr;
  if (!node.domain.empty() || !is_deterministic(node)) return nullptr;
  const bool is_constant = node.is("Constant");
  if (node.output() != nullptr && node.output()->graph_outputs > 0) {
    // An Identity would stand where it stood: a gain only where nodes before it go.
    const bool frees = std::any_of(node.inputs.begin(), node.inputs.end(), [](const Value* in) {
      return in != nullptr && in->producer != nullptr && used_once(in);
    });
    if (!frees) return nullptr;
  }
  const char* step = is_constant ? "lift_constant" : "fold_constant";
  std::optional<std::vector<Tensor>> tensors;
  if (may_apply(step)) tensors = folded(node);
  if (!tensors && !is_constant && may_apply("fold_known_ints")) {
    step = "fold_known_ints";
    const Value* out = node.outputs.size() == 1 ? node.output() : nullptr;
    auto content = out != nullptr ? onnx::known_tensor(*out) : std::nullopt;
    if (content) tensors = std::vector<Tensor>{std::move(*content)};
  }
  if (!tensors || !replace_by_constants(node, std::move(*tensors))) return nullptr;
  return step;
}

std::optional<std::vector<Tensor>> Engine::folded(const Node& node) {
  if (!has_constant_inputs(node)) return std::nullopt;
  std::optional<std::vector<Tensor>> tensors = move_lazily(node);
  if (!tensors && can_afford(node)) tensors = onnx::fold(node, opset_, kFoldElements);
  return tensors;
}

bool Engine::can_afford(const Node& node) {
  // No fold reads or gives more of one tensor. Each axis is a step for each element, each output
  // another copy of the input (Split).
  const auto most = [](int64_t elements) {
    return static_cast<uint64_t>(std::clamp<int64_t>(elements, 0, kFoldElements));
  };
  const onnx::ops::OpDef* def = onnx::ops::find(node);
  if (def == nullptr || def->fold == nullptr) return true;
  uint64_t elements = 1;
  uint64_t axes = 0;
  for (const Value* in : node.inputs) {
    if (in == nullptr || in->constant() == nullptr) continue;
    elements += most(in->constant()->numel());
    axes = std::max<uint64_t>(axes, in->constant()->dims.size());
  }
  elements *= std::max<uint64_t>(node.outputs.size(), 1);
  bool known = true;
  for (const Value* out : node.outputs) {
    if (out == nullptr || !out->shape) continue;
    int64_t count = 1;
    for (const Expr& size : *out->shape) {
      if (size.is_const() && !__builtin_mul_overflow(count, size.value(), &count)) continue;
      known = false;
      break;
    }
    if (known) elements += most(count);
    axes = std::max<uint64_t>(axes, out->shape->size());
  }
  constexpr uint64_t kUsualAxes = 8;
  if (axes > kUsualAxes) {
    // So many sizes are not followed by inference.
    if (!known) elements += static_cast<uint64_t>(kFoldElements);
    elements *= axes;
  }
  if (budget_.take_elements(elements)) return true;
  note_spent();
  return false;
}

bool Engine::spend() {
  struct Candidate {
    int64_t growth;
    std::string name;
    Node* node;
  };
  std::vector<Candidate> candidates;
  for (auto it = deferred_.begin(); it != deferred_.end();) {
    if (it->first->graph == nullptr) {
      it = deferred_.erase(it);
      continue;
    }
    if (it->second != INT64_MAX) candidates.push_back({it->second, name_of(*it->first), it->first});
    ++it;
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.growth, a.name) < std::tie(b.growth, b.name);
  });
  if (candidates.empty()) return false;
  growth_.forget();
  bool spent = false;
  spending_ = true;
  for (const Candidate& c : candidates) {
    if (c.node->graph == nullptr || applications_ >= options_.max_applications) continue;
    if (!growth_.allows(c.growth)) break;
    current_ = c.node;
    const std::string op_type = c.node->op_type;
    const char* step = try_fold(*c.node);
    if (step == nullptr) continue;
    applied(step, c.name, op_type);
    spent = true;
  }
  spending_ = false;
  return spent;
}

bool Engine::replace_by_constants(Node& node, std::vector<Tensor> tensors, bool now) {
  if (tensors.size() < node.outputs.size()) return false;
  if (!node.is("Constant")) {
    const int64_t growth = Growth::of(node, tensors);
    if (growth > 0 && growth_.is_limited() && !spending_ && !now) {
      deferred_.emplace(&node, growth);
      return false;
    }
    if (!growth_.allows(growth)) return false;
    if (growth > 0 && !budget_.take_bytes(static_cast<uint64_t>(growth))) {
      note_spent();
      return false;
    }
    growth_.add(growth);
  }
  onnx::Graph& graph = *node.graph;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    Value* old_value = node.outputs[i];
    if (old_value == nullptr || old_value->unused()) continue;
    const std::string name = old_value->name;
    const bool keeps_name = old_value->graph_outputs == 0;
    Value* value = graph.add_initializer(name, std::move(tensors[i]));
    graph.replace(old_value, value);
    if (keeps_name) {
      graph.rename(old_value, name + ".folded");
      graph.rename(value, name);
    }
    queue_around(value);
    propagate_facts(*value);
  }
  erase_if_dead(node);
  changed_ = true;
  return true;
}

namespace {

struct Facts {
  DType dtype;
  std::optional<Shape> shape;
  std::optional<std::vector<Expr>> ints;
  explicit Facts(const Value& v) : dtype(v.dtype), shape(v.shape), ints(v.ints) {}
  bool operator==(const Facts&) const = default;
};

}  // namespace

void Engine::infer_again(Node& node) {
  std::vector<std::optional<Facts>> before;
  for (const Value* out : node.outputs) {
    before.push_back(out != nullptr ? std::optional<Facts>(*out) : std::nullopt);
  }
  // What breaks its operator's rules stays unknown here, and is the checker's to report.
  (void)onnx::infer(node, opset_).ok();
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (before[i] && *before[i] != Facts(*node.outputs[i])) propagate_facts(*node.outputs[i]);
  }
}

void Engine::propagate_facts(const Value& value) {
  for (const onnx::Use& use : value.uses) {
    stale_.insert(use.node);
    queue(use.node);
  }
}

Node* Engine::op_n(std::string_view op_type, std::vector<Value*> inputs, Attributes attributes,
                   size_t outputs, Node* before) {
  if (before == nullptr) before = current_;
  Node* node = current_->graph->add_node(std::string(op_type), std::move(inputs),
                                         std::move(attributes), outputs, before);
  ++made_;
  attempt_.push_back(node);
  node->origin = current_->origin;
  if (!current_->name.empty()) {
    node->name = std::string(stem_of(current_->name)) + "/" + node->op_type;
  }
  infer_again(*node);
  queue(node);
  return node;
}

Value* Engine::op(std::string_view op_type, std::vector<Value*> inputs, Attributes attributes,
                  Node* before) {
  Node* node = op_n(op_type, std::move(inputs), std::move(attributes), 1, before);
  std::optional<std::vector<Tensor>> tensors = folded(*node);
  if (!tensors) return node->output();
  const std::string hint = node->input(0) != nullptr ? node->input(0)->name : "constant";
  discard(*node);
  return constant(std::move((*tensors)[0]), hint);
}

Value* Engine::constant(Tensor tensor, std::string_view name_hint) {
  return current_->graph->add_initializer(std::string(stem_of(name_hint)), std::move(tensor));
}

void Engine::replace(Node& node, Value* value) {
  Node* made_by = value->producer;
  if (made_by != nullptr && made_by->origin == node.origin && value->uses.empty() &&
      value->graph_outputs == 0) {
    made_by->name = node.name;  // the new node stands where the old one stood
  }
  replace_value(node.output(), value);
  queue(&node);
}

void Engine::replace_value(Value* old_value, Value* new_value) {
  if (!new_value->shape) new_value->shape = old_value->shape;
  if (new_value->dtype == DType::kUndefined) new_value->dtype = old_value->dtype;
  if (!new_value->ints && new_value->constant() == nullptr) new_value->ints = old_value->ints;
  const bool learnt = new_value->constant() != nullptr || Facts(*old_value) != Facts(*new_value);
  // Those that used the new value before see nothing new: with many, that would be quadratic.
  const std::vector<onnx::Use> moved = old_value->uses;
  old_value->graph->replace(old_value, new_value);
  queue(old_value->producer);
  queue(new_value->producer);
  for (const onnx::Use& use : moved) {
    if (learnt) stale_.insert(use.node);
    queue(use.node);
  }
}

// A value that has one use left may be ready for a rule.
void Engine::queue_last_use(const Value* value) {
  if (value == nullptr) return;
  queue(value->producer);
  if (value->uses.size() == 1) queue(value->uses[0].node);
}

void Engine::set_input(Node& node, size_t index, Value* value) {
  Value* before = node.input(index);
  node.graph->set_input(&node, index, value);
  queue_last_use(before);
  if (value != nullptr) queue(value->producer);
  touch(node);
}

void Engine::touch(Node& node) {
  infer_again(node);
  queue(&node);
  for (Value* out : node.outputs) queue_around(out);
}

void Engine::change_op(Node& node, std::string_view op_type, Attributes attributes) {
  node.op_type = std::string(op_type);
  node.attributes = std::move(attributes);
  touch(node);
}

void Engine::drop_inputs_from(Node& node, size_t first) {
  while (node.inputs.size() > first) {
    const size_t last = node.inputs.size() - 1;
    if (node.inputs[last] != nullptr) set_input(node, last, nullptr);
    node.inputs.pop_back();
  }
  touch(node);
}

void Engine::inline_body(Node& node, onnx::Graph& body) {
  graphs_.clear();
  const std::vector<Node*> nodes = body.nodes();
  const std::vector<Value*> results = node.graph->inline_body(body, &node);
  for (size_t i = 0; i < node.outputs.size() && i < results.size(); ++i) {
    if (node.outputs[i] != nullptr) replace_value(node.outputs[i], results[i]);
  }
  for (Node* inner : nodes) queue(inner);
  queue(&node);
}

}  // namespace onnxport::simplify
