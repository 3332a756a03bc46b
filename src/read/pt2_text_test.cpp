// The small languages inside a .pt2: size expressions, stack traces, module paths, output trees.
#include <gtest/gtest.h>

#include "read/source_location.h"
#include "read/sym_expr.h"
#include "read/tree_spec.h"

namespace onnxport::read {
namespace {

TEST(SymExpr, ReadsBothSpellings) {
  struct Case {
    const char* text;
    const char* algebra;
  } cases[] = {
      {"2*s0 + 1", "2*s0 + 1"},
      {"Symbol('s77', positive=True, integer=True)", "s77"},
      {"Add(Mul(Integer(2), Symbol('s0', positive=True, integer=True)), Integer(-1))", "2*s0 - 1"},
      {"FloorDiv(Symbol('h', integer=True), Integer(2))", "h//2"},
      {"Mul(Integer(3), Pow(Symbol('s0'), Integer(2)))", "3*s0*s0"},
      {"Max(Integer(1), Symbol('s0'))", "Max(1, s0)"},
  };
  for (const Case& c : cases) {
    auto got = parse_sym_expr(c.text);
    ASSERT_TRUE(got.ok()) << c.text << ": " << got.error().str();
    EXPECT_EQ(*got, *Expr::parse(c.algebra)) << c.text << " is " << got->str();
  }
}

TEST(SymExpr, RefusesWhatItCannotRead) {
  for (const char* bad : {"Add(Symbol('s0'), ", "Symbol('s0", "Add(Symbol('s0') Integer(1))",
                          "Integer(1) Integer(2)", "Gt(Symbol('s0'), Integer(2))"}) {
    EXPECT_FALSE(parse_sym_expr(bad).ok()) << bad;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "Add(";
  EXPECT_FALSE(parse_sym_expr(deep + "Symbol('s0')").ok());
}

TEST(SourceLocation, TakesTheInnermostLineOutsidePyTorch) {
  EXPECT_EQ(
      source_line(
          "File \"/home/me/model.py\", line 42, in forward\n    x = self.conv(x)\n"
          "  File \"/venv/site-packages/torch/nn/modules/conv.py\", line 565, in forward\n    return y"),
      "model.py:42 in forward: x = self.conv(x)");
  EXPECT_EQ(
      source_line(
          "File \"/a.py\", line 1, in f\n    g(x)\n  File \"/b/c.py\", line 2, in g\n    x + 1"),
      "c.py:2 in g: x + 1");
  EXPECT_EQ(source_line("File \"torch/fx/passes/runtime_assert.py\", line 24, in insert"), "");
  EXPECT_EQ(source_line(""), "");
  EXPECT_EQ(source_line("File \""), "");
}

TEST(SourceLocation, MakesDottedPaths) {
  struct Case {
    const char* text;
    const char* path;
  } cases[] = {
      {"", ""},
      {"features.0.2", "features.0.2"},
      {"L['self']", ""},
      {"L['self'].layer4[2].conv3", "layer4.2.conv3"},
      {"L__self__", ""},
      {"L__self___layer1.0", "layer1.0"},
      {"block@1", "block"},
      {"self.head", "head"},
      {"L['self']._modules['head']", "_modules.head"},
      {"selfish", "selfish"},
  };
  for (const Case& c : cases) EXPECT_EQ(dotted_path(c.text), c.path) << c.text;
}

TEST(SourceLocation, TakesTheInnermostModule) {
  Module m = innermost_module(
      "L__self__,,m.Net;L__self___a,a,torch.nn.Sequential;L__self___a.0,a.0,torch.nn.Conv2d");
  EXPECT_EQ(m.path, "a.0");
  EXPECT_EQ(m.type, "torch.nn.Conv2d");
  EXPECT_EQ(innermost_module("x").path, "");
  EXPECT_EQ(innermost_module("").path, "");
  constexpr const char* kEmpty = "_empty_nn_module_stack_from_metadata_hook";
  EXPECT_EQ(innermost_module(std::string(kEmpty) + "," + kEmpty + "," + kEmpty).path, "");
}

std::vector<std::string> names(std::string_view spec, const NamedTupleFields& fields = {}) {
  auto out = leaf_names(spec, fields);
  EXPECT_TRUE(out.ok());
  return out.ok() ? *out : std::vector<std::string>{"error"};
}

#define LEAF R"({"type": null, "context": null, "children_spec": []})"

TEST(TreeSpec, NamesLeaves) {
  using V = std::vector<std::string>;
  EXPECT_EQ(names("[1, " LEAF "]"), V{""});
  EXPECT_EQ(names(R"([1, {"type": "builtins.tuple", "context": "null", "children_spec": [)" LEAF
                  "," LEAF "]}]"),
            (V{"", ""}));
  EXPECT_EQ(
      names(R"([1, {"type": "builtins.dict", "context": "[\"a\", \"b\"]", "children_spec": [)" LEAF
            R"(, {"type": "builtins.list", "context": "null", "children_spec": [)" LEAF "," LEAF
            "]}]}]"),
      (V{"a", "b_0", "b_1"}));
  EXPECT_EQ(
      names(
          R"([1, {"type": "fixtures.Boxes", "context": "[[\"scores\"], [\"masks\"]]", "children_spec": [)" LEAF
          "]}]"),
      V{"scores"});
  EXPECT_EQ(
      names(
          R"([1, {"type": "collections.namedtuple", "context": "\"my.Pair\"", "children_spec": [)" LEAF
          "," LEAF "]}]",
          {{"my.Pair", {"left", "right"}}}),
      (V{"left", "right"}));
}

TEST(TreeSpec, RefusesOtherText) {
  EXPECT_FALSE(leaf_names("", {}).ok());
  EXPECT_FALSE(leaf_names("[1]", {}).ok());
  EXPECT_FALSE(leaf_names(R"([1, {"type": "x"}])", {}).ok());
}

}  // namespace
}  // namespace onnxport::read
