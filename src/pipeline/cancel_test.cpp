// A run that is cancelled says so and leaves nothing behind: no file, no hidden folder, no process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <stop_token>
#include <string>
#include <thread>

#include "lower/lower.h"
#include "onnx/model_files.h"
#include "onnx/write.h"
#include "onnxport/export.h"
#include "onnxport/simplify.h"
#include "pipeline/test_folder.h"
#include "read/pt2.h"
#include "sandbox/child.h"
#include "simplify/simplify.h"
#include "verify/runtime.h"

namespace onnxport::pipeline {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

void expect_no_child() {
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// Asks for the stop when the stage begins.
Progress stop_at(const std::string& stage, std::stop_source& stop) {
  return [stage, &stop](const std::string& name, bool finished, double) {
    if (!finished && name == stage) stop.request_stop();
  };
}

void expect_cancelled_in(const ReportBase& report, const std::string& stage) {
  EXPECT_EQ(report.outcome, Outcome::kCancelled) << report.error;
  EXPECT_EQ(report.exit_code(), 130);
  EXPECT_EQ(report.error, "the run was cancelled");
  ASSERT_FALSE(report.stages.empty());
  EXPECT_EQ(report.stages.back().name, stage);
}

// The .onnx that `verify` and `simplify` start from.
std::string exported(const TestFolder& folder) {
  ExportConfig config;
  config.verify = false;
  const Report report = export_model(fixture_pt2(), folder.file("model.onnx"), config);
  EXPECT_TRUE(report.passed()) << report.error;
  return folder.file("model.onnx");
}

class CancelExport : public testing::TestWithParam<const char*> {};

TEST_P(CancelExport, AtTheStartOfAStage) {
  const TestFolder folder;
  std::stop_source stop;
  const Report report = export_model(fixture_pt2(), folder.file("out.onnx"), {},
                                     stop_at(GetParam(), stop), stop.get_token());
  expect_cancelled_in(report, GetParam());
  EXPECT_EQ(report.output_path, "");
  EXPECT_NE(report.text().find("nothing was written"), std::string::npos) << report.text();
  EXPECT_THAT(folder.names(), IsEmpty());
  expect_no_child();
}

// Wherever the stop finds the run: it ends as cancelled with nothing there, or it was over already.
TEST_P(CancelExport, FromAnotherThreadWhileAStageRuns) {
  for (const int delay : {0, 2, 10, 40}) {
    const TestFolder folder;
    std::stop_source stop;
    std::jthread other;
    auto progress = [&](const std::string& name, bool finished, double) {
      if (finished || name != GetParam()) return;
      other = std::jthread([&stop, delay] {
        std::this_thread::sleep_for(milliseconds(delay));
        stop.request_stop();
      });
    };
    const Report report =
        export_model(fixture_pt2(), folder.file("out.onnx"), {}, progress, stop.get_token());
    if (report.outcome == Outcome::kCancelled) {
      EXPECT_THAT(folder.names(), IsEmpty());
    } else {
      EXPECT_TRUE(report.passed()) << report.error;
      EXPECT_THAT(folder.names(), ElementsAre("out.onnx"));
    }
    expect_no_child();
  }
}

INSTANTIATE_TEST_SUITE_P(Stages, CancelExport,
                         testing::Values("read", "lower", "simplify", "write", "check", "verify"));

TEST(CancelExport, WhatIsCancelledBeforeItBeginsRunsNoStage) {
  const TestFolder folder;
  std::stop_source stop;
  stop.request_stop();
  const Report report =
      export_model(fixture_pt2(), folder.file("out.onnx"), {}, {}, stop.get_token());
  EXPECT_EQ(report.outcome, Outcome::kCancelled);
  EXPECT_TRUE(report.stages.empty());
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(CancelExport, AFormatOfOnesOwnIsToldAndPublishesNothing) {
  const TestFolder folder;
  std::stop_source stop;
  bool was_told = false;
  EXPECT_TRUE(register_format({"cancelled_format", ".txt", "", [&](const StagedModel& staged) {
                                 stop.request_stop();
                                 was_told = staged.cancel.stop_requested();
                                 std::filesystem::copy(staged.onnx_path, staged.output_path);
                                 return std::string();
                               }}));
  ExportConfig config;
  config.format = "cancelled_format";
  config.verify = false;
  const Report report =
      export_model(fixture_pt2(), folder.file("out.txt"), config, {}, stop.get_token());
  EXPECT_TRUE(was_told);
  expect_cancelled_in(report, "convert");
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(TimeLimit, NamesItselfAndTheStage) {
  const TestFolder folder;
  ExportConfig config;
  config.time_limit = 0.2;
  const auto linger = [](const std::string& name, bool finished, double) {
    if (!finished && name == "read") std::this_thread::sleep_for(milliseconds(1500));
  };
  config.verify = false;
  const Report report = export_model(fixture_pt2(), folder.file("out.onnx"), config, linger);
  EXPECT_EQ(report.outcome, Outcome::kRefused);
  EXPECT_EQ(report.exit_code(), 1);
  EXPECT_EQ(report.error, "the time limit of 0.2 s (--time-limit) was reached in `read`");
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(TimeLimit, IsForASimplificationToo) {
  const TestFolder folder;
  const std::string file = exported(folder);
  SimplifyConfig config;
  config.time_limit = 0.2;
  const auto linger = [](const std::string& name, bool finished, double) {
    if (!finished && name == "read") std::this_thread::sleep_for(milliseconds(1500));
  };
  const SimplifyReport report = simplify_model(file, folder.file("out.onnx"), config, linger);
  EXPECT_EQ(report.exit_code(), 1);
  EXPECT_EQ(report.error, "the time limit of 0.2 s (--time-limit) was reached in `read`");
  EXPECT_THAT(folder.names(), ElementsAre("model.onnx"));
}

TEST(TimeLimit, ThatIsLongEnoughChangesNothing) {
  const TestFolder folder;
  ExportConfig config;
  config.time_limit = 600;
  config.verify = false;
  EXPECT_TRUE(export_model(fixture_pt2(), folder.file("out.onnx"), config).passed());
}

class CancelVerify : public testing::TestWithParam<const char*> {};

TEST_P(CancelVerify, AtTheStartOfAStage) {
  const TestFolder folder;
  const std::string file = exported(folder);
  std::stop_source stop;
  const Report report =
      verify_model(fixture_pt2(), file, {}, stop_at(GetParam(), stop), stop.get_token());
  expect_cancelled_in(report, GetParam());
  EXPECT_FALSE(report.verified);
  EXPECT_TRUE(report.runs.empty());
  EXPECT_THAT(folder.names(), ElementsAre("model.onnx"));
  expect_no_child();
}

INSTANTIATE_TEST_SUITE_P(Stages, CancelVerify, testing::Values("read", "verify"));

class CancelSimplify : public testing::TestWithParam<const char*> {};

TEST_P(CancelSimplify, AtTheStartOfAStage) {
  const TestFolder folder;
  const std::string file = exported(folder);
  std::stop_source stop;
  const SimplifyReport report = simplify_model(file, folder.file("small.onnx"), {},
                                               stop_at(GetParam(), stop), stop.get_token());
  expect_cancelled_in(report, GetParam());
  EXPECT_EQ(report.output_path, "");
  EXPECT_THAT(folder.names(), ElementsAre("model.onnx"));
  expect_no_child();
}

INSTANTIATE_TEST_SUITE_P(Stages, CancelSimplify,
                         testing::Values("read", "simplify", "write", "check", "compare"));

// --- inside what takes long
// -------------------------------------------------------------------------

TEST(CancelInside, AChildIsEndedAtOnce) {
  std::stop_source stop;
  const std::jthread other([&stop] {
    std::this_thread::sleep_for(milliseconds(50));
    stop.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const auto end = sandbox::in_child(
      [](const sandbox::Send&) { std::this_thread::sleep_for(std::chrono::minutes(10)); },
      {.cancel = stop.get_token()});
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->crashed);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(1));
  expect_no_child();
}

TEST(CancelInside, LoweringStopsAtTheNextCall) {
  auto program = read::read_pt2(fixture_pt2());
  ASSERT_TRUE(program.ok());
  std::stop_source stop;
  stop.request_stop();
  lower::Options options;
  options.cancel = stop.get_token();
  const auto model = lower::lower(*program, options);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().message, "the run was cancelled");
}

TEST(CancelInside, TheSimplifierStopsAfterTheRuleAtHand) {
  auto program = read::read_pt2(fixture_pt2());
  ASSERT_TRUE(program.ok());
  auto model = lower::lower(*program, {});
  ASSERT_TRUE(model.ok());
  onnx::Graph& graph = *model->graph;
  for (int i = 0; i < 3; ++i) {  // something to do for the rules
    onnx::Value* last = graph.outputs()[0]->producer->inputs[0];
    onnx::Node* identity = graph.add_node("Identity", {last}, {}, 1, graph.outputs()[0]->producer);
    graph.set_input(graph.outputs()[0]->producer, 0, identity->outputs[0]);
  }
  std::stop_source stop;
  int applications = 0;
  simplify::Options options;
  options.cancel = stop.get_token();
  options.trace = [&](const simplify::Application&) {
    ++applications;
    stop.request_stop();
  };
  EXPECT_FALSE(simplify::simplify(*model, options).ok());
  EXPECT_EQ(applications, 1);
}

// 64 MB that are made as they are read; the second block asks for the stop.
class Stopping final : public Storage {
 public:
  explicit Stopping(std::stop_source& stop) : stop_(stop) {}
  size_t size() const override { return size_t{64} << 20; }
  std::span<const std::byte> view() const override { return {}; }
  void read(size_t offset, std::span<std::byte> out) const override {
    if (offset > 0) stop_.request_stop();
    last_ = offset;
    std::fill(out.begin(), out.end(), std::byte{0});
  }
  size_t last() const { return last_; }

 private:
  std::stop_source& stop_;
  mutable size_t last_ = 0;
};

TEST(CancelInside, TheWriterStopsBetweenTwoBlocksAndLeavesNoFile) {
  const TestFolder folder;
  std::stop_source stop;
  auto storage = std::make_shared<Stopping>(stop);
  onnx::Model model;
  model.opset_imports[""] = 17;
  Tensor weight;
  weight.dtype = DType::kFloat;
  weight.dims = {16 << 20};
  weight.storage = storage;
  onnx::Value* x = model.graph->add_initializer("weight", weight);
  model.graph->add_output(model.graph->add_node("Identity", {x})->outputs[0]);
  onnx::WriteOptions options;
  options.cancel = stop.get_token();
  const auto written = onnx::write_model(model, folder.file("out.onnx"), options);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().message, "the run was cancelled");
  EXPECT_LT(storage->last(), storage->size() / 2);
  EXPECT_THAT(folder.names(), IsEmpty());
}

// A Loop of so many trips that nobody waits for their end.
onnx::Model endless_model() {
  onnx::Model model;
  model.opset_imports[""] = 17;
  onnx::Graph& g = *model.graph;
  onnx::Value* trips =
      g.add_initializer("trips", Tensor::of<int64_t>(DType::kInt64, {}, {INT64_MAX}));
  onnx::Value* going = g.add_initializer("going", Tensor::of<uint8_t>(DType::kBool, {}, {1}));
  onnx::Value* x = g.add_input("x", DType::kFloat, Shape{1});
  auto body = std::make_shared<onnx::Graph>(&g);
  body->name = "body";
  body->add_input("trip", DType::kInt64, Shape{});
  onnx::Value* condition = body->add_input("condition", DType::kBool, Shape{});
  onnx::Value* carried = body->add_input("carried", DType::kFloat, Shape{1});
  onnx::Value* still = body->add_node("Identity", {condition})->outputs[0];
  onnx::Value* more = body->add_node("Cos", {carried})->outputs[0];
  body->add_output(still);
  body->add_output(more);
  still->dtype = DType::kBool;
  still->shape = Shape{};
  more->dtype = DType::kFloat;
  more->shape = Shape{1};
  onnx::Node* loop = g.add_node("Loop", {trips, going, x});
  loop->set("body", {onnx::Attribute::GraphRef(body)});
  loop->outputs[0]->dtype = DType::kFloat;
  loop->outputs[0]->shape = Shape{1};
  g.add_output(loop->outputs[0]);
  return model;
}

TEST(CancelInside, ARunOfTheRuntimeStopsBetweenTwoNodes) {
  const TestFolder folder;
  ASSERT_TRUE(onnx::write_model(endless_model(), folder.file("endless.onnx")).ok());
  std::stop_source stop;
  const auto files = onnx::open_model_files(folder.file("endless.onnx"));
  ASSERT_TRUE(files.ok()) << files.error().str();
  auto session = verify::Session::open(*files, {.cancel = stop.get_token()});
  ASSERT_TRUE(session.ok()) << session.error().str();
  const std::jthread other([&stop] {
    std::this_thread::sleep_for(milliseconds(100));
    stop.request_stop();
  });
  const auto outputs = (*session)->run({Tensor::of<float>(DType::kFloat, {1}, {0.5F})});
  EXPECT_FALSE(outputs.ok());
}

}  // namespace
}  // namespace onnxport::pipeline
