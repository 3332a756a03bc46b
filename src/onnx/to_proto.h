// The IR -> libonnx's protobuf messages (but not weights: write.h streams those).
#pragma once

#include <onnx/onnx_pb.h>

#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::onnx {

// dims, data type and strings: everything but the elements.
void to_proto_header(const Tensor& tensor, ::onnx::TensorProto& proto);
// An initializer's name, documentation and metadata.
void put_name(const Value& value, ::onnx::TensorProto& proto);
// The elements as varints in a typed field, where that is shorter than raw_data; else false.
bool put_short_elements(const Tensor& tensor, ::onnx::TensorProto& proto);
// An error when the storage is missing or has another size than dims and dtype say.
Status check_storage(const Tensor& tensor);
// Elements included (raw_data).
Status to_proto(const Tensor& tensor, ::onnx::TensorProto& proto);
void to_proto(const Value& value, ::onnx::ValueInfoProto& proto);
Status to_proto(const Node& node, ::onnx::NodeProto& proto);
// Everything but nodes and initializers: names, inputs, outputs, the types of values between.
void to_proto_frame(const Graph& graph, ::onnx::GraphProto& proto);
// All of it; for subgraphs.
Status to_proto(const Graph& graph, ::onnx::GraphProto& proto);

}  // namespace onnxport::onnx
