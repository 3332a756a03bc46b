#include "onnx/functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace onnxport::onnx {
namespace {

using ::testing::HasSubstr;

class Functions : public ::testing::Test {
 protected:
  // A function of these calls; "Relu" is none of the model's own.
  ::onnx::FunctionProto* add(const std::string& name, const std::vector<std::string>& calls) {
    ::onnx::FunctionProto* f = model_.add_functions();
    f->set_domain("f");
    f->set_name(name);
    for (const std::string& callee : calls) call(*f->add_node(), callee);
    return f;
  }
  static void call(::onnx::NodeProto& node, const std::string& callee) {
    node.set_op_type(callee);
    if (callee != "Relu") node.set_domain("f");
  }
  void main_calls(const std::string& callee) { call(*model_.mutable_graph()->add_node(), callee); }
  std::string problem(const FunctionLimits& limits = {}) {
    const Status status = check_functions(model_.functions(), model_.graph(), limits);
    return status.ok() ? "" : status.error().str();
  }
  ::onnx::ModelProto model_;
};

TEST_F(Functions, FewCallsAreRight) {
  EXPECT_EQ(problem(), "");
  add("A", {"B", "B", "Relu"});
  add("B", {"Relu", "Relu"});
  main_calls("A");
  main_calls("B");
  EXPECT_EQ(problem(), "");
  // A: 3 + 2 + 2, B: 2
  EXPECT_EQ(problem({.max_nodes = 9}), "");
  EXPECT_EQ(
      problem({.max_nodes = 8}),
      "function `f.A`: is 7 nodes when its calls are expanded, and all calls of the graph are "
      "9; the limit is 8");
}

TEST_F(Functions, ThatCallEachOtherTwiceAreCountedAndNotExpanded) {
  for (int i = 0; i < 70; ++i) {
    const std::string next = "F" + std::to_string(i + 1);
    add("F" + std::to_string(i), {next, next});
  }
  add("F70", {"Relu"});
  EXPECT_EQ(problem(), "") << "nobody calls them";
  main_calls("F0");
  EXPECT_THAT(problem(), HasSubstr("function `f.F0`: is more than 2^64 nodes"));
}

TEST_F(Functions, MayNotCallThemselves) {
  add("A", {"B"});
  add("B", {"Relu", "A"});
  EXPECT_EQ(problem(), "function `f.A`: calls itself, through function `f.B`");
}

TEST_F(Functions, MayNotCallThemselvesFromABody) {
  ::onnx::FunctionProto* f = add("A", {"Relu"});
  auto* attribute = f->mutable_node(0)->add_attribute();
  auto* body = attribute->mutable_g();
  auto* deeper = body->add_node()->add_attribute()->add_graphs();
  call(*deeper->add_node(), "A");
  EXPECT_EQ(problem(), "function `f.A`: calls itself");
}

TEST_F(Functions, ThatCallOneAnotherDeeplyAreRefusedWithoutRecursion) {
  constexpr int kDeep = 100'000;
  for (int i = 0; i < kDeep; ++i) {
    add("F" + std::to_string(i), {"F" + std::to_string(i + 1)});
  }
  add("F" + std::to_string(kDeep), {"Relu"});
  main_calls("F" + std::to_string(kDeep - 50));
  EXPECT_EQ(problem(), "");
  main_calls("F0");
  EXPECT_THAT(problem(), HasSubstr("function `f.F0`: calls 100001 functions in one another"));
}

TEST_F(Functions, OfOneNameAreRefused) {
  add("A", {"Relu"});
  add("A", {"A"});
  EXPECT_EQ(problem(), "function `f.A`: is there twice");
}

TEST_F(Functions, WithOverloadsAreDifferent) {
  add("A", {"Relu"});
  ::onnx::FunctionProto* other = add("A", {"A"});
  other->set_overload("twice");
  EXPECT_EQ(problem(), "");
}

TEST_F(Functions, OnnxHasTwoSpellingsOfItsOwnDomain) {
  ::onnx::FunctionProto* f = add("Relu", {"Relu"});
  f->set_domain("ai.onnx");
  EXPECT_EQ(problem(), "function `ai.onnx.Relu`: calls itself");
}

}  // namespace
}  // namespace onnxport::onnx
