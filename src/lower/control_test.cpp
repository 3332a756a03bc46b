#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "aten/program_builder.h"
#include "lower/lower.h"
#include "onnx/check.h"
#include "onnx/write.h"
#include "verify/verify.h"

namespace onnxport::lower {
namespace {

using aten::Program;
using aten::ProgramBuilder;
using Ref = ProgramBuilder::Ref;
using Operands = std::vector<ProgramBuilder::Operand>;

const Expr kN = Expr::symbol("n");
const ProgramBuilder::Type kRows = {DType::kFloat, Shape{kN, Expr(4)}};
const ProgramBuilder::Type kNumber = {DType::kFloat, Shape{}};
const ProgramBuilder::Type kFlag = {DType::kBool, Shape{}};

Program finished(ProgramBuilder& b) {
  auto program = std::move(b).finish();
  EXPECT_TRUE(program.ok()) << program.error().str();
  return program.ok() ? *program : Program();
}

Ref relu_and_one(ProgramBuilder& b, Ref x) {
  Ref relu = b.call("aten::relu", {{"self", x}}, kRows);
  return b.call("aten::add.Scalar", {{"self", relu}, {"other", 1}}, kRows);
}

// y = relu(x) + 1 if sum(x) > 0 else -x
Program branch() {
  ProgramBuilder b(find_schema);
  Ref x = b.input("x", kRows);
  Ref sum = b.call("aten::sum", {{"self", x}}, kNumber);
  Ref positive = b.call("aten::gt.Scalar", {{"self", sum}, {"other", 0}}, kFlag);
  auto y = b.branch(
      positive, [&] { return Operands{relu_and_one(b, x)}; },
      [&] {
        return Operands{b.call("aten::neg", {{"self", x}}, kRows)};
      },
      {kRows});
  b.add_output(y[0]);
  return finished(b);
}

// A while loop with a counter: while sum(x) < limit and i < 10: x = x * 2 + i; i += 1
Program while_loop() {
  ProgramBuilder b(find_schema);
  Ref x = b.input("x", kRows);
  const Expr count = b.fresh_symbol("count");
  auto trip = [&](Ref, const std::vector<Ref>& carried) -> ProgramBuilder::TripEnd {
    Ref twice = b.call("aten::mul.Scalar", {{"self", carried[0]}, {"other", 2}}, kRows);
    Ref next = b.call("aten::add.Scalar", {{"self", twice}, {"other", count}}, kRows);
    Ref norm = b.call("aten::norm.Scalar", {{"self", next}}, kNumber);
    Ref small = b.call("aten::lt.Scalar", {{"self", norm}, {"other", 100}}, kFlag);
    Ref number = b.call("aten::scalar_tensor", {{"s", count + 1}, {"dtype", DType::kInt64}},
                        {DType::kInt64, Shape{}});
    Ref few = b.call("aten::lt.Scalar", {{"self", number}, {"other", 10}}, kFlag);
    Ref both = b.call("aten::logical_and", {{"self", small}, {"other", few}}, kFlag);
    return {both, {next, count + 1}, {}};
  };
  auto out = b.loop({}, true, {{x, kRows}, {0, ProgramBuilder::scalar(DType::kInt64, count)}}, trip,
                    {kRows, ProgramBuilder::scalar(DType::kInt64, b.fresh_symbol("trips"))});
  b.add_output(out[0]);
  b.add_output(out[1]);
  return finished(b);
}

// for i in range(n): acc = cat([acc, x[i:i+1] * acc.shape[0]]) -- what is carried grows.
Program growing_loop() {
  ProgramBuilder b(find_schema);
  const ProgramBuilder::Type one_row = {DType::kFloat, Shape{1, 4}};
  Ref x = b.input("x", kRows);
  const Expr rows = b.fresh_symbol("rows");
  auto row = [&](const Expr& at) {
    return b.call("aten::narrow", {{"self", x}, {"dim", 0}, {"start", at}, {"length", 1}}, one_row);
  };
  auto trip = [&](Ref i, const std::vector<Ref>& carried) -> ProgramBuilder::TripEnd {
    Ref scaled = b.call("aten::mul.Scalar", {{"self", row(b.symbol(i))}, {"other", rows}}, one_row);
    Ref longer = b.call("aten::cat", {{"tensors", std::vector<Ref>{carried[0], scaled}}},
                        {DType::kFloat, Shape{rows + 1, 4}});
    return {true, {longer}, {scaled}};
  };
  Ref start = row(0);
  auto out =
      b.loop(kN, true, {{start, {DType::kFloat, Shape{rows, 4}}}}, trip,
             {{DType::kFloat, Shape{b.fresh_symbol("all"), 4}}, {DType::kFloat, Shape{kN, 1, 4}}});
  b.add_output(out[0]);
  b.add_output(out[1]);
  return finished(b);
}

// A branch in a loop: for i in range(5): x = x + 1 if mean(x) < 0 else x / 2.
Program branch_in_loop() {
  ProgramBuilder b(find_schema);
  Ref x = b.input("x", kRows);
  auto trip = [&](Ref, const std::vector<Ref>& carried) -> ProgramBuilder::TripEnd {
    Ref mean = b.call("aten::mean", {{"self", carried[0]}}, kNumber);
    Ref below = b.call("aten::lt.Scalar", {{"self", mean}, {"other", 0}}, kFlag);
    auto changed = [&](const char* op, int by) {
      return Operands{b.call(op, {{"self", carried[0]}, {"other", by}}, kRows)};
    };
    auto next = b.branch(
        below, [&] { return changed("aten::add.Scalar", 1); },
        [&] { return changed("aten::div.Scalar", 2); }, {kRows});
    return {true, {next[0]}, {}};
  };
  b.add_output(b.loop(5, true, {{x, kRows}}, trip, {kRows})[0]);
  return finished(b);
}

std::string proof(const Program& program, int64_t opset) {
  auto model = lower(program, {opset, {}, {}});
  if (!model.ok()) return model.error().str();
  const std::string file =
      testing::TempDir() + "onnxport_control_" + std::to_string(getpid()) + ".onnx";
  auto written = onnx::write_model(*model, file);
  if (!written.ok()) return written.error().str();
  if (Status s = onnx::check_file(file); !s.ok()) return s.error().str();
  auto verdict = verify::verify(program, file, {});
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
  ProgramBuilder b(find_schema);
  Ref x = b.input("x", kRows);
  Ref flag = b.input("flag", kFlag);
  auto half = [&] {
    return Operands{b.call("aten::narrow", {{"self", x}, {"dim", 1}, {"start", 0}, {"length", 2}},
                           {DType::kFloat, Shape{kN, 2}})};
  };
  b.add_output(
      b.branch(flag, [&] { return Operands{relu_and_one(b, x)}; }, half, {{DType::kFloat}})[0]);
  auto model = lower(finished(b), {17, {}, {}});
  ASSERT_TRUE(model.ok()) << model.error().str();
  const onnx::Value* y = model->graph->outputs()[0];
  ASSERT_TRUE(y->shape.has_value());
  EXPECT_EQ((*y->shape)[0], kN);
  EXPECT_TRUE(onnx::is_unknown_dim((*y->shape)[1]));
}

TEST(ControlFlowConstants, TakeTheBranchThatIsKnown) {
  Program program = branch();
  program.nodes[2].args[0].arg = true;
  auto model = lower(program, {17, {}, {}});
  ASSERT_TRUE(model.ok()) << model.error().str();
  for (const onnx::Node* node : model->graph->nodes()) EXPECT_NE(node->op_type, "If");
}

TEST(ControlFlowRefusals, NameWhatIsInsideTheBlockOnce) {
  Program program = branch();
  program.nodes[2].blocks[0].nodes[0].op = "aten::no_such_thing";
  program.nodes[2].blocks[0].nodes[0].module_path = "head";
  auto model = lower(program, {17, {}, {}});
  ASSERT_FALSE(model.ok());
  const std::string text = model.error().str();
  EXPECT_NE(text.find("1 call cannot"), std::string::npos) << text;
  EXPECT_NE(text.find("aten::no_such_thing"), std::string::npos) << text;
  EXPECT_NE(text.find("module head"), std::string::npos) << text;
}

}  // namespace
}  // namespace onnxport::lower
