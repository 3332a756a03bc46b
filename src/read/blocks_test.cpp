// Branches and loops in a program whose calls work in place: what a block writes of its own stays
// inside, what it writes of its surroundings is a result, what it reads from outside is what is
// current there; and nothing that a block needs is pruned away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "read/functionalize.h"
#include "read/prune.h"

namespace onnxport::read {
namespace {

using aten::Node;
using aten::Program;
using aten::ValueId;
using testing::HasSubstr;

ValueId value(Program& p, const std::string& name) {
  aten::Value v;
  v.name = name;
  v.dtype = DType::kFloat;
  v.shape = Shape{Expr(4)};
  v.strides = Shape{Expr(1)};
  return p.add_value(std::move(v));
}

Node call(const std::string& op, std::vector<aten::NamedArg> args, ValueId out) {
  Node node;
  node.op = op;
  node.args = std::move(args);
  node.outputs = {out};
  return node;
}

// y = relu(x) if flag else x, with calls of one's own in both ways.
struct Branch {
  Program p;
  ValueId x, flag, a, b, y;
  Node node;

  Branch() {
    x = value(p, "x"), flag = value(p, "flag"), a = value(p, "a"), b = value(p, "b");
    y = value(p, "y");
    p.inputs = {{x, "x"}, {flag, "flag"}};
    node.op = "prim::If";
    node.args = {{"condition", flag}};
    node.outputs = {y};
    node.blocks = {{{}, {call("aten::relu", {{"self", x}}, a)}, {a}},
                   {{}, {call("aten::neg", {{"self", x}}, b)}, {b}}};
    p.outputs = {{y, ""}};
  }
  std::string run() {
    p.nodes.push_back(node);
    if (Status s = functionalize(p); !s.ok()) return s.error().str();
    prune(p);
    Status valid = aten::validate(p);
    EXPECT_TRUE(valid.ok()) << aten::dump(p);
    return aten::dump(p);
  }
};

TEST(FunctionalizeBlocks, AWriteToWhatABlockMadeStaysInIt) {
  Branch m;
  ValueId after = value(m.p, "after");
  m.node.blocks[0].nodes.push_back(call("aten::neg_", {{"self", m.a}}, after));
  EXPECT_THAT(m.run(), HasSubstr("    %a: float32 [4] = aten::relu(self=%x)\n"
                                 "    %after: float32 [4] = aten::neg(self=%a)\n"
                                 "    -> %after\n"));
}

TEST(FunctionalizeBlocks, AWriteToWhatIsOutsideIsAResult) {
  Branch m;
  m.node.blocks[0].outputs = {m.flag};
  m.node.blocks[1].nodes = {call("aten::neg_", {{"self", m.x}}, m.b)};
  m.node.blocks[1].outputs = {m.flag};
  m.p.outputs = {{m.x, ""}};
  const std::string text = m.run();
  EXPECT_THAT(text, HasSubstr("    -> %flag, %x\n"));  // the way that does not write
  EXPECT_THAT(text, HasSubstr("%b: float32 [4] = aten::neg(self=%x)\n    -> %flag, %b\n"));
  EXPECT_THAT(text, HasSubstr("output %x_out"));
}

TEST(FunctionalizeBlocks, AWriteToWhatAnotherNameReadsInsideIsRefused) {
  Branch m;
  ValueId view = value(m.p, "view");
  m.p.nodes = {call("aten::view", {{"self", m.x}, {"size", aten::ArgList{Expr(4)}}}, view)};
  ValueId read = value(m.p, "read");
  m.node.blocks[1].nodes = {call("aten::neg_", {{"self", m.x}}, m.b),
                            call("aten::exp", {{"self", view}}, read)};
  EXPECT_THAT(m.run(), HasSubstr("`x`, whose memory `view` shares; make the copy explicit"));
}

TEST(FunctionalizeBlocks, AWriteToAResultThatMayBeWhatWentInIsRefused) {
  Branch m;
  m.node.blocks[0].outputs = {m.x};
  ValueId written = value(m.p, "written");
  m.p.nodes = {m.node, call("aten::neg_", {{"self", m.y}}, written)};
  m.p.outputs = {{m.x, ""}, {written, ""}};
  ASSERT_FALSE(functionalize(m.p).ok());
}

// while flag: carried.add_(1), from x on.
struct Loop {
  Program p;
  ValueId x, flag, trip, carried, written, y;
  Node node;

