#include "onnx/write.h"

#include <onnx/onnx_pb.h>

#include <fstream>

#include "base/file.h"
#include "onnx/file_fixture.h"
#include "onnx/read.h"

namespace onnxport::onnx {
namespace {

using Write = FileTest;

::onnx::ModelProto parsed(const std::string& path) {
  ::onnx::ModelProto proto;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(proto.ParseFromIstream(&file));
  return proto;
}

TEST_F(Write, GivesWhatProtobufReads) {
  auto written = write_model(sample_model(), path("m.onnx"));
  ASSERT_TRUE(written.ok()) << written.error().str();
  EXPECT_EQ(written->bytes, std::filesystem::file_size(path("m.onnx")));
  EXPECT_EQ(written->external_bytes, 0u);
  const auto proto = parsed(path("m.onnx"));
  EXPECT_EQ(proto.ir_version(), 8);
  EXPECT_EQ(proto.opset_import(0).version(), 17);
  EXPECT_EQ(proto.metadata_props(0).value(), "classification");
  const auto& graph = proto.graph();
  ASSERT_EQ(graph.node_size(), 3);
  EXPECT_EQ(graph.node(0).name(), "/linear/MatMul");
  EXPECT_EQ(graph.node(2).attribute(0).g().node(0).input(0), "y");
  ASSERT_EQ(graph.initializer_size(), 2);
  EXPECT_EQ(graph.initializer(0).name(), "weight");
  EXPECT_EQ(graph.initializer(0).dims(0), 8);
  float element;
  std::memcpy(&element, graph.initializer(0).raw_data().data() + 4, 4);
  EXPECT_EQ(element, 2.0f);  // of the transposed view
  EXPECT_EQ(graph.input(0).type().tensor_type().shape().dim(0).dim_param(), "batch_size");
  // An unknown dimension has neither value nor name.
  const auto& unknown = graph.output(0).type().tensor_type().shape().dim(1);
  EXPECT_FALSE(unknown.has_dim_param() || unknown.has_dim_value());
  EXPECT_EQ(graph.value_info_size(), 2);
}

TEST_F(Write, IsReadBackAsTheSame) {
  const Model model = sample_model();
  ASSERT_TRUE(write_model(model, path("m.onnx")).ok());
  auto again = read_model(path("m.onnx"));
  ASSERT_TRUE(again.ok()) << again.error().str();
  EXPECT_EQ(dump(*again), dump(model));
  ASSERT_TRUE(write_model(*again, path("n.onnx")).ok());
  EXPECT_EQ(*read_file(path("m.onnx")), *read_file(path("n.onnx")));
}

TEST_F(Write, PutsLargeInitializersBesideALargeFile) {
  const Model model = sample_model(4096);
  auto written = write_model(model, path("m.onnx"), {.external_data_above = 10000});
  ASSERT_TRUE(written.ok()) << written.error().str();
  EXPECT_EQ(written->external_bytes, 4096u * 4 * 4);
  EXPECT_LT(written->bytes, 10000u);
  const auto proto = parsed(path("m.onnx"));
  const auto& weight = proto.graph().initializer(0);
  EXPECT_EQ(weight.data_location(), ::onnx::TensorProto::EXTERNAL);
  EXPECT_EQ(weight.external_data(0).value(), "m.onnx.data");
  EXPECT_TRUE(proto.graph().initializer(1).has_raw_data());  // the small bias stays
  auto again = read_model(path("m.onnx"));
  ASSERT_TRUE(again.ok()) << again.error().str();
  EXPECT_TRUE(same_bytes(*again->graph->find("weight")->initializer,
                         *model.graph->find("weight")->initializer));
  // In place, from its own data.
  ASSERT_TRUE(write_model(*again, path("m.onnx"), {.external_data_above = 10000}).ok());
  auto third = read_model(path("m.onnx"));
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(dump(*third), dump(model));
}

TEST_F(Write, AlignsExternalDataToPages) {
  Model model = sample_model();
  for (int i = 0; i < 3; ++i) {
    model.graph->add_initializer("pad" + std::to_string(i),
                                 Tensor::filled(DType::kUint8, {5000}, i));
  }
  auto written = write_model(model, path("m.onnx"), {.external_data_above = 0});
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->external_bytes, 2 * 8192u + 5000);
  auto again = read_model(path("m.onnx"));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->graph->find("pad2")->initializer->as_ints(), std::vector<int64_t>(5000, 2));
}

TEST_F(Write, LeavesNothingBehindOnAnError) {
  ASSERT_TRUE(write_file(path("m.onnx"), "old").ok());
  Model model = sample_model();
  model.graph->find("bias")->initializer->dims = {5};  // no longer fits its bytes
  auto written = write_model(model, path("m.onnx"));
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().str().find("initializer bias"), std::string::npos);
  EXPECT_EQ(*read_file(path("m.onnx")), "old");
  EXPECT_EQ(entries(), 1u);
  EXPECT_FALSE(write_model(sample_model(), path("no/folder/m.onnx")).ok());
}

TEST_F(Write, KeepsEveryKindOfAttribute) {
  Model model;
  model.opset_imports[""] = 17;
  model.opset_imports["custom"] = 1;
  Graph& g = *model.graph;
  Node* node = g.add_node("Anything", {}, {}, 1, nullptr, "custom");
  node->set("i", 3);
  node->set("f", 0.5f);
  node->set("s", "text");
  node->set("t", Tensor::ints({1, 2}));
  node->set("is", Attribute::Ints{1, -2});
  node->set("fs", Attribute::Floats{1.5f});
  node->set("ss", Attribute::Strings{"a", "b"});
  node->set("ts", std::vector<Tensor>{Tensor::scalar(DType::kFloat16, 1),
                                      Tensor::scalar(DType::kBool, 1)});
  node->set("none", Attribute::Ints{});
  Tensor strings{DType::kString, {2}, nullptr, {"p", "q"}};
  node->set("strings", strings);
  ::onnx::AttributeProto type;
  type.set_name("tp");
  type.set_type(::onnx::AttributeProto::TYPE_PROTO);
  type.mutable_tp()->mutable_tensor_type()->set_elem_type(1);
  node->set("tp", Opaque{type.type(), type.SerializeAsString()});
  node->metadata = {{"k", "v"}};
  node->doc = "why";
  g.add_initializer("names", strings);
  g.add_initializer("empty", Tensor::of<float>(DType::kFloat, {0, 3}, {}));
  g.add_output(node->outputs[0]);
  ASSERT_TRUE(write_model(model, path("m.onnx")).ok());
  auto again = read_model(path("m.onnx"));
  ASSERT_TRUE(again.ok()) << again.error().str();
  EXPECT_EQ(dump(*again), dump(model));
  EXPECT_EQ(again->graph->first()->metadata, node->metadata);
  EXPECT_EQ(again->graph->first()->doc, "why");
  ASSERT_TRUE(write_model(*again, path("n.onnx")).ok());
  EXPECT_EQ(*read_file(path("m.onnx")), *read_file(path("n.onnx")));
}

}  // namespace
}  // namespace onnxport::onnx
