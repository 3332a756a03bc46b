// ModelProto and the main GraphProto are walked field by field in the mapped file, so that an
// initializer's raw_data is a view of it; every other part is small and goes through protobuf.
#include "onnx/read.h"

#include <onnx/onnx_pb.h>

#include "onnx/functions.h"
#include "onnx/open.h"
#include "onnx/tensor_proto.h"
#include "onnx/wire.h"

namespace onnxport::onnx {
namespace {

// Version 4 made initializers that are not inputs legal; before, every initializer had to be listed
// as an input, and no runtime let a caller override one.
constexpr int64_t kFirstFreeInitializers = 4;

struct NamedTensor {
  std::string name;
  std::string doc;
  std::string extra;
  Tensor tensor;
};

NamedTensor named(const ::onnx::TensorProto& proto, Tensor tensor) {
  NamedTensor out{proto.name(), proto.doc_string(), "", std::move(tensor)};
  if (proto.metadata_props_size() > 0) {
    ::onnx::TensorProto extra;
    *extra.mutable_metadata_props() = proto.metadata_props();
    out.extra = extra.SerializeAsString();
  }
  return out;
}

using Metadata = std::vector<std::pair<std::string, std::string>>;
template <typename Entries>
Metadata metadata_of(const Entries& entries) {
  Metadata out;
  for (const auto& entry : entries) out.emplace_back(entry.key(), entry.value());
  return out;
}

// A dim_param that is the text of an Expr is that Expr; any other is a symbol of that very name, so
// that what is written again is what was read.
Expr size_of(const ::onnx::TensorShapeProto::Dimension& dim) {
  if (dim.has_dim_value() && dim.dim_value() >= 0) return dim.dim_value();
  if (!dim.has_dim_param() || dim.dim_param().empty()) return unknown_dim();
  if (auto e = Expr::parse(dim.dim_param()); e.ok() && e->str() == dim.dim_param()) return *e;
  return Expr::symbol(dim.dim_param());
}

// Denotations and metadata, which Value has no fields for; empty when there are none.
std::string extra_of(const ::onnx::ValueInfoProto& proto) {
  ::onnx::ValueInfoProto extra;
  *extra.mutable_metadata_props() = proto.metadata_props();
  const auto& type = proto.type();
  bool found = proto.metadata_props_size() > 0;
  if (!type.denotation().empty()) {
    extra.mutable_type()->set_denotation(type.denotation());
    found = true;
  }
  if (!type.has_tensor_type()) return found ? extra.SerializeAsString() : std::string();
  auto* shape = extra.mutable_type()->mutable_tensor_type()->mutable_shape();
  for (const auto& dim : type.tensor_type().shape().dim()) {
    auto* copy = shape->add_dim();
    if (dim.denotation().empty()) continue;
    copy->set_denotation(dim.denotation());
    found = true;
  }
  return found ? extra.SerializeAsString() : std::string();
}

void set_type(const ::onnx::ValueInfoProto& proto, Value& value) {
  if (!proto.doc_string().empty()) value.doc = proto.doc_string();
  if (std::string extra = extra_of(proto); !extra.empty()) value.extra = std::move(extra);
  if (!proto.has_type()) return;
  const auto& type = proto.type();
  if (!type.has_tensor_type()) {
    if (type.value_case() != ::onnx::TypeProto::VALUE_NOT_SET) {
      value.type_proto = type.SerializeAsString();
    }
    return;
  }
  value.dtype = static_cast<DType>(type.tensor_type().elem_type());
  if (!type.tensor_type().has_shape()) return;
  Shape shape;
  for (const auto& dim : type.tensor_type().shape().dim()) shape.push_back(size_of(dim));
  value.shape = std::move(shape);
}

// Builds a graph from its message; initializers come separately.
class GraphBuilder {
 public:
  GraphBuilder(Graph& graph, const MappedFile& file, ExternalFiles& external)
      : graph_(graph), file_(file), external_(external) {}

