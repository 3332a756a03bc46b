// Branches in a program whose calls work in place: what is written stays inside, what is read from
// outside is what is current there; and nothing that a block needs is pruned away.
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

TEST(FunctionalizeBlocks, AWriteToWhatIsOutsideIsRefused) {
  Branch m;
  m.node.blocks[1].nodes = {call("aten::neg_", {{"self", m.x}}, m.b)};
  EXPECT_THAT(m.run(), HasSubstr("changes `x` in place, inside a branch or loop"));
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
