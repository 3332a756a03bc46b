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

#include "aten/program_builder.h"
#include "lower/lower.h"

namespace onnxport::lower {

class Sketch {
 public:
  using Id = aten::ProgramBuilder::Ref;
  using Args = std::vector<aten::ProgramBuilder::NamedOperand>;

  Id input(const std::string& name, Shape shape, DType dtype = DType::kFloat) {
    return builder_.input(name, {dtype, std::move(shape)});
  }
  // A size that an input has, so that it can be read.
  Expr size(const std::string& symbol) {
    builder_.input("has_" + symbol, {DType::kFloat, Shape{Expr::symbol(symbol)}});
    return Expr::symbol(symbol);
  }
  // A weight with elements 1, 2, 3...
  Id weight(const std::string& name, std::vector<int64_t> dims) {
    std::vector<float> values;
    int64_t count = 1;
    for (int64_t d : dims) count *= d;
    for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i + 1));
    return constant(name, Tensor::of<float>(DType::kFloat, std::move(dims), values));
  }
  Id constant(const std::string& name, Tensor tensor) {
    return builder_.constant(std::move(tensor), name);
  }
  // A call of one output; its name is the operator's.
  Id call(const std::string& full_name, Args args, Shape shape, DType dtype = DType::kFloat) {
    return calls(full_name, std::move(args), {{std::move(shape), dtype}})[0];
  }
  std::vector<Id> calls(const std::string& full_name, Args args,
                        const std::vector<std::pair<Shape, DType>>& outputs) {
    std::vector<aten::ProgramBuilder::Type> types;
    for (const auto& [shape, dtype] : outputs) types.push_back({dtype, shape});
    return builder_.calls(full_name, std::move(args), types);
  }
  Sketch& returns(Id id) {
    builder_.add_output(id);
    return *this;
  }
  // For what no builder makes.
  aten::Program& program() { return builder_.program(); }

  Result<onnx::Model> lowered(int64_t opset) const {
    if (builder_.error()) return *builder_.error();
    return lower(builder_.program(), {opset, {}, {}});
  }
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
  aten::ProgramBuilder builder_{find_schema};
};

// Lists of numbers and tensors as arguments.
inline std::vector<int64_t> list(std::vector<int64_t> values) { return values; }
inline std::vector<Sketch::Id> tensors(std::vector<Sketch::Id> values) { return values; }

}  // namespace onnxport::lower
