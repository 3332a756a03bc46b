// The ONNX graph in memory: nodes in a list, values with their uses, weights as Tensors (views of
// the mapped input). Mirrors ONNX's own model, with its spelling. Not the protobuf: see write.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/expr.h"
#include "base/pool.h"
#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::onnx {

class Graph;
struct Node;

// A dimension that nobody named: a fresh symbol that equals no other. In a file it is an empty
// dimension; so is every Expr that contains one (or an Expr's own "overflow__N").
Expr unknown_dim();
bool is_unknown_dim(const Expr& dim);

// Anything the IR does not interpret (sparse tensors, type protos, training info) travels as the
// serialized protobuf bytes it came in.
struct Opaque {
  int attribute_type = 0;  // AttributeProto.AttributeType
  std::string bytes;       // the whole serialized AttributeProto
};

struct Attribute {
  using Ints = std::vector<int64_t>;
  using Floats = std::vector<float>;
  using Strings = std::vector<std::string>;
  using GraphRef = std::shared_ptr<Graph>;
  std::variant<int64_t, float, std::string, Tensor, GraphRef, Ints, Floats, Strings,
               std::vector<Tensor>, std::vector<GraphRef>, Opaque>
      v;
  std::string doc;

  Attribute(int64_t x) : v(x) {}                     // NOLINT(*-explicit-*)
  Attribute(int x) : v(static_cast<int64_t>(x)) {}   // NOLINT(*-explicit-*)
  Attribute(bool x) : v(static_cast<int64_t>(x)) {}  // NOLINT(*-explicit-*)
  Attribute(float x) : v(x) {}                       // NOLINT(*-explicit-*)
  Attribute(double x) : v(static_cast<float>(x)) {}  // NOLINT(*-explicit-*)
  Attribute(const char* x) : v(std::string(x)) {}    // NOLINT(*-explicit-*)
  template <typename T>
  Attribute(T x) : v(std::move(x)) {}  // NOLINT(*-explicit-*)
};
using Attributes = std::vector<std::pair<std::string, Attribute>>;  // in the order of the file

struct Use {
  Node* node;
  size_t input;  // index into node->inputs
};

// An SSA value. Owned by its graph.
struct Value {
  std::string name;
  DType dtype = DType::kUndefined;
  std::optional<Shape> shape;             // nullopt: rank unknown
  std::optional<std::vector<Expr>> ints;  // known content of an integer scalar or 1-D tensor
  std::optional<Tensor> initializer;      // constant content
  Node* producer = nullptr;               // null: graph input, initializer or outer-scope value
  size_t output = 0;                      // index into producer->outputs
  std::vector<Use> uses;
  int graph_outputs = 0;   // how many times it is an output of its graph
  bool is_input = false;   // listed in Graph::inputs (may have an initializer too)
  std::string type_proto;  // serialized TypeProto of sequence/optional/map values
  std::string doc;
  // What a file says besides: a serialized ValueInfoProto (of an initializer, TensorProto) with
  // nothing but denotations and metadata.
  std::string extra;
  Graph* graph = nullptr;  // null once erased
  size_t position = 0;     // Graph's own: index among its values

  // A constant that nobody can override from outside.
  const Tensor* constant() const { return initializer && !is_input ? &*initializer : nullptr; }
  size_t rank() const { return shape->size(); }  // shape must be known
  bool unused() const { return uses.empty() && graph_outputs == 0; }
};

struct Node {
  std::string op_type;
  std::string domain;  // "" is ai.onnx
  std::string name;
  std::string overload;
  std::vector<Value*> inputs;   // nullptr: an optional input that is left out
  std::vector<Value*> outputs;  // nullptr: an optional output that is left out
  Attributes attributes;
  std::string doc;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> device_configurations;  // serialized NodeDeviceConfigurationProtos
  int32_t origin = -1;                             // index of the aten node it was lowered from
  std::vector<uint32_t> use_at;                    // Graph's own: place of each input's Use
  Graph* graph = nullptr;                          // null once erased
  Node* prev = nullptr;
  Node* next = nullptr;
  size_t position = 0;  // Graph's own, while it sorts

  bool is(std::string_view type) const { return op_type == type && domain.empty(); }
  Value* input(size_t i) const { return i < inputs.size() ? inputs[i] : nullptr; }
  Value* output(size_t i = 0) const { return i < outputs.size() ? outputs[i] : nullptr; }
  bool unused() const;  // nothing needs any of its outputs
  const Attribute* find(std::string_view attribute) const;
  template <typename T>
  T get(std::string_view attribute, T fallback) const {
    const Attribute* a = find(attribute);
    if (a == nullptr) return fallback;
    const T* x = std::get_if<T>(&a->v);
    return x != nullptr ? *x : fallback;
  }
  void set(std::string_view attribute, Attribute value);
  void remove(std::string_view attribute);
};

