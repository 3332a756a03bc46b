#include "onnx/graph.h"

#include <algorithm>
#include <atomic>
#include <queue>

#include "onnx/walk.h"

namespace onnxport::onnx {
namespace {

// Where a Use stands in its value's list is kept beside the input: a constant that 100,000 nodes
// use loses them one by one, and may not be searched each time.
void note_place(Node* node, size_t input, size_t place) {
  if (node->use_at.size() <= input) node->use_at.resize(node->inputs.size(), 0);
  node->use_at[input] = static_cast<uint32_t>(place);
}

void add_use(Value* value, Node* node, size_t input) {
  if (value == nullptr) return;
  note_place(node, input, value->uses.size());
  value->uses.push_back({node, input});
}

// The last Use takes the place of the one that goes.
void drop_use(Value* value, const Node* node, size_t input) {
  if (value == nullptr) return;
  const size_t place = node->use_at[input];
  CHECK(place < value->uses.size());
  CHECK(value->uses[place].node == node && value->uses[place].input == input);
  const Use last = value->uses.back();
  value->uses.pop_back();
  if (place == value->uses.size()) return;
  value->uses[place] = last;
  note_place(last.node, last.input, place);
}

void drop_uses(const Node* node) {
  for (size_t i = 0; i < node->inputs.size(); ++i) drop_use(node->inputs[i], node, i);
}

}  // namespace

std::vector<Graph*> subgraphs(const Node& node) {
  std::vector<Graph*> graphs;
  for (const auto& [name, attribute] : node.attributes) {
    if (auto* graph = std::get_if<Attribute::GraphRef>(&attribute.v)) {
      graphs.push_back(graph->get());
    } else if (auto* several = std::get_if<std::vector<Attribute::GraphRef>>(&attribute.v)) {
      for (const Attribute::GraphRef& graph : *several) graphs.push_back(graph.get());
    }
  }
  return graphs;
}

Expr unknown_dim() {
  static std::atomic<uint64_t> count{0};
  return Expr::symbol("?" + std::to_string(++count));
}

bool is_unknown_dim(const Expr& dim) {
  if (dim.is_const()) return false;
  const std::vector<std::string> names = dim.symbols();
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.starts_with("?") || name.starts_with("overflow__");
  });
}

// --- Node --------------------------------------------------------------------------------------

bool Node::unused() const {
  return std::all_of(outputs.begin(), outputs.end(),
                     [](const Value* out) { return out == nullptr || out->unused(); });
}

const Attribute* Node::find(std::string_view attribute) const {
  for (const auto& [key, value] : attributes) {
    if (key == attribute) return &value;
  }
  return nullptr;
}

void Node::set(std::string_view attribute, Attribute value) {
  for (auto& [key, old] : attributes) {
    if (key == attribute) {
      old = std::move(value);
      return;
    }
  }
  attributes.emplace_back(attribute, std::move(value));
}

void Node::remove(std::string_view attribute) {
  std::erase_if(attributes, [&](const auto& entry) { return entry.first == attribute; });
}

// --- Graph: building ---------------------------------------------------------------------------

Graph::~Graph() {
  // Values of the graphs around live on: they must forget this graph's nodes and outputs.
  for (const Node* node = head_; node != nullptr; node = node->next) {
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      Value* value = node->inputs[i];
      if (value != nullptr && value->graph != this) drop_use(value, node, i);
    }
  }
  for (Value* value : outputs_) {
    if (value->graph != this) --value->graph_outputs;
  }
  // The bodies next, while everything that they use is there.
  node_storage_.for_each([](Node& node) { node.attributes.clear(); });
  if (outer_ == nullptr) return;
  for (const auto& [name, value] : by_name_) {
    auto it = names_->find(name);
    if (--it->second == 0) names_->erase(it);
  }
}

void Graph::reserve(size_t value_count) {
  values_.reserve(value_count);
  by_name_.reserve(value_count);
  names_->reserve(names_->size() + value_count);
}

