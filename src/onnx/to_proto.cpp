#include "onnx/to_proto.h"

#include "onnx/wire.h"

namespace onnxport::onnx {
namespace {

template <typename Entries, typename Proto>
void put_metadata(const Entries& entries, Proto& proto) {
  for (const auto& [key, value] : entries) {
    auto* entry = proto.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
}

void put_shape(const Shape& shape, ::onnx::TensorShapeProto& proto) {
  if (proto.dim_size() > static_cast<int>(shape.size())) proto.clear_dim();
  int at = 0;
  for (const Expr& size : shape) {
    // The dims that are there already hold a denotation each.
    auto* dim = at < proto.dim_size() ? proto.mutable_dim(at) : proto.add_dim();
    ++at;
    if (size.is_const()) {
      dim->set_dim_value(size.value());
    } else if (!is_unknown_dim(size)) {
      dim->set_dim_param(size.str());
    }
  }
}

Error in_attribute(Error error, const ::onnx::AttributeProto& proto) {
  return std::move(error).at("attribute " + proto.name());
}

// Fills an AttributeProto from each alternative of Attribute::v.
struct AttributeWriter {
  ::onnx::AttributeProto& proto;

  Status operator()(int64_t x) {
    proto.set_type(::onnx::AttributeProto::INT);
    proto.set_i(x);
    return {};
  }
  Status operator()(float x) {
    proto.set_type(::onnx::AttributeProto::FLOAT);
    proto.set_f(x);
    return {};
  }
  Status operator()(const std::string& x) {
    proto.set_type(::onnx::AttributeProto::STRING);
    proto.set_s(x);
    return {};
  }
  Status operator()(const Tensor& x) {
    proto.set_type(::onnx::AttributeProto::TENSOR);
    return to_proto(x, *proto.mutable_t());
  }
  Status operator()(const Attribute::GraphRef& x) {
    proto.set_type(::onnx::AttributeProto::GRAPH);
    return to_proto(*x, *proto.mutable_g());
  }
  Status operator()(const Attribute::Ints& xs) {
    proto.set_type(::onnx::AttributeProto::INTS);
    for (const int64_t x : xs) proto.add_ints(x);
    return {};
  }
  Status operator()(const Attribute::Floats& xs) {
    proto.set_type(::onnx::AttributeProto::FLOATS);
    for (const float x : xs) proto.add_floats(x);
    return {};
  }
  Status operator()(const Attribute::Strings& xs) {
    proto.set_type(::onnx::AttributeProto::STRINGS);
    for (const std::string& x : xs) proto.add_strings(x);
    return {};
  }
  Status operator()(const std::vector<Tensor>& xs) {
    proto.set_type(::onnx::AttributeProto::TENSORS);
    for (const Tensor& x : xs) TRY(to_proto(x, *proto.add_tensors()));
    return {};
  }
  Status operator()(const std::vector<Attribute::GraphRef>& xs) {
    proto.set_type(::onnx::AttributeProto::GRAPHS);
    for (const Attribute::GraphRef& x : xs) TRY(to_proto(*x, *proto.add_graphs()));
    return {};
  }
  Status operator()(const Opaque& x) {
    if (!proto.ParseFromString(x.bytes)) return Error{"its kept bytes do not parse", ""};
    return {};
  }
};

// A value between nodes whose type is worth writing down.
bool has_value_info(const Value& value) {
  if (value.producer == nullptr || value.is_input || value.graph_outputs > 0) return false;
  return value.dtype != DType::kUndefined || !value.type_proto.empty();
}

}  // namespace

void to_proto_header(const Tensor& tensor, ::onnx::TensorProto& proto) {
  for (const int64_t dim : tensor.dims) proto.add_dims(dim);
  proto.set_data_type(static_cast<int32_t>(tensor.dtype));
  for (const std::string& s : tensor.strings) proto.add_string_data(s);
}

namespace {

// Numbers as varints: shapes, axes and indices take a byte each, and not eight.
template <typename T, typename Field>
bool put_short(const Tensor& tensor, Field* field) {
  uint64_t size = 0;
  const std::vector<T> values = tensor.values<T>();
  for (const T x : values) {
    size += wire::varint_size(static_cast<uint64_t>(static_cast<int64_t>(x)));
    if (size >= tensor.nbytes()) return false;
  }
  for (const T x : values) field->Add(x);
  return true;
}

}  // namespace

void put_name(const Value& value, ::onnx::TensorProto& proto) {
  if (!value.extra.empty() && !value.is_input) {
    ::onnx::TensorProto extra;
    extra.ParseFromString(value.extra);
    *proto.mutable_metadata_props() = extra.metadata_props();
  }
  proto.set_name(value.name);
  if (!value.doc.empty() && !value.is_input) proto.set_doc_string(value.doc);
}

bool put_short_elements(const Tensor& tensor, ::onnx::TensorProto& proto) {
  // Larger ones are data, which is mapped and streamed.
  constexpr size_t kMaxBytes = size_t{1} << 20;
  if (tensor.storage == nullptr || tensor.nbytes() > kMaxBytes) return false;
  switch (tensor.dtype) {
    case DType::kInt64:
      return put_short<int64_t>(tensor, proto.mutable_int64_data());
    case DType::kUint64:
      return put_short<uint64_t>(tensor, proto.mutable_uint64_data());
    case DType::kUint32:
      return put_short<uint32_t>(tensor, proto.mutable_uint64_data());
    case DType::kInt32:
      return put_short<int32_t>(tensor, proto.mutable_int32_data());
    case DType::kInt16:
      return put_short<int16_t>(tensor, proto.mutable_int32_data());
    case DType::kUint16:
    case DType::kFloat16:
    case DType::kBFloat16:
      return put_short<uint16_t>(tensor, proto.mutable_int32_data());
    default:
      return false;
  }
}

Status check_storage(const Tensor& tensor) {
  TRY_ASSIGN(const size_t size, checked_nbytes(tensor.dtype, tensor.dims));
  if (tensor.dtype == DType::kString) {
    if (static_cast<int64_t>(tensor.strings.size()) == tensor.numel()) return {};
    return Error{"it has " + std::to_string(tensor.strings.size()) + " strings; its sizes say " +
                     std::to_string(tensor.numel()),
                 ""};
  }
  if (tensor.dtype == DType::kUndefined) return Error{"its element type is not set", ""};
  const size_t stored = tensor.storage == nullptr ? 0 : tensor.storage->size();
  if (stored == size) return {};
  return Error{
      "it has " + std::to_string(stored) + " bytes; its sizes and type say " + std::to_string(size),
      ""};
}

Status to_proto(const Tensor& tensor, ::onnx::TensorProto& proto) {
  TRY(check_storage(tensor));
  to_proto_header(tensor, proto);
  if (tensor.storage == nullptr || tensor.storage->size() == 0) return {};
  if (put_short_elements(tensor, proto)) return {};
  std::string& raw = *proto.mutable_raw_data();
  raw.resize(tensor.storage->size());
  tensor.storage->read(0, std::as_writable_bytes(std::span(raw)));
  return {};
}

void to_proto(const Value& value, ::onnx::ValueInfoProto& proto) {
  // An initializer's says nothing about a value's type.
  if (!value.extra.empty() && (!value.initializer || value.is_input)) {
    proto.ParseFromString(value.extra);
  }
  proto.set_name(value.name);
  if (!value.doc.empty()) proto.set_doc_string(value.doc);
  if (!value.type_proto.empty()) {
    proto.mutable_type()->ParseFromString(value.type_proto);
    return;
  }
  if (value.dtype == DType::kUndefined) {
    if (proto.type().has_tensor_type()) proto.mutable_type()->clear_tensor_type();
    return;
  }
  auto* type = proto.mutable_type()->mutable_tensor_type();
  type->set_elem_type(static_cast<int32_t>(value.dtype));
  if (value.shape) {
    put_shape(*value.shape, *type->mutable_shape());
  } else {
    type->clear_shape();
  }
}

Status to_proto(const Node& node, ::onnx::NodeProto& proto) {
  // Optional inputs and outputs that are left out at the end need no place.
  auto used = [](const std::vector<Value*>& values) {
    size_t n = values.size();
    while (n > 0 && values[n - 1] == nullptr) --n;
    return n;
  };
  for (size_t i = 0; i < used(node.inputs); ++i) {
    proto.add_input(node.inputs[i] == nullptr ? "" : node.inputs[i]->name);
  }
  for (size_t i = 0; i < used(node.outputs); ++i) {
    proto.add_output(node.outputs[i] == nullptr ? "" : node.outputs[i]->name);
  }
  proto.set_op_type(node.op_type);
  if (!node.name.empty()) proto.set_name(node.name);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  if (!node.overload.empty()) proto.set_overload(node.overload);
  if (!node.doc.empty()) proto.set_doc_string(node.doc);
  for (const auto& [name, attribute] : node.attributes) {
    auto* out = proto.add_attribute();
    out->set_name(name);
    if (!attribute.doc.empty()) out->set_doc_string(attribute.doc);
    if (auto status = std::visit(AttributeWriter{*out}, attribute.v); !status.ok()) {
      return in_attribute(std::move(status).error(), *out)
          .at("node " + (node.name.empty() ? node.op_type : node.name));
    }
  }
  put_metadata(node.metadata, proto);
  for (const std::string& bytes : node.device_configurations) {
    proto.add_device_configurations()->ParseFromString(bytes);
  }
  return {};
}

void to_proto_frame(const Graph& graph, ::onnx::GraphProto& proto) {
  proto.set_name(graph.name);
  if (!graph.doc.empty()) proto.set_doc_string(graph.doc);
  for (const Value* value : graph.inputs) to_proto(*value, *proto.add_input());
  for (const Value* value : graph.outputs()) to_proto(*value, *proto.add_output());
  // In the order of the nodes, which is that in which they are read again.
  for (const Node* node = graph.first(); node != nullptr; node = node->next) {
    for (const Value* value : node->outputs) {
      if (value != nullptr && has_value_info(*value)) to_proto(*value, *proto.add_value_info());
    }
  }
  for (const std::string& bytes : graph.sparse_initializers) {
    proto.add_sparse_initializer()->ParseFromString(bytes);
  }
  for (const std::string& bytes : graph.quantization_annotations) {
    ::onnx::TensorAnnotation annotation;
    annotation.ParseFromString(bytes);
    if (graph.find(annotation.tensor_name()) != nullptr) {
      *proto.add_quantization_annotation() = std::move(annotation);
    }
  }
  put_metadata(graph.metadata, proto);
}

Status to_proto(const Graph& graph, ::onnx::GraphProto& proto) {
  to_proto_frame(graph, proto);
  for (const Node* node = graph.first(); node != nullptr; node = node->next) {
    TRY(to_proto(*node, *proto.add_node()));
  }
  for (const Value* value : graph.initializers()) {
    auto* tensor = proto.add_initializer();
    put_name(*value, *tensor);
    if (auto status = to_proto(*value->initializer, *tensor); !status.ok()) {
      return std::move(status).error().at("initializer " + value->name);
    }
  }
  return {};
}

}  // namespace onnxport::onnx
