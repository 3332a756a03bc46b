// A proof in a process of its own: what it says arrives, and it does not outlive its time.
#include "verify/isolated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <thread>

namespace onnxport::verify {
namespace {

using testing::HasSubstr;

void sleep_long() { std::this_thread::sleep_for(std::chrono::seconds(60)); }

Verdict some_verdict() {
  Verdict v;
  v.passed = false;
  v.reason = "one \"reason\"";
  v.notes = {"a note"};
  v.outputs.push_back(
      {"y", false, 0.1, -std::numeric_limits<double>::infinity(), 2.5, 1e-7, "differs"});
  v.outputs.push_back({"z", true, std::nan(""), 0, 0, std::nullopt, ""});
  v.runs.push_back({2, {{1, 3}, {}}, 0.1, false});
  v.first = Divergence{"node", "Add", "aten::add", "y", "layer", "model.py:1", 0.25, "why"};
  return v;
}

TEST(VerifyIsolated, AVerdictArrivesAsItWas) {
  auto verdict =
      verify_isolated([](const Steps&) -> Result<Verdict> { return some_verdict(); }, {});
  ASSERT_TRUE(verdict.ok());
  const Verdict want = some_verdict();
  EXPECT_EQ(verdict->reason, want.reason);
  EXPECT_EQ(verdict->notes, want.notes);
  ASSERT_EQ(verdict->outputs.size(), 2U);
  EXPECT_EQ(verdict->outputs[0].max_abs, 0.1);
  EXPECT_EQ(verdict->outputs[0].max_rel, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(verdict->outputs[0].float32_abs, 1e-7);
  EXPECT_EQ(verdict->outputs[0].reason, "differs");
  EXPECT_TRUE(std::isnan(verdict->outputs[1].max_abs));
  EXPECT_FALSE(verdict->outputs[1].float32_abs.has_value());
  ASSERT_EQ(verdict->runs.size(), 1U);
  EXPECT_EQ(verdict->runs[0].input_dims, want.runs[0].input_dims);
  ASSERT_TRUE(verdict->first.has_value());
  EXPECT_EQ(verdict->first->onnx_node, "node");
  EXPECT_EQ(verdict->first->source, "model.py:1");
  EXPECT_EQ(verdict->first->max_abs, 0.25);
}

TEST(VerifyIsolated, AnErrorArrivesAsItWas) {
  auto verdict = verify_isolated(
      [](const Steps&) -> Result<Verdict> {
        return Error{"no", "there"};
      },
      {});
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().message, "no");
  EXPECT_EQ(verdict.error().where, "there");
}

TEST(VerifyIsolated, WhatDoesNotEndIsToldWithItsStepAndItsLoop) {
  auto verdict = verify_isolated(
      [](const Steps& steps) -> Result<Verdict> {
        steps.next("the first");
        steps.next("the second");
        sleep_long();
        return Verdict();
      },
      {.loop = "model.py:7", .limit = 0.3});
  ASSERT_FALSE(verdict.ok());
  EXPECT_THAT(verdict.error().str(), HasSubstr("the second has not ended after 0.3 s"));
  EXPECT_THAT(verdict.error().str(), HasSubstr("model.py:7"));
}

TEST(VerifyIsolated, AVerdictStandsWhenTheSearchThatFollowsDoesNotEnd) {
  auto verdict = verify_isolated(
      [](const Steps& steps) -> Result<Verdict> {
        steps.verdict(some_verdict());
        steps.next("the search");
        sleep_long();
        return Verdict();
      },
      {.loop = "model.py:7", .limit = 0.3});
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->outputs.size(), 2U);
  EXPECT_THAT(verdict->first->reason, HasSubstr("the search has not ended"));
}

TEST(VerifyIsolated, ACrashIsToldWithItsStep) {
  auto verdict = verify_isolated(
      [](const Steps& steps) -> Result<Verdict> {
        steps.next("the run");
        std::abort();
      },
      {});
  ASSERT_FALSE(verdict.ok());
  EXPECT_THAT(verdict.error().str(), HasSubstr("the run ended its process: signal 6"));
}

TEST(VerifyIsolated, OnlyALoopWithoutALimitMayNotEnd) {
  aten::Program program;
  aten::Node loop;
  loop.op = "prim::Loop";
  loop.source = "model.py:7";
  loop.args = {{"max_trip_count", Expr(4)}};
  program.nodes = {loop};
  EXPECT_EQ(unbounded_loop(program), "");
  program.nodes[0].args[0].arg = {};
  EXPECT_EQ(unbounded_loop(program), "model.py:7");
}

}  // namespace
}  // namespace onnxport::verify
