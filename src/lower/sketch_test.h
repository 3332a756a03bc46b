// For the tests of the rules: an aten::Program in a few lines, and what it is lowered to.
//
//   Sketch s;
//   auto x = s.input("x", {Expr::symbol("n"), 8});
//   auto y = s.call("aten::relu", {{"self", x}}, {Expr::symbol("n"), 8});
//   EXPECT_EQ(s.returns(y).nodes(17), "Relu");
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "lower/lower.h"

namespace onnxport::lower {

class Sketch {
 public:
  using Id = aten::ValueId;

  Id input(std::string name, Shape shape, DType dtype = DType::kFloat) {
    const Id id = value(name, std::move(shape), dtype);
    program_.inputs.push_back({id, std::move(name)});
    return id;
  }
  // A weight with elements 1, 2, 3... (or `fill` everywhere).
  Id weight(std::string name, std::vector<int64_t> dims) {
    std::vector<float> values;
    int64_t count = 1;
    for (int64_t d : dims) count *= d;
    for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i + 1));
    return constant(std::move(name), Tensor::of<float>(DType::kFloat, std::move(dims), values));
  }
  Id constant(std::string name, Tensor tensor) {
    const Id id = value(name, Shape(tensor.dims.begin(), tensor.dims.end()), tensor.dtype);
    program_.weights.push_back({id, std::move(name), std::move(tensor)});
    return id;
  }
  // A call of one output; its name is the operator's.
  Id call(const std::string& full_name, std::vector<aten::NamedArg> args, Shape shape,
          DType dtype = DType::kFloat) {
    return calls(full_name, std::move(args), {{std::move(shape), dtype}})[0];
  }
  std::vector<Id> calls(const std::string& full_name, std::vector<aten::NamedArg> args,
                        std::vector<std::pair<Shape, DType>> outputs) {
    aten::Node node;
    const size_t dot = full_name.find('.');
    node.op = full_name.substr(0, dot);
    if (dot != std::string::npos) node.overload = full_name.substr(dot + 1);
    node.args = std::move(args);
    for (auto& [shape, dtype] : outputs) {
      node.outputs.push_back(value(node.op.substr(6), std::move(shape), dtype));
    }
    program_.nodes.push_back(node);
    return node.outputs;
  }
  Sketch& returns(Id id) {
    program_.outputs.push_back({id, ""});
    return *this;
  }

  Result<onnx::Model> lowered(int64_t opset) const { return lower(program_, {opset, {}, {}}); }
  // The operators, in order: "MatMul Add"; or "refused: ..." with the reason.
  std::string nodes(int64_t opset = 17) const {
    Result<onnx::Model> model = lowered(opset);
    if (!model.ok()) return "refused: " + model.error().str();
    std::string out;
    for (const onnx::Node* node : model->graph->nodes()) {
      out += (out.empty() ? "" : " ") + node->op_type;
    }
    return out;
  }
  std::string dump(int64_t opset = 17) const {
    Result<onnx::Model> model = lowered(opset);
    return model.ok() ? onnx::dump(*model) : "refused: " + model.error().str();
  }
  // The shape of the first output.
  std::string shape(int64_t opset = 17) const {
    Result<onnx::Model> model = lowered(opset);
    if (!model.ok()) return "refused: " + model.error().str();
    const onnx::Value* out = model->graph->outputs().at(0);
    return out->shape ? to_string(*out->shape) : "unknown";
  }

 private:
  Id value(const std::string& name, Shape shape, DType dtype) {
    aten::Value v;
    v.name = name;
    for (int i = 1; taken(v.name); ++i) v.name = name + "_" + std::to_string(i);
    v.dtype = dtype;
    v.shape = std::move(shape);
    return program_.add_value(std::move(v));
  }
  bool taken(const std::string& name) const {
    for (const aten::Value& v : program_.values) {
      if (v.name == name) return true;
    }
    return false;
  }

  aten::Program program_;
};

// Lists of numbers as arguments.
inline aten::Arg list(const std::vector<int64_t>& values) {
  aten::ArgList out;
  for (int64_t value : values) out.emplace_back(Expr(value));
  return aten::Arg(std::move(out));
}
inline aten::Arg tensors(const std::vector<aten::ValueId>& values) {
  return aten::Arg(aten::ArgList(values.begin(), values.end()));
}

}  // namespace onnxport::lower