  Status build(const ::onnx::GraphProto& proto, std::vector<NamedTensor> initializers) {
    graph_.name = proto.name();
    graph_.doc = proto.doc_string();
    graph_.metadata = metadata_of(proto.metadata_props());
    const size_t count = static_cast<size_t>(proto.input_size()) + initializers.size() +
                         static_cast<size_t>(proto.node_size());
    graph_.reserve(count);  // most nodes have one output
    values_.reserve(count);
    TRY(add_inputs(proto));
    for (NamedTensor& initializer : initializers) TRY(add_initializer(std::move(initializer)));
    TRY(add_sparse(proto));
    // All values first: nodes need not be in order here, and names inside subgraphs must not take
    // those of values around them.
    for (const auto& node : proto.node()) TRY(add_outputs_of(node));
    for (const auto& info : proto.value_info()) {
      auto it = values_.find(info.name());
      if (it != values_.end() && !it->second->initializer) set_type(info, *it->second);
    }
    for (int i = 0; i < proto.node_size(); ++i) {
      if (auto status = add_node(proto.node(i)); !status.ok()) {
        const auto& node = proto.node(i);
        const std::string name = node.name().empty() ? "#" + std::to_string(i) : node.name();
        return std::move(status).error().at("node " + name + " (" + node.op_type() + ")");
      }
    }
    for (const auto& output : proto.output()) TRY(add_output(output));
    add_annotations(proto);
    return {};
  }

 private:
  // A new value, by a name that must still be free in this graph.
  Result<Value*> add_value(const std::string& name, const char* what) {
    if (name.empty()) return Error{std::string(what) + " without a name", ""};
    if (values_.contains(name)) {
      return Error{std::string(what) + " " + name +
                       " has the name of another value; names must be "
                       "unique (the graph is not in SSA form)",
                   ""};
    }
    Value* value = graph_.add_value(name);
    values_[name] = value;
    return value;
  }

  Status add_inputs(const ::onnx::GraphProto& proto) {
    for (const auto& input : proto.input()) {
      TRY_ASSIGN(Value * value, add_value(input.name(), "input"));
      set_type(input, *value);
      value->is_input = true;
      graph_.inputs.push_back(value);
    }
    return {};
  }

  Status add_initializer(NamedTensor initializer) {
    auto it = values_.find(initializer.name);
    Value* value = it == values_.end() ? nullptr : it->second;
    if (value == nullptr) {
      TRY_ASSIGN(value, add_value(initializer.name, "initializer"));
      value->dtype = initializer.tensor.dtype;
      value->shape = Shape(initializer.tensor.dims.begin(), initializer.tensor.dims.end());
    } else if (value->initializer) {
      return Error{"initializer " + initializer.name + " is there twice", ""};
    }
    if (!initializer.doc.empty()) value->doc = std::move(initializer.doc);
    if (!value->is_input && !initializer.extra.empty()) value->extra = std::move(initializer.extra);
    value->initializer = std::move(initializer.tensor);
    return {};
  }

  Status add_sparse(const ::onnx::GraphProto& proto) {
    for (const auto& sparse : proto.sparse_initializer()) {
      TRY_ASSIGN(Value * value, add_value(sparse.values().name(), "sparse initializer"));
      value->dtype = static_cast<DType>(sparse.values().data_type());
      value->shape = Shape(sparse.dims().begin(), sparse.dims().end());
      ::onnx::SparseTensorProto copy = sparse;
      copy.mutable_values()->set_name(value->name);  // another where it shadows an outer one
      graph_.sparse_initializers.push_back(copy.SerializeAsString());
    }
    return {};
  }

  // After all values are there: they are named by it.
  void add_annotations(const ::onnx::GraphProto& proto) {
    auto name_here = [&](const std::string& name) {
      auto it = values_.find(name);
      return it == values_.end() ? name : it->second->name;
    };
    for (::onnx::TensorAnnotation annotation : proto.quantization_annotation()) {
      annotation.set_tensor_name(name_here(annotation.tensor_name()));
      for (auto& entry : *annotation.mutable_quant_parameter_tensor_names()) {
        entry.set_value(name_here(entry.value()));
        graph_.pinned.insert(entry.value());
      }
      graph_.quantization_annotations.push_back(annotation.SerializeAsString());
    }
  }

  Status add_outputs_of(const ::onnx::NodeProto& node) {
    for (const std::string& name : node.output()) {
      if (!name.empty()) TRY(add_value(name, "output"));
    }
    return {};
  }

  // The value of that name here or in a graph around; null when there is none.
  Value* resolve(const std::string& name) const {
    if (auto it = values_.find(name); it != values_.end()) return it->second;
    return outer_ != nullptr ? outer_->resolve(name) : nullptr;
  }

