#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "lower/lower.h"
#include "onnx/check.h"
#include "onnx/write.h"
#include "verify/temporary.h"
#include "verify/verify.h"

namespace onnxport::lower {
namespace {

using aten::Arg;
using aten::Block;
using aten::Node;
using aten::ValueId;

const Expr kN = Expr::symbol("n");

// A program with blocks, written down by hand.
class Draft {
 public:
  aten::Program program;

  ValueId tensor(const std::string& name, Shape shape, DType dtype = DType::kFloat) {
    aten::Value v;
    v.name = name;
    v.dtype = dtype;
    v.shape = std::move(shape);
    return program.add_value(std::move(v));
  }
  ValueId scalar(const std::string& name, DType dtype, const std::string& symbol = "") {
    aten::Value v;
    v.name = name;
    v.kind = aten::Value::Kind::kScalar;
    v.dtype = dtype;
    if (!symbol.empty()) v.scalar = Expr::symbol(symbol);
    return program.add_value(std::move(v));
  }
  ValueId input(const std::string& name, Shape shape, DType dtype = DType::kFloat) {
    ValueId id = tensor(name, std::move(shape), dtype);
    program.inputs.push_back({id, name});
    return id;
  }
  void returns(ValueId id) { program.outputs.push_back({id, ""}); }
};

Node call(const std::string& op, const std::string& overload, std::vector<aten::NamedArg> args,
          ValueId out) {
  Node node;
  node.op = op;
  node.overload = overload;
  node.args = std::move(args);
  node.outputs = {out};
  return node;
}

Node if_node(Arg condition, Block yes, Block no, std::vector<ValueId> outputs) {
  Node node;
  node.op = "prim::If";
  node.args = {{"condition", std::move(condition)}};
  node.blocks = {std::move(yes), std::move(no)};
  node.outputs = std::move(outputs);
  return node;
}

Node loop_node(Arg limit, Arg condition, aten::ArgList carried, Block body,
               std::vector<ValueId> outputs) {
  Node node;
  node.op = "prim::Loop";
  node.args = {{"max_trip_count", std::move(limit)},
               {"condition", std::move(condition)},
               {"carried", Arg(std::move(carried))}};
  node.blocks = {std::move(body)};
  node.outputs = std::move(outputs);
  return node;
}

// y = relu(x) + 1 if sum(x) > 0 else -x
Draft branch() {
  Draft d;
  ValueId x = d.input("x", {kN, Expr(4)});
  ValueId sum = d.tensor("sum", {});
  ValueId positive = d.tensor("positive", {}, DType::kBool);
  ValueId relu = d.tensor("relu", {kN, Expr(4)}), more = d.tensor("more", {kN, Expr(4)});
  ValueId neg = d.tensor("neg", {kN, Expr(4)}), y = d.tensor("y", {kN, Expr(4)});
  d.program.nodes = {
      call("aten::sum", "", {{"self", x}}, sum),
      call("aten::gt", "Scalar", {{"self", sum}, {"other", Expr(0)}}, positive),
      if_node(positive,
              {{},
               {call("aten::relu", "", {{"self", x}}, relu),
                call("aten::add", "Scalar", {{"self", relu}, {"other", Expr(1)}}, more)},
               {more}},
              {{}, {call("aten::neg", "", {{"self", x}}, neg)}, {neg}}, {y})};
  d.returns(y);
  return d;
}

// A while loop with a counter: while sum(x) < limit and i < 10: x = x * 2 + i; i += 1
Draft while_loop() {
  Draft d;
  ValueId x = d.input("x", {kN, Expr(4)});
  ValueId trip = d.scalar("trip", DType::kInt64, "u0");
  ValueId inside = d.tensor("inside", {kN, Expr(4)});
  ValueId count = d.scalar("count", DType::kInt64, "u1");
  ValueId twice = d.tensor("twice", {kN, Expr(4)}), next = d.tensor("next", {kN, Expr(4)});
  ValueId norm = d.tensor("norm", {}), small = d.tensor("small", {}, DType::kBool);
  ValueId number = d.tensor("number", {}, DType::kInt64), few = d.tensor("few", {}, DType::kBool);
  ValueId both = d.tensor("both", {}, DType::kBool);
  ValueId y = d.tensor("y", {kN, Expr(4)}), trips = d.scalar("trips", DType::kInt64, "u2");
  Expr i = Expr::symbol("u1");
  Block body = {{trip, inside, count},
                {call("aten::mul", "Scalar", {{"self", inside}, {"other", Expr(2)}}, twice),
                 call("aten::add", "Scalar", {{"self", twice}, {"other", i}}, next),
                 call("aten::norm", "Scalar", {{"self", next}}, norm),
                 call("aten::lt", "Scalar", {{"self", norm}, {"other", Expr(100)}}, small),
                 call("aten::scalar_tensor", "", {{"s", i + 1}, {"dtype", DType::kInt64}}, number),
                 call("aten::lt", "Scalar", {{"self", number}, {"other", Expr(10)}}, few),
                 call("aten::logical_and", "", {{"self", small}, {"other", few}}, both)},
                {both, next, i + 1}};
  d.program.nodes = {loop_node({}, true, {x, Expr(0)}, std::move(body), {y, trips})};
  d.returns(y);
  d.returns(trips);
  return d;
}

// for i in range(n): acc = cat([acc, x[i:i+1] * acc.shape[0]]) -- what is carried grows.
Draft growing_loop() {
  Draft d;
  ValueId x = d.input("x", {kN, Expr(4)});
  ValueId start = d.tensor("start", {Expr(1), Expr(4)});
  ValueId trip = d.scalar("trip", DType::kInt64, "u0");
  Expr rows = Expr::symbol("u1");
  ValueId acc = d.tensor("acc", {rows, Expr(4)});
  ValueId row = d.tensor("row", {Expr(1), Expr(4)}),
          scaled = d.tensor("scaled", {Expr(1), Expr(4)});
  ValueId longer = d.tensor("longer", {rows + 1, Expr(4)});
  ValueId y = d.tensor("y", {Expr::symbol("u2"), Expr(4)});
  ValueId all = d.tensor("all", {kN, Expr(1), Expr(4)});
  Expr i = Expr::symbol("u0");
  auto narrow = [](ValueId from, Expr at, ValueId out) {
    return call("aten::narrow", "",
                {{"self", from}, {"dim", Expr(0)}, {"start", at}, {"length", Expr(1)}}, out);
  };
  Block body = {
      {trip, acc},
      {narrow(x, i, row), call("aten::mul", "Scalar", {{"self", row}, {"other", rows}}, scaled),
       call("aten::cat", "", {{"tensors", aten::ArgList{acc, scaled}}}, longer)},
      {true, longer, scaled}};
  d.program.nodes = {narrow(x, Expr(0), start),
                     loop_node(kN, true, {start}, std::move(body), {y, all})};
  d.returns(y);
  d.returns(all);
  return d;
}

// A branch in a loop: for i in range(5): x = x + 1 if mean(x) < 0 else x / 2, in float64.
Draft branch_in_loop() {
  Draft d;
  ValueId x = d.input("x", {kN, Expr(4)});
  ValueId trip = d.scalar("trip", DType::kInt64, "u0"), inside = d.tensor("inside", {kN, Expr(4)});
  ValueId mean = d.tensor("mean", {}), below = d.tensor("below", {}, DType::kBool);
  ValueId more = d.tensor("more", {kN, Expr(4)}), less = d.tensor("less", {kN, Expr(4)});
  ValueId next = d.tensor("next", {kN, Expr(4)}), y = d.tensor("y", {kN, Expr(4)});
  Block body = {
      {trip, inside},
      {call("aten::mean", "", {{"self", inside}}, mean),
       call("aten::lt", "Scalar", {{"self", mean}, {"other", Expr(0)}}, below),
       if_node(below,
               {{},
                {call("aten::add", "Scalar", {{"self", inside}, {"other", Expr(1)}}, more)},
                {more}},
               {{},
                {call("aten::div", "Scalar", {{"self", inside}, {"other", Expr(2)}}, less)},
                {less}},
               {next})},
      {true, next}};
  d.program.nodes = {loop_node(Expr(5), true, {x}, std::move(body), {y})};
  d.returns(y);
  return d;
}

std::string proof(const Draft& d, int64_t opset) {
  if (Status s = aten::validate(d.program); !s.ok()) return s.error().str();
  auto model = lower(d.program, {opset, {}, {}});
  if (!model.ok()) return model.error().str();
  verify::TemporaryFile file;
  auto written = onnx::write_model(*model, file.path());
  if (!written.ok()) return written.error().str();
  if (Status s = onnx::check_file(file.path()); !s.ok()) return s.error().str();
  auto verdict = verify::verify(d.program, file.path(), {});
  if (!verdict.ok()) return verdict.error().str();
  std::string out = verdict->reason;
  for (const auto& output : verdict->outputs) out += output.reason;
  if (verdict->first) out += " " + verdict->first->value + " " + verdict->first->reason;
  return verdict->passed ? "passed" : "differs: " + out;
}

class ControlFlow : public testing::TestWithParam<int64_t> {};

TEST_P(ControlFlow, ComputesWhatPyTorchDoesForABranch) {
  EXPECT_EQ(proof(branch(), GetParam()), "passed");
}
TEST_P(ControlFlow, ComputesWhatPyTorchDoesForAWhileLoop) {
  EXPECT_EQ(proof(while_loop(), GetParam()), "passed");
}
TEST_P(ControlFlow, ComputesWhatPyTorchDoesWhenWhatIsCarriedGrows) {
  EXPECT_EQ(proof(growing_loop(), GetParam()), "passed");
}
TEST_P(ControlFlow, ComputesWhatPyTorchDoesForABranchInALoop) {
  EXPECT_EQ(proof(branch_in_loop(), GetParam()), "passed");
}
INSTANTIATE_TEST_SUITE_P(Opset, ControlFlow, testing::Values(13, 17, 23));

TEST(ControlFlowShapes, AreUnknownWhereBranchesDiffer) {
  Draft d = branch();
  Node& node = d.program.nodes[2];
  ValueId half = d.tensor("half", {kN, Expr(2)});
  Node narrow = call("aten::narrow", "",
                     {{"self", d.program.inputs[0].value},
                      {"dim", Expr(1)},
                      {"start", Expr(0)},
                      {"length", Expr(2)}},
                     half);
  node.blocks[1] = {{}, {narrow}, {half}};
  d.program.values[static_cast<size_t>(node.outputs[0].index)].shape.reset();
  auto model = lower(d.program, {17, {}, {}});
  ASSERT_TRUE(model.ok()) << model.error().str();
  const onnx::Value* y = model->graph->outputs()[0];
  ASSERT_TRUE(y->shape.has_value());
  EXPECT_EQ((*y->shape)[0], kN);
  EXPECT_TRUE(onnx::is_unknown_dim((*y->shape)[1]));
}

TEST(ControlFlowConstants, TakeTheBranchThatIsKnown) {
  Draft d = branch();
  d.program.nodes = {if_node(true, d.program.nodes[2].blocks[0], d.program.nodes[2].blocks[1],
                             d.program.nodes[2].outputs)};
  auto model = lower(d.program, {17, {}, {}});
  ASSERT_TRUE(model.ok()) << model.error().str();
  for (const onnx::Node* node : model->graph->nodes()) EXPECT_NE(node->op_type, "If");
}

TEST(ControlFlowRefusals, NameWhatIsInsideTheBlockOnce) {
  Draft d = branch();
  d.program.nodes[2].blocks[0].nodes[0].op = "aten::no_such_thing";
  d.program.nodes[2].blocks[0].nodes[0].module_path = "head";
  auto model = lower(d.program, {17, {}, {}});
  ASSERT_FALSE(model.ok());
  const std::string text = model.error().str();
  EXPECT_NE(text.find("1 call cannot"), std::string::npos) << text;
  EXPECT_NE(text.find("aten::no_such_thing"), std::string::npos) << text;
  EXPECT_NE(text.find("module head"), std::string::npos) << text;
}

}  // namespace
}  // namespace onnxport::lower
