#include "onnx/read.h"

#include <onnx/onnx_pb.h>

#include "base/file.h"
#include "onnx/file_fixture.h"
#include "onnx/write.h"

namespace onnxport::onnx {
namespace {

class Read : public FileTest {
 protected:
  // What reading this message from a file says.
  Result<Model> read(const ::onnx::ModelProto& proto) {
    put(path("m.onnx"), proto.SerializeAsString());
    return read_model(path("m.onnx"));
  }
  std::string refusal(const ::onnx::ModelProto& proto) {
    auto model = read(proto);
    return model.ok() ? "it was read" : model.error().str();
  }
};

// x -> Relu -> y
::onnx::ModelProto small_model() {
  ::onnx::ModelProto proto;
  proto.set_ir_version(8);
  auto* import = proto.add_opset_import();
  import->set_version(17);
  auto* graph = proto.mutable_graph();
  graph->set_name("g");
  graph->add_input()->set_name("x");
  graph->add_output()->set_name("y");
  auto* node = graph->add_node();
  node->set_op_type("Relu");
  node->add_input("x");
  node->add_output("y");
  return proto;
}

::onnx::TensorProto* add_tensor(::onnx::ModelProto& proto, const char* name, int dtype,
                                std::vector<int64_t> dims) {
  auto* tensor = proto.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(dtype);
  for (const int64_t dim : dims) tensor->add_dims(dim);
  return tensor;
}

TEST_F(Read, ViewsTheFileInsteadOfCopying) {
  ASSERT_TRUE(write_model(sample_model(), path("m.onnx")).ok());
  auto model = read_model(path("m.onnx"));
  ASSERT_TRUE(model.ok());
  const Tensor& weight = *model->graph->find("weight")->initializer;
  EXPECT_EQ(weight.storage->view().size(), 8u * 4 * 4);
  EXPECT_EQ(weight.values<float>()[1], 2.0f);
}

TEST_F(Read, NeverCrashesOnAFileThatIsCutOff) {
  ASSERT_TRUE(write_model(sample_model(), path("m.onnx")).ok());
  const std::string whole = *read_file(path("m.onnx"));
  for (size_t size = 0; size < whole.size(); ++size) {
    put(path("cut.onnx"), whole.substr(0, size));
    auto model = read_model(path("cut.onnx"));  // a cut between fields may still be a model
    if (model.ok()) continue;
    EXPECT_EQ(model.error().where.rfind(path("cut.onnx"), 0), 0u);
  }
}

TEST_F(Read, NeverCrashesOnADamagedByte) {
  ASSERT_TRUE(write_model(sample_model(), path("m.onnx")).ok());
  const std::string whole = *read_file(path("m.onnx"));
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      put(path("bad.onnx"), damaged);
      auto model = read_model(path("bad.onnx"));
      if (model.ok()) dump(*model);
    }
  }
}

TEST_F(Read, DecodesTypedFields) {
  auto proto = small_model();
  add_tensor(proto, "f", 1, {2})->add_float_data(1.5f);
  proto.mutable_graph()->mutable_initializer(0)->add_float_data(2.5f);
  add_tensor(proto, "h", 10, {1})->add_int32_data(0x3c00);
  add_tensor(proto, "b", 9, {1})->add_int32_data(1);
  add_tensor(proto, "i", 7, {})->add_int64_data(-5);
  add_tensor(proto, "u", 12, {1})->add_uint64_data(4000000000u);
  add_tensor(proto, "d", 11, {1})->add_double_data(0.1);
  add_tensor(proto, "n", 22, {3})->add_int32_data(0x21);
  proto.mutable_graph()->mutable_initializer(6)->add_int32_data(0x03);
  auto model = read(proto);
  ASSERT_TRUE(model.ok()) << model.error().str();
  auto doubles = [&](const char* name) {
    return model->graph->find(name)->initializer->as_doubles();
  };
  EXPECT_EQ(doubles("f"), (std::vector<double>{1.5, 2.5}));
  EXPECT_EQ(doubles("h"), std::vector<double>{1});
  EXPECT_EQ(doubles("b"), std::vector<double>{1});
  EXPECT_EQ(doubles("i"), std::vector<double>{-5});
  EXPECT_EQ(doubles("u"), std::vector<double>{4e9});
  EXPECT_EQ(doubles("d"), std::vector<double>{0.1});
  EXPECT_EQ(model->graph->find("n")->initializer->bytes().size(), 2u);
}