bool Graph::is_taken(const std::string& name, bool below) const {
  if (below) return names_->contains(name);
  for (const Graph* graph = this; graph != nullptr; graph = graph->outer_) {
    if (graph->by_name_.contains(name)) return true;
  }
  return false;
}

std::string Graph::unique_name(std::string name, bool below) {
  if (name.empty()) name = "value";
  if (!is_taken(name, below)) return name;
  int& suffix = next_suffix_[name];
  std::string candidate;
  do {
    candidate = name + "." + std::to_string(++suffix);
  } while (is_taken(candidate, below));
  return candidate;
}

void Graph::take_name(Value* value, std::string name) {
  value->name = std::move(name);
  by_name_[value->name] = value;
  ++(*names_)[value->name];
}

void Graph::give_name_back(const Value* value) {
  by_name_.erase(value->name);
  auto it = names_->find(value->name);
  if (--it->second == 0) names_->erase(it);
}

Value* Graph::add_named(std::string name) {
  Value* value = value_storage_.make();
  values_.push_back(value);
  value->graph = this;
  value->position = values_.size() - 1;
  take_name(value, std::move(name));
  return value;
}

Value* Graph::add_value(std::string name, DType dtype, std::optional<Shape> shape) {
  Value* value = add_named(unique_name(std::move(name)));
  value->dtype = dtype;
  value->shape = std::move(shape);
  return value;
}

Value* Graph::add_input(std::string name, DType dtype, std::optional<Shape> shape) {
  Value* value = add_value(std::move(name), dtype, std::move(shape));
  value->is_input = true;
  inputs.push_back(value);
  return value;
}

Value* Graph::add_initializer(std::string name, Tensor tensor) {
  Shape shape(tensor.dims.begin(), tensor.dims.end());
  Value* value = add_named(unique_name(std::move(name), true));
  value->dtype = tensor.dtype;
  value->shape = std::move(shape);
  value->initializer = std::move(tensor);
  return value;
}

Node* Graph::add_node(std::string op_type, std::vector<Value*> node_inputs, Attributes attributes,
                      size_t outputs, Node* before, std::string domain) {
  Node* node = node_storage_.make();
  node->op_type = std::move(op_type);
  node->domain = std::move(domain);
  node->inputs = std::move(node_inputs);
  node->attributes = std::move(attributes);
  node->graph = this;
  for (size_t i = 0; i < node->inputs.size(); ++i) add_use(node->inputs[i], node, i);
  for (size_t i = 0; i < outputs; ++i) {
    Value* value = add_named(unique_name(node->op_type + "_output", true));
    value->producer = node;
    value->output = i;
    node->outputs.push_back(value);
  }
  link(node, before);
  return node;
}

void Graph::add_output(Value* value) {
  outputs_.push_back(value);
  ++value->graph_outputs;
}

// --- Graph: changing ---------------------------------------------------------------------------

void Graph::link(Node* node, Node* before) {
  CHECK(before == nullptr || before->graph == this);
  node->next = before;
  node->prev = before != nullptr ? before->prev : tail_;
  (node->prev != nullptr ? node->prev->next : head_) = node;
  (before != nullptr ? before->prev : tail_) = node;
  ++node_count_;
}

void Graph::unlink(Node* node) {
  (node->prev != nullptr ? node->prev->next : head_) = node->next;
  (node->next != nullptr ? node->next->prev : tail_) = node->prev;
  node->prev = node->next = nullptr;
  --node_count_;
}

void Graph::set_input(Node* node, size_t index, Value* value) {
  if (index >= node->inputs.size()) node->inputs.resize(index + 1, nullptr);
  if (node->inputs[index] == value) return;
  drop_use(node->inputs[index], node, index);
  node->inputs[index] = value;
  add_use(value, node, index);
}

void Graph::replace_uses(Value* old_value, Value* new_value) {
  if (old_value == new_value) return;
  for (const Use& use : old_value->uses) {
    use.node->inputs[use.input] = new_value;
    add_use(new_value, use.node, use.input);
  }
  old_value->uses.clear();
}