  Status add_node(const ::onnx::NodeProto& proto) {
    std::vector<Value*> inputs;
    for (const std::string& name : proto.input()) {
      Value* value = name.empty() ? nullptr : resolve(name);
      if (value == nullptr && !name.empty()) {
        return Error{"it reads `" + name + "`, which nothing gives", ""};
      }
      inputs.push_back(value);
    }
    // "ai.onnx" and "" are the same domain.
    const std::string domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
    Node* node = graph_.add_node(proto.op_type(), std::move(inputs), {}, 0, nullptr, domain);
    for (const std::string& name : proto.output()) {
      Value* value = name.empty() ? nullptr : values_.at(name);
      if (value != nullptr) {
        value->producer = node;
        value->output = node->outputs.size();
      }
      node->outputs.push_back(value);
    }
    node->name = proto.name();
    node->overload = proto.overload();
    node->doc = proto.doc_string();
    node->metadata = metadata_of(proto.metadata_props());
    for (const auto& device : proto.device_configurations()) {
      node->device_configurations.push_back(device.SerializeAsString());
    }
    for (const auto& attribute : proto.attribute()) {
      auto value = attribute_of(attribute);
      if (!value.ok()) return std::move(value).error().at("attribute " + attribute.name());
      node->attributes.emplace_back(attribute.name(), std::move(value).value());
      node->attributes.back().second.doc = attribute.doc_string();
    }
    return {};
  }

  Status add_output(const ::onnx::ValueInfoProto& proto) {
    Value* value = resolve(proto.name());
    if (value == nullptr) {
      return Error{"output `" + proto.name() + "` of graph " + graph_.name + " is given by nothing",
                   ""};
    }
    if (value->graph == &graph_ && !value->is_input) set_type(proto, *value);
    graph_.add_output(value);
    return {};
  }

  Result<Tensor> tensor_of(const ::onnx::TensorProto& proto) const {
    return from_proto(proto, std::nullopt, file_, external_);
  }

  Result<Attribute::GraphRef> subgraph_of(const ::onnx::GraphProto& proto) const {
    auto graph = std::make_shared<Graph>(&graph_);
    GraphBuilder builder(*graph, file_, external_);
    builder.outer_ = this;
    std::vector<NamedTensor> initializers;
    for (const auto& tensor : proto.initializer()) {
      auto value = tensor_of(tensor);
      if (!value.ok()) return std::move(value).error().at("initializer " + tensor.name());
      initializers.push_back(named(tensor, std::move(value).value()));
    }
    TRY(builder.build(proto, std::move(initializers)));
    return graph;
  }

  Result<Attribute> attribute_of(const ::onnx::AttributeProto& proto) const {
    using Type = ::onnx::AttributeProto;
    if (!proto.ref_attr_name().empty()) return Attribute(opaque(proto));
    switch (proto.type()) {
      case Type::INT:
        return Attribute(static_cast<int64_t>(proto.i()));
      case Type::FLOAT:
        return Attribute(proto.f());
      case Type::STRING:
        return Attribute(proto.s());
      case Type::INTS:
        return Attribute(Attribute::Ints(proto.ints().begin(), proto.ints().end()));
      case Type::FLOATS:
        return Attribute(Attribute::Floats(proto.floats().begin(), proto.floats().end()));
      case Type::STRINGS:
        return Attribute(Attribute::Strings(proto.strings().begin(), proto.strings().end()));
      case Type::TENSOR: {
        TRY_ASSIGN(Tensor tensor, tensor_of(proto.t()));
        return Attribute(std::move(tensor));
      }
      case Type::GRAPH: {
        TRY_ASSIGN(Attribute::GraphRef graph, subgraph_of(proto.g()));
        return Attribute(std::move(graph));
      }
      case Type::TENSORS: {
        std::vector<Tensor> tensors;
        for (const auto& t : proto.tensors()) {
          TRY_ASSIGN(Tensor tensor, tensor_of(t));
          tensors.push_back(std::move(tensor));
        }
        return Attribute(std::move(tensors));
      }
      case Type::GRAPHS: {
        std::vector<Attribute::GraphRef> graphs;
        for (const auto& g : proto.graphs()) {
          TRY_ASSIGN(Attribute::GraphRef graph, subgraph_of(g));
          graphs.push_back(std::move(graph));
        }
        return Attribute(std::move(graphs));
      }
      default:
        return Attribute(opaque(proto));
    }
  }