TEST_F(Read, RefusesTensorsOfTheWrongLength) {
  auto proto = small_model();
  add_tensor(proto, "w", 1, {3})->set_raw_data("12345678");
  EXPECT_NE(refusal(proto).find("initializer w: it has 8 bytes; its sizes and type say 12"),
            std::string::npos);
  proto = small_model();
  add_tensor(proto, "w", 1, {int64_t{1} << 40, int64_t{1} << 40})->set_raw_data("1234");
  EXPECT_NE(refusal(proto).find("too large"), std::string::npos);
  proto = small_model();
  add_tensor(proto, "w", 1, {-1});
  EXPECT_NE(refusal(proto).find("negative"), std::string::npos);
  proto = small_model();
  add_tensor(proto, "w", 1, {2})->add_float_data(1);
  EXPECT_NE(refusal(proto).find("initializer w"), std::string::npos);
  proto = small_model();
  add_tensor(proto, "w", 99, {1})->set_raw_data("1");
  EXPECT_NE(refusal(proto).find("element type 99"), std::string::npos);
}

TEST_F(Read, RefusesExternalDataOutsideTheFolder) {
  for (const char* location : {"/etc/passwd", "../x", "a/../../x", "", "a/.."}) {
    auto proto = small_model();
    auto* tensor = add_tensor(proto, "w", 1, {1});
    tensor->set_data_location(::onnx::TensorProto::EXTERNAL);
    auto* entry = tensor->add_external_data();
    entry->set_key("location");
    entry->set_value(location);
    EXPECT_NE(refusal(proto).find("only a file inside"), std::string::npos) << location;
  }
}

TEST_F(Read, RefusesExternalDataThatIsNotThere) {
  ASSERT_TRUE(write_file(path("w.bin"), "12345678").ok());
  auto with = [&](const char* file, const char* offset, const char* length) {
    auto proto = small_model();
    auto* tensor = add_tensor(proto, "w", 1, {1});
    tensor->set_data_location(::onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] :
         {std::pair("location", file), std::pair("offset", offset), std::pair("length", length)}) {
      auto* entry = tensor->add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
    return refusal(proto);
  };
  EXPECT_EQ(with("w.bin", "4", "4"), "it was read");
  EXPECT_NE(with("w.bin", "5", "4").find("outside the file"), std::string::npos);
  EXPECT_NE(with("w.bin", "18446744073709551615", "4").find("outside the file"), std::string::npos);
  EXPECT_NE(with("w.bin", "0", "8").find("wrong"), 0u);
  EXPECT_NE(with("w.bin", "x", "4").find("not a number"), std::string::npos);
  EXPECT_NE(with("none.bin", "0", "4").find("none.bin"), std::string::npos);
}

TEST_F(Read, RefusesGraphsThatAreNone) {
  auto proto = small_model();
  proto.mutable_graph()->mutable_node(0)->set_input(0, "nothing");
  EXPECT_NE(refusal(proto).find("node #0 (Relu): it reads `nothing`, which nothing gives"),
            std::string::npos);
  proto = small_model();
  proto.mutable_graph()->mutable_output(0)->set_name("nothing");
  EXPECT_NE(refusal(proto).find("`nothing`"), std::string::npos);
  proto = small_model();
  *proto.mutable_graph()->add_node() = proto.graph().node(0);
  EXPECT_NE(refusal(proto).find("SSA"), std::string::npos);
  proto = small_model();
  proto.clear_graph();
  EXPECT_NE(refusal(proto).find("not an ONNX model"), std::string::npos);
  ASSERT_TRUE(write_file(path("m.onnx"), "hello, this is text").ok());
  EXPECT_FALSE(read_model(path("m.onnx")).ok());
}

TEST_F(Read, RefusesSubgraphsThatNestTooDeep) {
  auto proto = small_model();
  auto* graph = proto.mutable_graph();
  for (int i = 0; i < 200; ++i) {
    auto* node = graph->add_node();
    node->set_op_type("Loop");
    auto* attribute = node->add_attribute();
    attribute->set_name("body");
    attribute->set_type(::onnx::AttributeProto::GRAPH);
    graph = attribute->mutable_g();
  }
  EXPECT_NE(refusal(proto).find("nest"), std::string::npos);
}

