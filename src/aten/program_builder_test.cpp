#include "aten/program_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onnxport::aten {
namespace {

using testing::HasSubstr;
using Ref = ProgramBuilder::Ref;
using Operands = std::vector<ProgramBuilder::Operand>;
using Type = ProgramBuilder::Type;

const Schema* lookup(const std::string& full_name) {
  static const std::map<std::string, Schema> known = [] {
    std::map<std::string, Schema> out;
    for (
        const char* text : {
            "aten::relu(Tensor self) -> Tensor",
            "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
            "aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
            "aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor, Tensor)",
            "aten::cat(Tensor[] tensors, int dim=0) -> Tensor",
            "aten::view(Tensor self, SymInt[] size) -> Tensor",
            "aten::pad(Tensor self, SymInt[] pad, str mode=\"constant\", float? value=None) -> Tensor",
            "aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor",
            "aten::split.Tensor(Tensor self, SymInt split_size, int dim=0) -> Tensor[]",
        }) {
      Schema schema = *parse_schema(text);
      out.emplace(schema.full_name(), std::move(schema));
    }
    return out;
  }();
  auto it = known.find(full_name);
  return it == known.end() ? nullptr : &it->second;
}

const Expr kN = Expr::symbol("n");
const Type kRows = {DType::kFloat, Shape{kN, 4}};

std::string text(ProgramBuilder& b) {
  auto program = std::move(b).finish();
  return program.ok() ? dump(*program) : "refused: " + program.error().str();
}

// logits = relu(x), in the module `body`
Program classifier() {
  ProgramBuilder b(lookup);
  Ref x = b.input("image", kRows);
  auto location = b.in({"body", "Body", "model.py:3"});
  b.add_output(b.call("aten::relu", {{"self", x}}, kRows), "logits");
  b.program().ranges["n"] = {1, 64};
  return *std::move(b).finish();
}

TEST(ProgramBuilder, WritesCallsWithNamesTypesAndLocations) {
  ProgramBuilder b(lookup);
  Ref x = b.input("x", kRows);
  Ref w = b.weight("layer.w", Tensor::filled(DType::kFloat, {4}, 1));
  {
    auto outer = b.in({"head", "Head", "model.py:1"});
    auto inner = b.in({"act", "", ""});
    Ref y = b.call("aten::add.Tensor", {{"", x}, {"", w}, {"alpha", 2}}, kRows);
    b.add_output(b.call("aten::relu", {{"", y}}, kRows), "y");
  }
  b.add_output(b.call("aten::relu", {{"self", x}}));
  EXPECT_EQ(text(b),
            "input %x: float32 [n, 4] \"x\"\n"
            "weight %layer.w: float32 [4] \"layer.w\"\n"
            "%add: float32 [n, 4] = aten::add.Tensor(self=%x, other=%layer.w, alpha=2)"
            "  # head.act | model.py:1\n"
            "%relu: float32 [n, 4] = aten::relu(self=%add)  # head.act | model.py:1\n"
            "%relu_1: undefined ? = aten::relu(self=%x)\n"
            "output %relu \"y\"\n"
            "output %relu_1\n");
}

TEST(ProgramBuilder, GivesSeveralResultsAndListsOfThem) {
  ProgramBuilder b(lookup);
  Ref x = b.input("x", kRows);
  auto best = b.calls("aten::topk", {{"self", x}, {"k", 2}},
                      {{DType::kFloat, Shape{kN, 2}}, {DType::kInt64, Shape{kN, 2}}});
  auto values = b.calls("aten::topk", {{"self", x}, {"k", 1}}, {{DType::kFloat}});
  auto parts =
      b.calls("aten::split.Tensor", {{"self", x}, {"split_size", 2}, {"dim", 1}}, {{}, {}, {}});
  std::vector<std::optional<Ref>> indices = {std::nullopt, best[1]};
  b.add_output(b.call("aten::index.Tensor", {{"self", x}, {"indices", indices}}));
  b.add_output(b.call("aten::cat", {{"tensors", parts}}));
  const Program& p = b.program();
  EXPECT_EQ(p.nodes[0].outputs.size(), 2U);
  ASSERT_EQ(p.nodes[1].outputs.size(), 2U);
  EXPECT_FALSE(p.nodes[1].outputs[1].valid());
  EXPECT_EQ(p.nodes[2].outputs.size(), 3U);
  EXPECT_THAT(text(b), HasSubstr("aten::index.Tensor(self=%x, indices=[None, %topk_1])"));
}

TEST(ProgramBuilder, ContinuesAProgram) {
  ProgramBuilder b(classifier(), lookup);
  auto location = b.in({"postprocess", "", "added by a task"});
  b.replace_output("logits",
                   b.call("aten::softmax.int", {{"self", b.output("logits")}, {"dim", 1}}, kRows));
  b.rename_output(0, "scores");
  b.add_output(b.value("relu"), "logits");
  const std::string got = text(b);
  EXPECT_THAT(got, HasSubstr("%softmax: float32 [n, 4] = aten::softmax.int(self=%relu, dim=1)  # "
                             "postprocess | added by a task\n"));
  EXPECT_THAT(got, HasSubstr("output %softmax \"scores\"\noutput %relu \"logits\"\n"));
}

TEST(ProgramBuilder, WritesBranchesAndLoops) {
  ProgramBuilder b(lookup);
  Ref x = b.input("x", kRows);
  Ref flag = b.input("flag", {DType::kBool, Shape{}});
  auto relu = [&](Ref of) { return b.call("aten::relu", {{"self", of}}, kRows); };
  auto y = b.branch(
      flag, [&] { return Operands{relu(x)}; }, [&] { return Operands{x}; }, {kRows});
  auto z = b.loop(3, true, {{y[0], kRows}},
                  [&](Ref, const std::vector<Ref>& carried) {
                    return ProgramBuilder::TripEnd{flag, {relu(carried[0])}, {}};
                  },
                  {kRows});
  b.add_output(z[0]);
  EXPECT_EQ(text(b),
            "input %x: float32 [n, 4] \"x\"\n"
            "input %flag: bool [] \"flag\"\n"
            "%if: float32 [n, 4] = prim::If(condition=%flag)\n"
            "  block():\n"
            "    %relu: float32 [n, 4] = aten::relu(self=%x)\n"
            "    -> %relu\n"
            "  block():\n"
            "    -> %x\n"
            "%loop: float32 [n, 4] = prim::Loop(max_trip_count=3, condition=True, carried=[%if])\n"
            "  block(%trip: scalar trip, %carried: float32 [n, 4]):\n"
            "    %relu_1: float32 [n, 4] = aten::relu(self=%carried)\n"
            "    -> %flag, %relu_1\n"
            "output %loop\n");
}

// One wrong step each, and what is said of it; what follows the step does nothing.
TEST(ProgramBuilder, RefusesWhatIsNoProgram) {
  struct Case {
    const char* said;
    std::function<void(ProgramBuilder&, Ref x)> step;
  } cases[] = {
      {"there is no operator `aten::sofmax`",
       [](ProgramBuilder& b, Ref x) {
         b.call("aten::sofmax", {{"self", x}});
       }},
      {"argument `dim` of aten::softmax.int is missing",
       [](ProgramBuilder& b, Ref x) {
         b.call("aten::softmax.int", {{"self", x}});
       }},
      {"argument `dim` of aten::softmax.int is a int, got `\"last\"`",
       [](ProgramBuilder& b, Ref x) {
         b.call("aten::softmax.int", {{"self", x}, {"dim", "last"}});
       }},
      {"argument `self` of aten::relu is a Tensor, got `None`",
       [](ProgramBuilder& b, Ref) {
         b.call("aten::relu", {{"self", {}}});
       }},
      {"argument `tensors` of aten::cat is a Tensor[], got `%0`",
       [](ProgramBuilder& b, Ref x) {
         b.call("aten::cat", {{"tensors", x}});
       }},
      {"argument `size` of aten::view is a SymInt[], got `[2, \"n\"]`",
       [](ProgramBuilder& b, Ref x) {
         b.call("aten::view", {{"self", x}, {"size", ArgList{Expr(2), std::string("n")}}});
       }},
      {"aten::relu has no parameter `other`",
       [](ProgramBuilder& b, Ref x) {
         b.call("aten::relu", {{"self", x}, {"other", x}});
       }},
      {"aten::add.Tensor takes 2 positional arguments, 3 or more are given",
       [](ProgramBuilder& b, Ref x) {
         b.call("aten::add.Tensor", {{"", x}, {"", x}, {"", 2}});
       }},
      {"aten::relu has 1 results, 2 are asked for",
       [](ProgramBuilder& b, Ref x) {
         b.calls("aten::relu", {{"self", x}}, {kRows, kRows});
       }},
      {"argument `self` of aten::relu is a value of another program",
       [](ProgramBuilder& b, Ref) {
         ProgramBuilder other(lookup);
         b.call("aten::relu", {{"self", other.input("x", kRows)}});
       }},
      {"the output `y` is a value of another program",
       [](ProgramBuilder& b, Ref) {
         ProgramBuilder other(lookup);
         b.add_output(other.input("x", kRows), "y");
       }},
      {"there is an input `x` already", [](ProgramBuilder& b, Ref) { b.input("x", kRows); }},
      {"there is a weight `w` already",
       [](ProgramBuilder& b, Ref) {
         b.weight("w", Tensor::filled(DType::kFloat, {1}, 0));
         b.weight("w", Tensor::filled(DType::kFloat, {1}, 0));
       }},
      {"there is an output `a` already",
       [](ProgramBuilder& b, Ref x) {
         b.add_output(x, "a");
         b.add_output(x, "a");
       }},
      {"there is no output `b`; there are: `a`",
       [](ProgramBuilder& b, Ref x) {
         b.add_output(x, "a");
         b.output("b");
       }},
      {"there is no output 3; there are 0", [](ProgramBuilder& b, Ref) { b.remove_output(3); }},
      {"there is no value `hidden`", [](ProgramBuilder& b, Ref) { b.value("hidden"); }},
      {"a branch gives 2 values where 1 are wanted",
       [](ProgramBuilder& b, Ref x) {
         b.branch(
             true,
             [&] {
               return Operands{x, x};
             },
             [&] { return Operands{x}; }, {kRows});
       }},
      {"a trip carries 0 values on and collects 0; 1 are carried and 1 come out",
       [](ProgramBuilder& b, Ref x) {
         b.loop(1, true, {{x, kRows}},
                [](Ref, const std::vector<Ref>&) {
                  return ProgramBuilder::TripEnd{true, {}, {}};
                },
                {kRows});
       }},
      {"outside its block",
       [](ProgramBuilder& b, Ref x) {
         Ref inner;
         auto then = [&] {
           inner = b.call("aten::relu", {{"self", x}}, kRows);
           return Operands{inner};
         };
         b.branch(true, then, [&] { return Operands{x}; }, {kRows});
         b.add_output(inner, "y");
       }},
  };
  for (const Case& c : cases) {
    ProgramBuilder b(lookup);
    Ref x = b.input("x", kRows);
    c.step(b, x);
    b.add_output(b.call("aten::relu", {{"self", x}}, kRows), "z");
    auto program = std::move(b).finish();
    ASSERT_FALSE(program.ok()) << c.said;
    EXPECT_THAT(program.error().str(), HasSubstr(c.said));
  }
}

TEST(ProgramBuilder, NamesWhereTheFirstWrongStepIs) {
  ProgramBuilder b(lookup);
  Ref x = b.input("x", kRows);
  auto location = b.in({"head", "", "model.py:9"});
  Ref y = b.call("aten::nonsense", {{"self", x}});
  b.add_output(b.call("aten::rubbish", {{"self", y}}));
  EXPECT_EQ(text(b), "refused: head: model.py:9: there is no operator `aten::nonsense`");
}

// y = softmax(relu(view(x)))
Program head(const Expr& batch) {
  ProgramBuilder b(lookup);
  const Type type = {DType::kFloat, Shape{batch, 4}};
  Ref x = b.input("x", type);
  Ref w = b.weight("w", Tensor::filled(DType::kFloat, {4}, 1));
  auto location = b.in({"act", "Act", ""});
  Ref view = b.call("aten::view", {{"self", x}, {"size", Shape{batch, 4}}}, type);
  Ref relu = b.call("aten::add.Tensor", {{"self", view}, {"other", w}}, type);
  b.add_output(b.call("aten::relu", {{"self", relu}}, type), "scores");
  b.program().notes.push_back("a head");
  return *std::move(b).finish();
}

TEST(Append, FeedsAProgramAndTakesItsNamesAndSizes) {
  ProgramBuilder b(classifier(), lookup);
  Program next = head(Expr::symbol("rows"));
  next.ranges["rows"] = {2, 100};
  next.examples["rows"] = 8;
  {
    auto location = b.in({"head", "", "added by a task"});
    auto out = b.append(next, {{"x", b.output("logits")}});
    ASSERT_EQ(out.size(), 1U);
    b.add_output(out[0], "scores");
  }
  auto again = b.append(next, {{"x", b.output("scores")}});
  b.replace_output("scores", again[0]);
  EXPECT_EQ(b.program().examples.at("n"), 8);
  EXPECT_EQ(
      text(b),
      "symbol n: 2 to 64\n"
      "input %image: float32 [n, 4] \"image\"\n"
      "weight %w: float32 [4] \"head.w\"\n"
      "weight %w_1: float32 [4] \"w\"\n"
      "%relu: float32 [n, 4] = aten::relu(self=%image)  # body (Body) | model.py:3\n"
      "%view: float32 [n, 4] = aten::view(self=%relu, size=[n, 4])  # head.act (Act) | added by a task\n"
      "%add: float32 [n, 4] = aten::add.Tensor(self=%view, other=%w)  # head.act (Act) | added by a task\n"
      "%relu_1: float32 [n, 4] = aten::relu(self=%add)  # head.act (Act) | added by a task\n"
      "%view_1: float32 [n, 4] = aten::view(self=%relu_1, size=[n, 4])  # act (Act)\n"
      "%add_1: float32 [n, 4] = aten::add.Tensor(self=%view_1, other=%w_1)  # act (Act)\n"
      "%relu_2: float32 [n, 4] = aten::relu(self=%add_1)  # act (Act)\n"
      "output %relu \"logits\"\n"
      "output %relu_2 \"scores\"\n"
      "note: a head\n"
      "note: a head\n");
}

TEST(Append, KeepsInputsThatAreNotFedAndSymbolsApart) {
  ProgramBuilder b(classifier(), lookup);
  auto out = b.append(head(kN), {});
  b.add_output(out[0], "other");
  const std::string got = text(b);
  EXPECT_THAT(got, HasSubstr("input %x: float32 [n_1, 4] \"x\"\n"));
  EXPECT_THAT(got, HasSubstr("aten::view(self=%x, size=[n_1, 4])"));
}

TEST(Append, RefusesWhatDoesNotFit) {
  struct Case {
    const char* said;
    Type given;
    const char* fed;
    Range rows;
  } cases[] = {
      {"the program that follows has no input `y`", kRows, "y", {}},
      {"input `x` of the program that follows: wants float32, is given int64",
       {DType::kInt64, Shape{kN, 4}},
       "x",
       {}},
      {"wants [rows, 4], is given [n]", {DType::kFloat, Shape{kN}}, "x", {}},
      {"axis 1 is 4, it is given 5", {DType::kFloat, Shape{kN, 5}}, "x", {}},
      {"axis 1 is 4, it is given h", {DType::kFloat, Shape{kN, Expr::symbol("h")}}, "x", {}},
      {"`rows` of the program that follows goes from 2 to 9, it is 1",
       {DType::kFloat, Shape{1, 4}},
       "x",
       {2, 9}},
      {"no size fits `rows` in both programs", kRows, "x", {65, 99}},
  };
  for (const Case& c : cases) {
    ProgramBuilder b(lookup);
    Ref x = b.input("image", c.given);
    b.program().ranges["n"] = {1, 64};
    Program next = head(Expr::symbol("rows"));
    if (c.rows.min > 0) next.ranges["rows"] = c.rows;
    EXPECT_FALSE(b.append(next, {{c.fed, x}})[0].valid());
    EXPECT_THAT(text(b), HasSubstr(c.said));
  }
  ProgramBuilder b(lookup);
  ProgramBuilder other(lookup);
  b.append(head(kN), {{"x", other.input("x", kRows)}});
  EXPECT_THAT(text(b), HasSubstr("what is fed to `x` is a value of another program"));
}

TEST(Accepts, HoldsArgumentsAgainstTypes) {
  const Arg tensor(ValueId{0});
  const Arg two(ArgList{Expr(1), Expr(2)});
  EXPECT_TRUE(accepts("Tensor?[]", Arg(ArgList{Arg(), tensor})));
  EXPECT_FALSE(accepts("Tensor[]", Arg(ArgList{Arg(), tensor})));
  EXPECT_TRUE(accepts("SymInt[2]?", Arg()));
  EXPECT_TRUE(accepts("SymInt[2]?", two));
  EXPECT_FALSE(accepts("int", two));
  EXPECT_FALSE(accepts("int", Arg(0.5)));
  EXPECT_TRUE(accepts("float", Arg(Expr(1))));
  EXPECT_FALSE(accepts("ScalarType", Arg(Expr(1))));
  EXPECT_TRUE(accepts("ScalarType?", Arg(DType::kInt64)));
  EXPECT_FALSE(accepts("str", tensor));
  EXPECT_FALSE(accepts("Tensor", Arg(ValueId{})));
}

}  // namespace
}  // namespace onnxport::aten
