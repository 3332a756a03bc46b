// Duplicates: nodes with the same operator, inputs and attributes, and initializers of equal
// content.
#include <algorithm>
#include <array>
#include <cstring>

#include "simplify/engine.h"
#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

void append(std::string& key, const void* bytes, size_t size) {
  key.append(static_cast<const char*>(bytes), size);
}
void append(std::string& key, uint64_t value) { append(key, &value, sizeof value); }
void append(std::string& key, std::string_view text) {
  append(key, text.size());
  key.append(text);
}

void append(std::string& key, const Tensor& t) {
  append(key, static_cast<uint64_t>(t.dtype));
  append(key, t.dims.size());
  for (int64_t d : t.dims) append(key, static_cast<uint64_t>(d));
  for (const std::string& s : t.strings) append(key, s);
  if (t.storage != nullptr) append(key, content_hash(t));
}

struct AppendAttribute {
  std::string& key;
  void operator()(int64_t x) const { append(key, static_cast<uint64_t>(x)); }
  void operator()(float x) const { append(key, &x, sizeof x); }
  void operator()(const std::string& x) const { append(key, std::string_view(x)); }
  void operator()(const Tensor& x) const { append(key, x); }
  void operator()(const onnx::Attribute::GraphRef& x) const {
    append(key, reinterpret_cast<uint64_t>(x.get()));
  }
  void operator()(const onnx::Opaque& x) const { append(key, std::string_view(x.bytes)); }
  template <typename T>
  void operator()(const std::vector<T>& list) const {
    append(key, list.size());
    for (const T& x : list) (*this)(x);
  }
};

void make_key(const Node& node, std::string& key) {
  key.clear();
  append(key, std::string_view(node.op_type));
  append(key, node.inputs.size());
  for (const Value* in : node.inputs) append(key, reinterpret_cast<uint64_t>(in));
  append(key, node.outputs.size());
  std::vector<const std::pair<std::string, onnx::Attribute>*> sorted;
  for (const auto& entry : node.attributes) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  for (const auto* entry : sorted) {
    append(key, std::string_view(entry->first));
    append(key, entry->second.v.index());
    std::visit(AppendAttribute{key}, entry->second.v);
  }
}

bool can_merge(const Node& node, const Node& first) {
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Value *a = node.outputs[i], *b = first.outputs[i];
    if (a == nullptr) continue;
    if (b == nullptr || !can_replace(a, b)) return false;
  }
  return true;
}

void merge_nodes(Engine& engine, onnx::Graph& graph) {
  // By the hash alone, since keys of 100,000 nodes take long to make room for; few are compared.
  std::unordered_multimap<size_t, Node*> seen;
  seen.reserve(graph.node_count());
  std::string key, other;
  for (Node* node : graph.nodes()) {
    if (!node->domain.empty() || !is_deterministic(*node)) continue;
    make_key(*node, key);
    const size_t hash = std::hash<std::string>()(key);
    const auto [begin, end] = seen.equal_range(hash);
    const auto same = std::find_if(begin, end, [&](const auto& entry) {
      make_key(*entry.second, other);
      return other == key;
    });
    if (same == end) {
      seen.emplace(hash, node);
      continue;
    }
    Node* first = same->second;
    if (!can_merge(*node, *first)) continue;
    if (!engine.may_apply("merge_duplicate_nodes")) return;
    for (size_t i = 0; i < node->outputs.size(); ++i) {
      if (node->outputs[i] != nullptr && !node->outputs[i]->unused()) {
        engine.replace_value(node->outputs[i], first->outputs[i]);
      }
    }
    engine.applied("merge_duplicate_nodes", node->name, node->op_type);
  }
}