TEST_F(Read, KeepsDimensionNames) {
  auto proto = small_model();
  auto* shape = proto.mutable_graph()
                    ->mutable_input(0)
                    ->mutable_type()
                    ->mutable_tensor_type()
                    ->mutable_shape();
  proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(1);
  for (const char* name : {"batch", "2*batch + 1", "height/32", "Width of it", "unk__3"}) {
    shape->add_dim()->set_dim_param(name);
  }
  shape->add_dim();
  auto model = read(proto);
  ASSERT_TRUE(model.ok());
  const Shape& sizes = *model->graph->inputs[0]->shape;
  EXPECT_EQ(sizes[1], 2 * sizes[0] + 1);
  EXPECT_TRUE(sizes[2].is_symbol());
  EXPECT_TRUE(is_unknown_dim(sizes[5]));
  ASSERT_TRUE(write_model(*model, path("n.onnx")).ok());
  auto again = read_model(path("n.onnx"));
  ASSERT_TRUE(again.ok());
  for (int i = 0; i < 5; ++i) EXPECT_EQ((*again->graph->inputs[0]->shape)[i].str(), sizes[i].str());
}

TEST_F(Read, ResolvesNamesInSubgraphsThatShadow) {
  // The branch defines its own "y", as the graph around it does, and reads "x" from there.
  auto proto = small_model();
  auto* node = proto.mutable_graph()->add_node();
  node->set_op_type("If");
  node->add_input("x");
  node->add_output("z");
  auto* attribute = node->add_attribute();
  attribute->set_name("then_branch");
  attribute->set_type(::onnx::AttributeProto::GRAPH);
  *attribute->mutable_g() = small_model().graph();
  attribute->mutable_g()->clear_input();
  auto model = read(proto);
  ASSERT_TRUE(model.ok()) << model.error().str();
  Graph& outer = *model->graph;
  const Graph& inner = *outer.last()->get<Attribute::GraphRef>("then_branch", nullptr);
  EXPECT_EQ(inner.first()->inputs[0], outer.find("x"));
  EXPECT_EQ(inner.outputs()[0]->graph, &inner);
  EXPECT_EQ(inner.outputs()[0]->name, "y.1");
  EXPECT_EQ(outer.find("x")->uses.size(), 3u);
}

TEST_F(Read, MakesConstantsOfOldInitializers) {
  auto proto = small_model();
  proto.set_ir_version(3);
  proto.mutable_graph()->add_input()->set_name("w");
  add_tensor(proto, "w", 1, {1})->add_float_data(1);
  auto model = read(proto);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->graph->inputs.size(), 1u);
  EXPECT_NE(model->graph->find("w")->constant(), nullptr);
  EXPECT_EQ(model->ir_version, 4);
  proto.set_ir_version(8);
  EXPECT_EQ(read(proto)->graph->find("w")->constant(), nullptr);
}

TEST_F(Read, CarriesWhatItDoesNotInterpret) {
  auto proto = small_model();
  proto.add_functions()->set_name("f");
  proto.add_training_info()->mutable_initialization()->set_name("init");
  auto* sparse = proto.mutable_graph()->add_sparse_initializer();
  sparse->mutable_values()->set_name("s");
  sparse->mutable_values()->set_data_type(1);
  sparse->add_dims(10);
  proto.mutable_graph()->mutable_node(0)->set_input(0, "s");
  proto.mutable_graph()->add_quantization_annotation()->set_tensor_name("y");
  proto.mutable_graph()->add_metadata_props()->set_key("k");
  auto* sequence = proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_sequence_type();
  sequence->mutable_elem_type()->mutable_tensor_type()->set_elem_type(1);
  auto model = read(proto);
  ASSERT_TRUE(model.ok()) << model.error().str();
  ASSERT_TRUE(write_model(*model, path("n.onnx")).ok());
  ::onnx::ModelProto again;
  ASSERT_TRUE(again.ParseFromString(*read_file(path("n.onnx"))));
  EXPECT_EQ(again.functions(0).name(), "f");
  EXPECT_EQ(again.training_info(0).initialization().name(), "init");
  EXPECT_EQ(again.graph().sparse_initializer(0).values().name(), "s");
  EXPECT_EQ(again.graph().quantization_annotation(0).tensor_name(), "y");
  EXPECT_EQ(again.graph().metadata_props(0).key(), "k");
  EXPECT_TRUE(again.graph().input(0).type().has_sequence_type());
}

}  // namespace
}  // namespace onnxport::onnx
