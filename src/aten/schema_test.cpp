#include "aten/schema.h"

#include <gtest/gtest.h>

namespace onnxport::aten {
namespace {

Schema parse(std::string_view text) {
  auto schema = parse_schema(text);
  EXPECT_TRUE(schema.ok()) << (schema.ok() ? "" : schema.error().str());
  return schema.ok() ? *schema : Schema();
}

TEST(Schema, SplitsNameAndOverload) {
  Schema s = parse("aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor");
  EXPECT_EQ(s.name, "aten::add");
  EXPECT_EQ(s.overload, "Tensor");
  EXPECT_EQ(s.full_name(), "aten::add.Tensor");
  EXPECT_EQ(parse("aten::relu(Tensor self) -> Tensor").full_name(), "aten::relu");
}

TEST(Schema, ReadsTypesNamesAndDefaults) {
  Schema s = parse(
      "aten::f(Tensor self, SymInt[2] stride=1, int[] dims=[0, -1], float eps=1e-05, bool flag=False, "
      "Tensor? bias=None, *, str mode=\"zeros\", MemoryFormat? memory_format=None, int end=9223372036854775807) "
      "-> (Tensor, Tensor values)");
  ASSERT_EQ(s.params.size(), 9U);
  EXPECT_EQ(s.params[1].type, "SymInt[2]");
  EXPECT_EQ(to_string(*s.params[1].default_value), "1");
  EXPECT_EQ(to_string(*s.params[2].default_value), "[0, -1]");
  EXPECT_EQ(to_string(*s.params[3].default_value), "1e-05");
  EXPECT_EQ(to_string(*s.params[4].default_value), "False");
  EXPECT_TRUE(s.params[5].default_value->is_none());
  EXPECT_FALSE(s.params[5].keyword_only);
  EXPECT_TRUE(s.params[6].keyword_only);
  EXPECT_EQ(to_string(*s.params[6].default_value), "\"zeros\"");
  EXPECT_EQ(to_string(*s.params[8].default_value), "9223372036854775807");
  EXPECT_EQ(s.returns.size(), 2U);
}

TEST(Schema, KnowsWhatIsWritten) {
  Schema s =
      parse("aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)");
  EXPECT_TRUE(s.mutates());
  EXPECT_TRUE(s.params[0].written);
  EXPECT_EQ(s.params[0].alias_set, "a");
  EXPECT_EQ(s.params[0].type, "Tensor");
  Schema view = parse("aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]");
  EXPECT_FALSE(view.mutates());
  EXPECT_EQ(view.returns[0].type, "Tensor[]");
  EXPECT_EQ(view.returns[0].alias_set, "a");
}

TEST(Schema, ReadsNoReturnsAndTupleReturns) {
  EXPECT_TRUE(parse("aten::_assert_async(Tensor self) -> ()").returns.empty());
  EXPECT_EQ(parse("aten::lstm(Tensor[] hx) -> (Tensor, Tensor, Tensor)").returns.size(), 3U);
}

TEST(Schema, SaysWhereItIsWrong) {
  for (const char* bad : {"", "aten::f", "aten::f(", "aten::f(Tensor self", "aten::f(Tensor self)",
                          "f(Tensor a) -> Tensor", "aten::f(Tensor) -> Tensor",
                          "aten::f(Tensor self=) -> Tensor", "aten::f(int a=[1) -> Tensor",
                          "aten::f(Tensor self) -> Tensor, x", "aten::(Tensor a) -> Tensor",
                          "aten::f(str a=\"x) -> Tensor", "aten::f(Tensor(a self) -> Tensor"}) {
    auto schema = parse_schema(bad);
    ASSERT_FALSE(schema.ok()) << bad;
    EXPECT_NE(schema.error().message.find("column"), std::string::npos) << schema.error().message;
  }
}

TEST(Bind, TakesNamesPositionsAndDefaults) {
  Schema s = parse("aten::f(Tensor self, int[2] stride=1, float p=0.5, bool x=False) -> Tensor");
  auto args = bind(s, {{"", Arg(ValueId{3})}, {"p", Arg(Expr(2))}});
  ASSERT_TRUE(args.ok()) << args.error().str();
  EXPECT_EQ(to_string((*args)[0]), "%3");
  EXPECT_EQ(to_string((*args)[1]), "[1, 1]");
  EXPECT_EQ(to_string((*args)[2]), "2.0");
  EXPECT_EQ(to_string((*args)[3]), "False");
}

TEST(Bind, RefusesWhatDoesNotFit) {
  Schema s = parse("aten::f(Tensor self, *, int n=1) -> Tensor");
  EXPECT_FALSE(bind(s, {}).ok());
  EXPECT_FALSE(bind(s, {{"self", Arg(ValueId{0})}, {"m", Arg(Expr(1))}}).ok());
  EXPECT_FALSE(bind(s, {{"self", Arg(ValueId{0})}, {"self", Arg(ValueId{0})}}).ok());
  EXPECT_FALSE(bind(s, {{"", Arg(ValueId{0})}, {"", Arg(Expr(1))}}).ok());
}

}  // namespace
}  // namespace onnxport::aten
