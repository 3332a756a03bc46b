#include "simplify/refusals.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "simplify/table_test.h"

namespace onnxport::simplify {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RefusalsTest : public GraphText {
 protected:
  std::vector<Refusals::Group> groups(const char* graph, const std::string& only = "") {
    onnx::Model model = parse(graph);
    Refusals refusals;
    Options options;
    options.refused = [&](const Refusal& refusal) { refusals.add(refusal); };
    EXPECT_TRUE(simplify(model, options).ok());
    return refusals.groups(model, only);
  }
};

constexpr const char* kGraph =
    "g (float[N, 2] x) => (float[N, 2] y) <float c = {3}> "
    "{ a = Dropout(x) b = Neg(a) d = Mul(b, c) e = Abs(d) f = Neg(e) y = Mul(f, x) }";

TEST_F(RefusalsTest, AreByRuleAndReasonTheMostFrequentFirst) {
  const auto all = groups(kGraph);
  std::vector<std::string> rules;
  for (const auto& group : all) rules.push_back(group.rule);
  EXPECT_TRUE(std::is_sorted(rules.begin(), rules.end()));
  const auto negations = groups(kGraph, "drop_double_negation");
  ASSERT_EQ(negations.size(), 1U);
  EXPECT_EQ(negations[0].reason, "not repeated");
  EXPECT_THAT(negations[0].nodes, ElementsAre("b", "f"));
  const auto neutral = groups(kGraph, "drop_neutral_operand");
  ASSERT_EQ(neutral.size(), 2U);
}

TEST_F(RefusalsTest, OfOneNodeNameEachRuleThatLookedAtIt) {
  const auto of_node = groups(kGraph, "e");
  ASSERT_EQ(of_node.size(), 1U);
  EXPECT_EQ(of_node[0].rule, "drop_idempotent_repeat");
  EXPECT_THAT(groups(kGraph, "nobody"), IsEmpty());
}

// The Dropout was looked at, by other rules too, before it went.
TEST_F(RefusalsTest, AreOfNodesThatAreLeft) { EXPECT_THAT(groups(kGraph, "a"), IsEmpty()); }

TEST_F(RefusalsTest, TheLastReasonCounts) {
  onnx::Model model = parse("g (float[N] x) => (float[N] y) { y = Neg(x) }");
  Refusals refusals;
  refusals.add({"rule", "y", "Neg", "at first"});
  refusals.add({"rule", "y", "Neg", "later"});
  refusals.add({"rule", "y", "Relu", "of a node that had its name"});
  const auto groups = refusals.groups(model);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].reason, "later");
}

}  // namespace
}  // namespace onnxport::simplify