  static Opaque opaque(const ::onnx::AttributeProto& proto) {
    return {static_cast<int>(proto.type()), proto.SerializeAsString()};
  }

  Graph& graph_;
  const MappedFile& file_;
  ExternalFiles& external_;
  const GraphBuilder* outer_ = nullptr;
  // By the name in the file, which is another here when a subgraph shadows a name around it.
  std::unordered_map<std::string, Value*> values_;
};

// The main graph: every field but the initializers goes into one message.
Status read_graph(std::string_view bytes, const ::onnx::ModelProto& model, const MappedFile& file,
                  ExternalFiles& external, Graph& graph) {
  constexpr uint32_t kInitializer = 5;
  std::string rest;
  std::vector<NamedTensor> initializers;
  wire::Reader reader(bytes);
  for (;;) {
    TRY_ASSIGN(const std::optional<wire::Field> field, reader.next());
    if (!field) break;
    if (!field->is_bytes(kInitializer)) {
      rest += field->whole;
      continue;
    }
    TRY_ASSIGN(SplitTensor split, split_tensor(field->bytes));
    auto tensor = from_proto(split.rest, split.raw, file, external);
    if (!tensor.ok()) return std::move(tensor).error().at("initializer " + split.rest.name());
    initializers.push_back(named(split.rest, std::move(tensor).value()));
  }
  ::onnx::GraphProto proto;
  if (!proto.ParseFromString(rest)) {
    return Error{
        "the graph does not parse as ONNX; the file is damaged, or its subgraphs nest "
        "more than 30 deep",
        ""};
  }
  rest = {};
  TRY(check_functions(model.functions(), proto));
  return GraphBuilder(graph, file, external).build(proto, std::move(initializers));
}

void drop_initializers_from_inputs(Model& model) {
  if (model.ir_version >= kFirstFreeInitializers) return;
  for (Value* value : model.graph->inputs) value->is_input = !value->initializer;
  std::erase_if(model.graph->inputs, [](const Value* value) { return !value->is_input; });
  model.ir_version = kFirstFreeInitializers;
}

Result<Model> read_mapped(const MappedFile& file, ExternalFiles external) {
  ::onnx::ModelProto proto;  // without the graph
  std::optional<std::string_view> graph;
  std::string rest;
  wire::Reader reader(file.text());
  constexpr uint32_t kGraph = 7;
  for (;;) {
    TRY_ASSIGN(const std::optional<wire::Field> field, reader.next());
    if (!field) break;
    if (!field->is_bytes(kGraph)) {
      rest += field->whole;
    } else if (graph) {
      return Error{"it has two graphs; the file is damaged", ""};
    } else {
      graph = field->bytes;
    }
  }
  if (!graph || !proto.ParseFromString(rest)) return Error{"it is not an ONNX model", ""};

  Model model;
  model.ir_version = proto.ir_version();
  model.producer_name = proto.producer_name();
  model.producer_version = proto.producer_version();
  model.domain = proto.domain();
  model.model_version = proto.model_version();
  model.doc = proto.doc_string();
  model.metadata = metadata_of(proto.metadata_props());
  for (const auto& import : proto.opset_import()) {
    model.opset_imports[import.domain() == "ai.onnx" ? "" : import.domain()] = import.version();
  }
  for (const auto& x : proto.functions()) model.functions.push_back(x.SerializeAsString());
  for (const auto& x : proto.training_info()) model.training_info.push_back(x.SerializeAsString());
  for (const auto& x : proto.configuration()) model.configurations.push_back(x.SerializeAsString());

  TRY(read_graph(*graph, proto, file, external, *model.graph));
  drop_initializers_from_inputs(model);
  return model;
}

Result<Model> read_at(const std::string& path, const MappedFile& file, ExternalFiles external) {
  auto model = read_mapped(file, std::move(external));
  if (model.ok()) return model;
  Error error = std::move(model).error();
  return error.where.starts_with(path) ? error : std::move(error).at(path);
}

}  // namespace

Result<Model> read_model(const std::string& path) {
  TRY_ASSIGN(const auto file, open_model_file(path));
  return read_at(path, *file, ExternalFiles(path));
}

Result<Model> read_model(const ModelFiles& files) {
  return read_at(files.path(), *files.model, ExternalFiles(files));
}

}  // namespace onnxport::onnx