// Sizes that are known to be the same, however they are computed.
void merge_sizes(Engine& engine, onnx::Graph& graph) {
  if (!engine.may_apply("merge_equal_sizes")) return;
  auto is_size = [](const Node& node) {
    const Value* out = node.outputs.size() == 1 ? node.output() : nullptr;
    return out != nullptr && !out->unused() && out->ints && out->shape && node.domain.empty();
  };
  bool any = false;
  for (const Node* node = graph.first(); node != nullptr && !any; node = node->next) {
    any = is_size(*node);
  }
  if (!any || !graph.sort()) return;
  std::unordered_map<std::string, Value*> seen;
  for (Node* node : graph.nodes()) {
    if (!is_size(*node)) continue;
    Value* out = node->output();
    std::string key =
        std::to_string(static_cast<int>(out->dtype)) + (out->shape->empty() ? "" : ",");
    bool computed = false;
    for (const Expr& e : *out->ints) {
      key += e.str() + ",";
      computed |= !e.is_const();
    }
    if (!computed) continue;
    auto [it, fresh] = seen.emplace(std::move(key), out);
    if (fresh || !engine.may_apply("merge_equal_sizes") || !can_replace(out, it->second)) continue;
    // Only what is known to come first: the list is in order at first, not after every rewrite.
    if (it->second->producer == nullptr) continue;
    const std::string name = out->name, op_type = node->op_type;
    engine.replace_value(out, it->second);
    engine.applied("merge_equal_sizes", name, op_type);
  }
}

// Cheap: sizes, and a few bytes from three places. Only those that agree are read completely.
std::string sample(const Tensor& t) {
  std::string key;
  append(key, static_cast<uint64_t>(t.dtype));
  for (int64_t d : t.dims) append(key, static_cast<uint64_t>(d));
  const size_t size = t.nbytes();
  for (size_t place = 0; place < 3 && size > 0; ++place) {
    std::array<std::byte, 32> bytes{};
    const size_t from = place * (size / 3);
    const size_t n = std::min(bytes.size(), size - from);
    t.storage->read(from, std::span<std::byte>(bytes.data(), n));
    append(key, bytes.data(), n);
  }
  return key;
}

// Initializers of equal samples and different content. A few are compared; many, which only
// somebody makes on purpose, are told apart by a hash of all their bytes.
class Alike {
 public:
  // One of the same content that was added before; else null, and `value` is added.
  Value* find_or_add(Value* value) {
    constexpr size_t kFew = 8;
    const Tensor& t = *value->constant();
    if (few_.size() < kFew) return find_or_add(value, few_);
    if (Value* same = find(t, few_)) return same;
    return find_or_add(value, many_[content_hash(t)]);
  }

 private:
  static Value* find(const Tensor& t, const std::vector<Value*>& group) {
    const auto same = std::find_if(group.begin(), group.end(), [&](const Value* other) {
      return t.storage == other->constant()->storage || same_bytes(t, *other->constant());
    });
    return same == group.end() ? nullptr : *same;
  }
  static Value* find_or_add(Value* value, std::vector<Value*>& group) {
    Value* same = find(*value->constant(), group);
    if (same == nullptr) group.push_back(value);
    return same;
  }

  std::vector<Value*> few_;
  std::unordered_map<uint64_t, std::vector<Value*>> many_;
};

void merge_initializers(Engine& engine, onnx::Graph& graph) {
  std::unordered_map<std::string, Alike> alike;
  for (Value* value : graph.initializers()) {
    const Tensor* t = value->constant();
    if (t == nullptr || value->unused() || value->graph_outputs > 0) continue;
    if (byte_size(t->dtype) == 0 || t->storage == nullptr) continue;
    Value* same = alike[sample(*t)].find_or_add(value);
    if (same == nullptr) continue;
    if (!engine.may_apply("merge_duplicate_initializers")) return;
    engine.replace_value(value, same);
    engine.applied("merge_duplicate_initializers", value->name, "initializer", 0);
  }
}

}  // namespace

bool is_deterministic(const Node& node) {
  return !onnx::is_random(node) && onnx::subgraphs(node).empty();
}

void merge_duplicates(Engine& engine) {
  for (onnx::Graph* graph : engine.graphs()) {
    merge_initializers(engine, *graph);
    merge_nodes(engine, *graph);
    merge_sizes(engine, *graph);
  }
}

void drop_unused_initializers(Engine& engine) {
  for (onnx::Graph* graph : engine.graphs()) {
    for (Value* value : graph->initializers()) {
      if (value->producer == nullptr && !value->is_input && value->unused() &&
          graph->pinned.count(value->name) == 0) {
        graph->erase_value(value);
      }
    }
  }
}

}  // namespace onnxport::simplify