// In this graph's outputs and in those of the graphs below, which may name an outer value.
void Graph::replace_outputs(Value* old_value, Value* new_value) {
  // Where the last one was found, in whatever graph: 100,000 outputs are replaced one after the
  // other, and are not searched from the first one each time.
  thread_local size_t found = 0;
  auto replace_in = [&](std::vector<Value*>& outputs) {
    const size_t count = outputs.size();
    const size_t from = found;
    for (size_t i = 0; i < count && old_value->graph_outputs > 0; ++i) {
      const size_t at = (from + i) % count;
      if (outputs[at] != old_value) continue;
      outputs[at] = new_value;
      found = at;
      --old_value->graph_outputs;
      ++new_value->graph_outputs;
    }
  };
  replace_in(outputs_);
  // Bodies that name it; the rest is not looked at.
  for (const Node* node = head_; node != nullptr && old_value->graph_outputs > 0;
       node = node->next) {
    if (node->attributes.empty()) continue;
    for (Graph* graph : graphs_below(*node)) replace_in(graph->outputs_);
  }
}

void Graph::replace(Value* old_value, Value* new_value, bool keep_name) {
  CHECK(old_value->graph == this);
  if (old_value == new_value) return;
  const bool can_be_renamed =
      new_value->graph == this && new_value->producer != nullptr && new_value->graph_outputs == 0;
  const bool is_fresh = can_be_renamed && new_value->uses.empty();
  const bool is_output = old_value->graph_outputs > 0;
  replace_uses(old_value, new_value);
  if (!is_output && !(keep_name && is_fresh)) return;

  std::string name = old_value->name;
  rename(old_value, name + ".replaced");
  if (!is_output) {
    rename(new_value, std::move(name));
    return;
  }
  Value* output = new_value;
  if (!can_be_renamed) {
    Node* identity = add_node("Identity", {new_value});
    if (old_value->producer != nullptr) identity->origin = old_value->producer->origin;
    output = identity->outputs[0];
    output->dtype = new_value->dtype;
    output->shape = new_value->shape;
  }
  rename(output, std::move(name));
  if (old_value->dtype != DType::kUndefined) output->dtype = old_value->dtype;
  if (old_value->shape) output->shape = old_value->shape;
  if (output->type_proto.empty()) output->type_proto = old_value->type_proto;
  if (output->doc.empty()) output->doc = old_value->doc;
  replace_outputs(old_value, output);
}

void Graph::rename(Value* value, std::string name) {
  CHECK(value->graph == this);
  if (value->name == name) return;
  give_name_back(value);
  take_name(value, unique_name(std::move(name)));
}

void Graph::bury(Value* value) {
  give_name_back(value);
  has_gaps_ = true;
  values_[value->position] = nullptr;
  value->graph = nullptr;
  value->producer = nullptr;
  value->initializer.reset();
}

void Graph::erase(Node* node) {
  CHECK(node->graph == this);
  for (Value* value : node->outputs) {
    if (value == nullptr) continue;
    CHECK(value->unused());
    bury(value);
  }
  drop_uses(node);
  unlink(node);
  node->inputs.clear();
  node->outputs.clear();
  node->attributes.clear();
  node->graph = nullptr;
}

void Graph::erase_value(Value* value) {
  CHECK(value->graph == this && value->producer == nullptr && value->unused());
  if (value->is_input) std::erase(inputs, value);
  bury(value);
}

void Graph::move_before(Node* node, Node* before) {
  CHECK(node->graph == this);
  if (node == before || node->next == before) return;
  unlink(node);
  link(node, before);
}

