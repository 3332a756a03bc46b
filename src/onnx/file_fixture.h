// For the tests of reading, writing and checking: a folder of their own and a model with most of
// what a file can hold.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "onnx/graph.h"

namespace onnxport::onnx {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "onnxport-onnx-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  // Without the fsync of write_file: some tests write thousands of files.
  static void put(const std::string& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }
  size_t entries() const {
    return std::distance(std::filesystem::directory_iterator(folder_),
                         std::filesystem::directory_iterator());
  }
  std::filesystem::path folder_;
};

// y = MatMul(x, weight^T) + bias; z = If(flag) {y + one} else {Neg(y)}; valid ONNX of opset 17.
inline Model sample_model(int64_t width = 8) {
  Model model;
  model.opset_imports[""] = 17;
  model.ir_version = 8;
  model.producer_name = "onnxport";
  model.metadata = {{"task", "classification"}};
  Graph& g = *model.graph;
  const Expr n = Expr::symbol("batch_size");
  Value* x = g.add_input("x", DType::kFloat, Shape{n, width});
  Value* flag = g.add_input("flag", DType::kBool, Shape{});
  std::vector<float> weights(static_cast<size_t>(width * 4));
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i) * 0.25f;
  const Tensor weight = Tensor::of(DType::kFloat, {4, width}, weights);
  Value* w = g.add_initializer("weight", weight.transposed({1, 0}));
  Value* b = g.add_initializer("bias", Tensor::of<float>(DType::kFloat, {4}, {1, 2, 3, 4}));
  Node* matmul = g.add_node("MatMul", {x, w});
  matmul->name = "/linear/MatMul";
  Node* add = g.add_node("Add", {matmul->outputs[0], b});
  Value* y = add->outputs[0];
  g.rename(y, "y");
  for (Value* value : {matmul->outputs[0], y}) {
    value->dtype = DType::kFloat;
    value->shape = Shape{n, 4};
  }
  auto branch = [&](const char* op, const char* graph_name) {
    auto body = std::make_shared<Graph>(&g);
    body->name = graph_name;
    std::vector<Value*> inputs = {y};
    if (std::string(op) == "Add") {
      inputs.push_back(body->add_initializer("one", Tensor::scalar(DType::kFloat, 1)));
    }
    Value* out = body->add_node(op, inputs)->outputs[0];
    out->dtype = DType::kFloat;
    out->shape = Shape{n, 4};
    body->add_output(out);
    return Attribute(body);
  };
  Node* choice =
      g.add_node("If", {flag},
                 {{"then_branch", branch("Add", "then")}, {"else_branch", branch("Neg", "else")}});
  g.rename(choice->outputs[0], "z");
  choice->outputs[0]->dtype = DType::kFloat;
  choice->outputs[0]->shape = Shape{n, unknown_dim()};
  g.add_output(choice->outputs[0]);
  return model;
}

}  // namespace onnxport::onnx
