// The work list: rules are tried on nodes, in the order of their names, until nothing changes.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/budget.h"
#include "onnx/graph.h"
#include "simplify/growth.h"
#include "simplify/rule.h"
#include "simplify/simplify.h"

namespace onnxport::simplify {

// In the order of registration, which is moot: the engine takes all_rules(). A test shuffles it.
std::vector<Rule>& registered_rules();

class Engine final : public Rewriter {
 public:
  Engine(onnx::Model& model, const Options& options, Summary& summary);

  // One round over everything on the list; every node is on it at first.
  void run();
  // Puts every node of every graph on the list.
  void queue_all();
  // The same, and what was deferred is weighed again: the graph it was weighed in is another now.
  void consider_again();
  bool changed() const { return changed_; }
  void clear_changed() { changed_ = false; }
  // Whether this step is wanted and may still be applied; then applied() has to follow.
  bool may_apply(const char* step) const {
    return applications_ < options_.max_applications &&
           (options_.skip.empty() || options_.skip.count(step) == 0);
  }
  // Counts it, and tells the trace. `removed` and `made` are nodes.
  void applied(const char* rule, std::string_view name, std::string_view op_type,
               size_t removed = 1, size_t made = 0);

  // --- Rewriter ----------------------------------------------------------------------------------
  int64_t opset() const override { return opset_; }
  Value* op(std::string_view op_type, std::vector<Value*> inputs, Attributes attributes,
            Node* before) override;
  Node* op_n(std::string_view op_type, std::vector<Value*> inputs, Attributes attributes,
             size_t outputs, Node* before) override;
  Value* constant(Tensor tensor, std::string_view name_hint) override;
  void replace(Node& node, Value* value) override;
  void replace_value(Value* old_value, Value* new_value) override;
  void set_input(Node& node, size_t index, Value* value) override;
  void touch(Node& node) override;
  void change_op(Node& node, std::string_view op_type, Attributes attributes) override;
  void drop_inputs_from(Node& node, size_t first) override;
  void inline_body(Node& node, onnx::Graph& body) override;

  // node's outputs become these constants, if growth allows; see Options::max_growth. What costs is
  // deferred, unless it is wanted `now`.
  bool replace_by_constants(Node& node, std::vector<Tensor> tensors, bool now = false);
  // Folds what run() has deferred because it costs, the cheapest first, as long as the budget
  // lasts. True when something changed.
  bool spend();
  bool is_deferred(const Node& node) const {
    return deferred_.count(const_cast<Node*>(&node)) != 0;
  }
  void defer(Node& node) { deferred_.emplace(&node, INT64_MAX); }  // for good
  // Whether computing the node, whose inputs are constants, is still in the budget; then it is
  // taken. Sizes that are not known are not counted.
  bool can_afford(const Node& node);
  // What a node of constants gives, computed here.
  std::optional<std::vector<Tensor>> folded(const Node& node);
  // Bytes that folding may still add.
  uint64_t bytes_left() const { return budget_.bytes_left(); }
  bool is_spent() const { return spent_; }  // something was not folded for want of budget
  void note_spent() { spent_ = true; }
  // Every graph, outer ones first.
  const std::vector<onnx::Graph*>& graphs();

 private:
  void queue(Node* node);
  void queue_around(Value* value);  // its producer and its users
  void queue_last_use(const Value* value);
  void forget(Node* node);  // it is, or will be, no more
  void visit(Node* node);
  bool erase_if_dead(Node& node);
  Outcome try_rule(const Rule& rule, Node& node);  // leaves nothing behind that it made in vain
  Outcome apply(const Rule& rule, Node& node);     // the same, counted and told to the trace
  void refused(const Rule& rule, const Node& node, const char* reason) const;
  void discard(Node& node);          // made just now, seen by nobody
  const char* try_fold(Node& node);  // the step that was applied, or null
  void infer_again(Node& node);      // and its users later, where that brought new facts
  void propagate_facts(const Value& value);

  onnx::Model& model_;
  const Options& options_;
  Summary& summary_;
  const int64_t opset_;
  std::unordered_map<std::string_view, std::vector<const Rule*>> rules_;
  std::vector<onnx::Graph*> graphs_;  // empty: not known, a body has gone
  std::deque<Node*> list_;
  std::unordered_set<Node*> listed_;  // what is not here is no longer on the list
  std::unordered_set<Node*> stale_;   // an input is better known than when it was inferred
  Growth growth_;
  Budget budget_;
  bool spent_ = false;
  std::unordered_map<Node*, int64_t> deferred_;  // what folding them would add
  bool spending_ = false;
  Node* current_ = nullptr;  // the node that a rule is tried on
  bool changed_ = false;
  size_t applications_ = 0;
  size_t made_ = 0;             // nodes that op() and op_n() have made
  std::vector<Node*> attempt_;  // those of the rule that is tried
};

// Nodes equal in operator, inputs and attributes become one; so do equal initializers (merge.cpp).
void merge_duplicates(Engine& engine);
// Nodes and initializers that nothing uses.
void drop_unused_initializers(Engine& engine);
// Whether two runs of the node give the same result: no random numbers, no bodies.
bool is_deterministic(const Node& node);
// Constant nodes that onnx::fold leaves, all of them in one run (evaluate.cpp).
void evaluate_constants(Engine& engine, const onnx::Model& model, const Evaluate& evaluate);

}  // namespace onnxport::simplify