// Erased nodes and values leave the lists at once but stay in memory, empty and with a null
// `graph`, until the graph dies: a pointer in somebody's work list may be asked whether it is still
// alive. A subgraph must not outlive the graph around it.
class Graph {
 public:
  Graph() = default;
  explicit Graph(Graph* outer) : outer_(outer), names_(outer->names_) {}  // a subgraph body
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  std::string name = "main_graph";
  std::string doc;
  std::vector<Value*> inputs;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> sparse_initializers;       // serialized SparseTensorProtos
  std::vector<std::string> quantization_annotations;  // serialized TensorAnnotations
  // Initializers of these names are kept though no node uses them: annotations name them.
  std::set<std::string> pinned;
  Graph* outer() const { return outer_; }

  // --- building -----------------------------------------------------------------------------
  void reserve(size_t value_count);  // a hint, of a reader that knows
  // Names are made unique with a suffix (".1", ".2", ...) when taken here or in a graph around;
  // those of new initializers and nodes' outputs also when a body of any node has them.
  Value* add_value(std::string name, DType dtype = DType::kUndefined,
                   std::optional<Shape> shape = std::nullopt);
  Value* add_input(std::string name, DType dtype, std::optional<Shape> shape);
  Value* add_initializer(std::string name, Tensor tensor);
  // Appends, or inserts before `before`. Creates `outputs` fresh values named after the operator.
  Node* add_node(std::string op_type, std::vector<Value*> inputs, Attributes attributes = {},
                 size_t outputs = 1, Node* before = nullptr, std::string domain = "");
  void add_output(Value* value);
  const std::vector<Value*>& outputs() const { return outputs_; }

  // --- changing -----------------------------------------------------------------------------
  void set_input(Node* node, size_t index, Value* value);  // keeps uses right; may extend
  void replace_uses(Value* old_value,
                    Value* new_value);  // uses by nodes (subgraphs too), not outputs
  // Every use and every graph output of old_value becomes new_value. A graph output keeps its name:
  // new_value takes it if it can (made by a node of this graph, not an output yet), else an
  // Identity is inserted; the declared type and shape stay. `old_value` is left unused. When
  // `keep_name` and new_value is fresh (made by a node, not an output, no uses so far), it takes
  // old_value's name.
  void replace(Value* old_value, Value* new_value, bool keep_name = true);
  void rename(Value* value, std::string name);  // made unique when taken
  void erase(Node* node);                       // and its outputs, which must be unused
  void erase_value(Value* value);               // an unused initializer or input
  void move_before(Node* node, Node* before);
  // All nodes and values of a body of one of this graph's nodes move here, before `before`. The
  // body is left empty; what its outputs were is returned.
  std::vector<Value*> inline_body(Graph& body, Node* before);

  // --- walking ------------------------------------------------------------------------------
  Node* first() const { return head_; }
  Node* last() const { return tail_; }
  size_t node_count() const { return node_count_; }  // this graph only
  size_t total_node_count() const;                   // with subgraphs
  std::vector<Node*> nodes() const;                  // a snapshot, safe to erase while walking
  const std::vector<Value*>& values() const;         // in order of creation
  std::vector<Value*> initializers() const;          // in order of creation
  Value* find(std::string_view value_name) const;    // this graph only
  // Kahn's algorithm, stable; false when there is a cycle. Also checks nothing else.
  bool sort();  // this graph only

 private:
  using Names = std::unordered_map<std::string, int>;  // of a graph and all below: how often
  Graph* outer_ = nullptr;
  std::shared_ptr<Names> names_ = std::make_shared<Names>();
  // Erasing leaves a null here, which values() closes: so that erasing does not move the rest.
  mutable std::vector<Value*> values_;
  mutable bool has_gaps_ = false;
  Pool<Value> value_storage_;  // erased ones too
  std::vector<Value*> outputs_;
  std::unordered_map<std::string, Value*> by_name_;
  std::unordered_map<std::string, int> next_suffix_;
  Pool<Node> node_storage_;  // erased ones too; dies before the values
  Node* head_ = nullptr;
  Node* tail_ = nullptr;
  size_t node_count_ = 0;
  std::string unique_name(std::string name, bool below = false);
  bool is_taken(const std::string& name, bool below) const;
  Value* add_named(std::string name);  // the name is unique
  void take_name(Value* value, std::string name);
  void give_name_back(const Value* value);
  void link(Node* node, Node* before);
  void unlink(Node* node);
  void bury(Value* value);
  void replace_outputs(Value* old_value, Value* new_value);
};

// The graphs among a node's attributes.
std::vector<Graph*> subgraphs(const Node& node);

struct Model {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  int64_t ir_version = 8;
  std::map<std::string, int64_t> opset_imports;  // domain -> version; "" is ai.onnx
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  int64_t model_version = 0;
  std::string doc;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> functions;       // serialized FunctionProtos
  std::vector<std::string> training_info;   // serialized TrainingInfoProtos
  std::vector<std::string> configurations;  // serialized DeviceConfigurationProtos
  int64_t opset() const {
    auto it = opset_imports.find("");
    return it == opset_imports.end() ? 0 : it->second;
  }
};

// ir_version for an opset: 8 up to 18, 9 for 19-20, 10 for 21-22, 11 for 23, ... (onnx's own
// table).
int64_t ir_version_for_opset(int64_t opset);
std::string dump(const Model& model);  // readable text, stable: for golden files and messages

}  // namespace onnxport::onnx
