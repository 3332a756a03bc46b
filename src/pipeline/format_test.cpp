#include "pipeline/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "pipeline/export_pipeline.h"
#include "pipeline/test_folder.h"

namespace onnxport::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Writes the sizes of the outputs into the file, and the ONNX file beside it.
std::string write_text(const StagedModel& staged) {
  std::string text;
  for (const TensorReport& output : staged.report.outputs) text += output.text() + "\n";
  std::filesystem::copy_file(staged.onnx_path,
                             staged.output_path.substr(0, staged.output_path.size() - 4) + ".bin");
  return write_file(staged.output_path, text).ok() ? "" : "cannot be written";
}

Report export_as(const std::string& format, const std::string& output, bool verify = false) {
  ExportConfig config;
  config.format = format;
  config.verify = verify;
  return export_model(fixture_pt2(), output, config);
}

TEST(Format, OnnxIsThereAndANameIsTakenOnce) {
  ASSERT_FALSE(formats().empty());
  EXPECT_EQ(find_output_format("onnx").value()->extension(), ".onnx");
  EXPECT_FALSE(register_format({"onnx", ".onnx", "", write_text}));
  EXPECT_FALSE(register_format({"without_write", ".x", "", nullptr}));
  EXPECT_TRUE(register_format({"taken_once", ".x", "", write_text}));
  EXPECT_FALSE(register_format({"taken_once", ".x", "", write_text}));
}

TEST(Format, TheNearestNameIsNamed) {
  EXPECT_THAT(export_as("onxn", "b").error, HasSubstr("did you mean `onnx`?"));
}

TEST(Format, IsMadeFromTheProvenFileAndPublishesWhatBelongsToIt) {
  EXPECT_TRUE(register_format({"text", ".txt", "", write_text, [](const std::string& path) {
                                 return std::filesystem::exists(path) ? "" : "is missing";
                               }}));
  const TestFolder folder;
  const Report report = export_as("text", folder.file("out.txt"), /*verify=*/true);
  EXPECT_TRUE(report.passed()) << report.error;
  EXPECT_TRUE(report.verified);
  EXPECT_EQ(report.format, "text");
  EXPECT_THAT(folder.names(), ElementsAre("out.bin", "out.txt"));
  EXPECT_THAT(*read_file(folder.file("out.txt")), HasSubstr("output: float32["));
  EXPECT_EQ(report.file_bytes, std::filesystem::file_size(folder.file("out.bin")) +
                                   std::filesystem::file_size(folder.file("out.txt")));
  EXPECT_EQ(report.stages.back().name, "convert");
  EXPECT_THAT(report.notes.back(), HasSubstr("what is proven is the ONNX file"));
}

TEST(Format, WhatItsWriterOrItsCheckRefusesLeavesNothing) {
  EXPECT_TRUE(register_format({"refusing", ".txt", "", [](const StagedModel& staged) {
                                 return "no room in " + staged.output_path;
                               }}));
  EXPECT_TRUE(register_format(
      {"wrong", ".txt", "", write_text, [](const std::string&) { return "is wrong"; }}));
  EXPECT_TRUE(
      register_format({"empty", ".txt", "", [](const StagedModel&) { return std::string(); }}));
  const TestFolder folder;
  const std::string output = folder.file("out.txt");
  EXPECT_EQ(export_as("refusing", output).error, "format `refusing`: no room in " + output);
  EXPECT_EQ(export_as("wrong", output).error, "format `wrong`: is wrong");
  EXPECT_THAT(export_as("empty", output).error, HasSubstr("has written nothing"));
  EXPECT_THAT(folder.names(), IsEmpty());
}

// A file of another name in the output's folder may be anything.
TEST(Format, NoFileOfAnotherNameIsReplaced) {
  EXPECT_TRUE(register_format({"straying", ".txt", "", [](const StagedModel& staged) {
                                 const auto folder =
                                     std::filesystem::path(staged.output_path).parent_path();
                                 const bool good = write_file(staged.output_path, "x").ok() &&
                                                   write_file(folder / "labels.txt", "x").ok();
                                 return good ? "" : "cannot be written";
                               }}));
  const TestFolder folder;
  ASSERT_TRUE(write_file(folder.file("labels.txt"), "precious").ok());
  const Report report = export_as("straying", folder.file("out.txt"));
  EXPECT_EQ(report.outcome, Outcome::kRefused);
  EXPECT_THAT(report.error, HasSubstr("labels.txt: has a name that does not begin with `out`"));
  EXPECT_THAT(folder.names(), ElementsAre("labels.txt"));
  EXPECT_EQ(*read_file(folder.file("labels.txt")), "precious");
}

TEST(FailedPath, StandsBesideTheAskedName) {
  EXPECT_EQ(failed_path("out/model.onnx"), "out/model.failed.onnx");
  EXPECT_EQ(failed_path("model"), "model.failed.onnx");
  EXPECT_EQ(failed_path("model.xml", ".xml"), "model.failed.onnx");
}

}  // namespace
}  // namespace onnxport::pipeline
