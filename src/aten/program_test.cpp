#include "aten/program.h"

#include <gtest/gtest.h>

namespace onnxport::aten {
namespace {

// y = If(flag) { a = relu(x) } { b = neg(x) }
Program branch() {
  Program p;
  auto add = [&](const char* name) {
    Value v;
    v.name = name;
    v.dtype = DType::kFloat;
    v.shape = Shape{Expr(2)};
    return p.add_value(std::move(v));
  };
  ValueId x = add("x"), flag = add("flag"), a = add("a"), b = add("b"), y = add("y");
  p.inputs = {{x, "x"}, {flag, "flag"}};
  Node relu, neg, branch;
  relu.op = "aten::relu";
  relu.args = {{"self", x}};
  relu.outputs = {a};
  neg.op = "aten::neg";
  neg.args = {{"self", x}};
  neg.outputs = {b};
  branch.op = "prim::If";
  branch.args = {{"condition", flag}};
  branch.blocks = {{{}, {relu}, {a}}, {{}, {neg}, {b}}};
  branch.outputs = {y};
  p.nodes = {branch};
  p.outputs = {{y, ""}};
  return p;
}

std::string problem(const Program& p) {
  Status status = validate(p);
  return status.ok() ? "" : status.error().str();
}

TEST(Blocks, AreValidWhenTheirOutputsFitTheNode) { EXPECT_EQ(problem(branch()), ""); }

TEST(Blocks, HideWhatTheyDefine) {
  Program p = branch();
  p.outputs[0].value = p.nodes[0].blocks[0].nodes[0].outputs[0];
  EXPECT_NE(problem(p).find("uses `a` outside its block"), std::string::npos) << problem(p);
}

TEST(Blocks, AreRefusedWithTheWrongNumberOfOutputs) {
  Program p = branch();
  p.nodes[0].blocks[1].outputs.clear();
  EXPECT_NE(problem(p).find("as many outputs"), std::string::npos) << problem(p);
}

TEST(Blocks, BelongToControlFlowOnly) {
  Program p = branch();
  p.nodes[0].op = "aten::relu";
  EXPECT_NE(problem(p).find("only prim::If and prim::Loop"), std::string::npos) << problem(p);
}

TEST(Blocks, StandIndentedInADump) {
  EXPECT_NE(dump(branch()).find("%y: float32 [2] = prim::If(condition=%flag)\n"
                                "  block():\n"
                                "    %a: float32 [2] = aten::relu(self=%x)\n"
                                "    -> %a\n"),
            std::string::npos)
      << dump(branch());
}

TEST(ForEachUse, SeesWhatBlocksRead) {
  Program p = branch();
  int uses_of_x = 0;
  for_each_use(p.nodes[0], [&](ValueId id) { uses_of_x += id.index == 0 ? 1 : 0; });
  EXPECT_EQ(uses_of_x, 2);
}

}  // namespace
}  // namespace onnxport::aten
