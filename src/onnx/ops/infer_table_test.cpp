#include "onnx/ops/infer_table_test.h"

#include <gmock/gmock.h>
#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>

#include <string_view>
#include <vector>

#include "onnx/infer.h"
#include "onnx/read.h"

namespace onnxport::onnx::ops {
namespace {

std::string size_text(const Expr& e) { return is_unknown_dim(e) ? "?" : e.str(); }

std::string ints_text(const Value& v) {
  if (!v.ints) return "";
  std::string text;
  for (const Expr& e : *v.ints) text += (text.empty() ? "" : ", ") + size_text(e);
  return text;
}

}  // namespace

std::string type_text(const Value& v) {
  std::string text = name(v.dtype);
  if (!v.shape) return text;
  text += '[';
  for (size_t i = 0; i < v.shape->size(); ++i)
    text += (i > 0 ? ", " : "") + size_text((*v.shape)[i]);
  return text + ']';
}

Result<Model> InferTable::read(const InferCase& c) {
  const std::string text = std::string("g (") + c.inputs + " { " + c.nodes + " }";
  ::onnx::ModelProto proto;
  ::onnx::OnnxParser parser(text.c_str());
  const auto status = parser.Parse(*proto.mutable_graph());
  EXPECT_TRUE(status.IsOK()) << text << ": " << status.ErrorMessage();
  proto.set_ir_version(8);
  proto.add_opset_import()->set_version(c.opset);
  put(path("m.onnx"), proto.SerializeAsString());
  return read_model(path("m.onnx"));
}

void InferTable::check(const InferCase& c) {
  auto model = read(c);
  ASSERT_TRUE(model.ok()) << model.error().str();
  const Status status = infer(*model);
  constexpr std::string_view kRefused = "refused: ";
  const std::string_view expected = c.expected;
  if (expected.starts_with(kRefused)) {
    ASSERT_FALSE(status.ok());
    const std::string part(expected.substr(kRefused.size()));
    EXPECT_THAT(status.error().str(), ::testing::HasSubstr(part));
    return;
  }
  ASSERT_TRUE(status.ok()) << status.error().str();
  const Value* y = model->graph->find("y");
  ASSERT_NE(y, nullptr);
  EXPECT_EQ(type_text(*y), c.expected);
  EXPECT_EQ(ints_text(*y), c.ints);
}

}  // namespace onnxport::onnx::ops