std::vector<Value*> Graph::inline_body(Graph& body, Node* before) {
  CHECK(body.outer_ == this && before->graph == this);
  for (Value* value : body.values_) {
    if (value == nullptr) continue;
    body.give_name_back(value);
    take_name(value, unique_name(value->name, true));
    value->graph = this;
    value->is_input = false;
    value->position = values_.size();
    values_.push_back(value);
  }
  while (Node* node = body.head_) {
    body.unlink(node);
    node->graph = this;
    link(node, before);
    for (Graph* deeper : subgraphs(*node)) deeper->outer_ = this;
  }
  node_storage_.take(std::move(body.node_storage_));
  value_storage_.take(std::move(body.value_storage_));
  std::vector<Value*> outputs = std::move(body.outputs_);
  for (Value* output : outputs) --output->graph_outputs;
  body.values_.clear();
  body.outputs_.clear();
  body.inputs.clear();
  return outputs;
}

// --- Graph: walking ----------------------------------------------------------------------------

size_t Graph::total_node_count() const {
  size_t count = node_count_;
  for (const Node* node = head_; node != nullptr; node = node->next) {
    for (const Graph* graph : graphs_below(*node)) count += graph->node_count_;
  }
  return count;
}

std::vector<Node*> Graph::nodes() const {
  std::vector<Node*> out;
  out.reserve(node_count_);
  for (Node* node = head_; node != nullptr; node = node->next) out.push_back(node);
  return out;
}

const std::vector<Value*>& Graph::values() const {
  if (has_gaps_) {
    std::erase(values_, nullptr);
    for (size_t i = 0; i < values_.size(); ++i) values_[i]->position = i;
    has_gaps_ = false;
  }
  return values_;
}

std::vector<Value*> Graph::initializers() const {
  std::vector<Value*> out;
  for (Value* value : values()) {
    if (value->initializer) out.push_back(value);
  }
  return out;
}

Value* Graph::find(std::string_view value_name) const {
  auto it = by_name_.find(std::string(value_name));
  return it == by_name_.end() ? nullptr : it->second;
}

bool Graph::sort() {
  const std::vector<Node*> order = nodes();
  for (size_t i = 0; i < order.size(); ++i) order[i]->position = i;

  // Calls f with the place of each node of this graph that makes what a node or its bodies take.
  auto for_each_producer = [&](const Node& node, auto f) {
    auto needs = [&](const Value* value) {
      if (value == nullptr || value->graph != this || value->producer == nullptr) return;
      f(value->producer->position);
    };
    for (const Value* value : node.inputs) needs(value);
    for (const Graph* graph : graphs_below(node)) {
      for (const Node* inner = graph->head_; inner != nullptr; inner = inner->next) {
        for (const Value* value : inner->inputs) needs(value);
      }
      for (const Value* value : graph->outputs_) needs(value);
    }
  };
  bool in_order = true;
  for (size_t i = 0; i < order.size() && in_order; ++i) {
    for_each_producer(*order[i], [&](size_t producer) { in_order &= producer < i; });
  }
  if (in_order) return true;

  std::vector<std::vector<size_t>> consumers(order.size());
  std::vector<size_t> missing(order.size(), 0);
  for (size_t i = 0; i < order.size(); ++i) {
    for_each_producer(*order[i], [&](size_t producer) {
      consumers[producer].push_back(i);
      ++missing[i];
    });
  }

  // Of the nodes that are ready, the earliest in the old order: a sorted graph stays as it is.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < order.size(); ++i) {
    if (missing[i] == 0) ready.push(i);
  }
  std::vector<Node*> sorted;
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    sorted.push_back(order[i]);
    for (const size_t consumer : consumers[i]) {
      if (--missing[consumer] == 0) ready.push(consumer);
    }
  }
  if (sorted.size() != order.size()) return false;
  head_ = tail_ = nullptr;
  node_count_ = 0;
  for (Node* node : sorted) link(node, nullptr);
  return true;
}

// --- Model -------------------------------------------------------------------------------------

int64_t ir_version_for_opset(int64_t opset) {
  // As in onnx/helper.py's VERSION_TABLE up to onnx 1.23. Opsets before 15 could say less than 8;
  // 8 is what every runtime of this decade reads.
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  if (opset <= 22) return 10;
  if (opset <= 23) return 11;
  if (opset <= 24) return 12;
  if (opset <= 27) return 13;
  return 14;
}

}  // namespace onnxport::onnx