  Loop() {
    x = value(p, "x"), flag = value(p, "flag"), trip = value(p, "trip"), y = value(p, "y");
    carried = value(p, "carried"), written = value(p, "written");
    p.inputs = {{x, "x"}, {flag, "flag"}};
    node.op = "prim::Loop";
    node.args = {{"max_trip_count", {}}, {"condition", flag}, {"carried", aten::ArgList{x}}};
    node.outputs = {y};
    node.blocks = {
        {{trip, carried}, {call("aten::neg_", {{"self", carried}}, written)}, {flag, written}}};
    p.outputs = {{y, ""}};
  }
  Status run() {
    p.nodes.push_back(node);
    return functionalize(p);
  }
};

TEST(FunctionalizeBlocks, ALoopMayWriteToWhatItCarriesWhenNothingElseUsesIt) {
  Loop m;
  ASSERT_TRUE(m.run().ok());
  EXPECT_THAT(aten::dump(m.p), HasSubstr("%written: float32 [4] = aten::neg(self=%carried)"));
}

TEST(FunctionalizeBlocks, ALoopMayNotWriteToWhatItCarriesWhenItsBeginningIsUsedLater) {
  Loop m;
  m.p.outputs.push_back({m.x, ""});
  const Status status = m.run();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().str(), HasSubstr("on its first trip `x`, while `x`"));
  EXPECT_THAT(status.error().str(), HasSubstr(".clone()"));
}

TEST(FunctionalizeBlocks, WhatALoopWritesFromOutsideIsCarried) {
  Loop m;
  ValueId out = value(m.p, "out"), copy = value(m.p, "copy");
  m.p.nodes = {call("aten::clone", {{"self", m.x}}, copy)};
  m.node.blocks[0].nodes = {call("aten::exp", {{"self", m.carried}}, m.written),
                            call("aten::add_", {{"self", copy}, {"other", m.written}}, out)};
  m.p.outputs.push_back({copy, ""});
  ASSERT_TRUE(m.run().ok());
  const std::string text = aten::dump(m.p);
  EXPECT_THAT(text, HasSubstr("carried=[%x, %copy]"));
  EXPECT_THAT(text, HasSubstr("= aten::add(self=%copy_in, other=%written)"));
  EXPECT_THAT(text, HasSubstr("output %copy_out"));
}

TEST(FunctionalizeBlocks, ABlockReadsWhatIsCurrentOutside) {
  Branch m;
  ValueId copy = value(m.p, "copy"), written = value(m.p, "written");
  m.p.nodes = {call("aten::clone", {{"self", m.x}}, copy),
               call("aten::neg_", {{"self", copy}}, written)};
  m.node.blocks[0].nodes[0].args[0].arg = copy;
  EXPECT_THAT(m.run(), HasSubstr("%a: float32 [4] = aten::relu(self=%written)"));
}

TEST(PruneBlocks, DropsInsideWhatNothingUsesAndKeepsOutsideWhatABlockUses) {
  Branch m;
  ValueId kept = value(m.p, "kept"), dead = value(m.p, "dead"), inner = value(m.p, "inner");
  m.p.nodes = {call("aten::exp", {{"self", m.x}}, kept), call("aten::sin", {{"self", m.x}}, dead)};
  m.node.blocks[0].nodes[0].args[0].arg = kept;
  m.node.blocks[1].nodes.push_back(call("aten::cos", {{"self", m.x}}, inner));
  const std::string text = m.run();
  EXPECT_THAT(text, HasSubstr("aten::exp"));
  EXPECT_EQ(text.find("aten::sin"), std::string::npos) << text;
  EXPECT_EQ(text.find("aten::cos"), std::string::npos) << text;
}

}  // namespace
}  // namespace onnxport::read
