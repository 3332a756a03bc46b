#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "onnxport/export.h"
#include "pipeline/export_pipeline.h"

namespace onnxport {
namespace {

Report passed_report() {
  Report r;
  r.outcome = Outcome::kPassed;
  r.verified = true;
  r.source_path = "model.pt2";
  r.output_path = "model.onnx";
  r.opset = 17;
  r.file_bytes = 86'000'000;
  r.nodes = 120;
  r.outputs.push_back({"output", true, 1.5e-6, 2e-5, 3.5, 9e-7, ""});
  r.stages = {{"read", 0.25}, {"verify", 2}};
  return r;
}

TEST(Report, SaysPassedWithWhatWasAskedFor) {
  std::string text = passed_report().text();
  EXPECT_TRUE(text.starts_with("Passed ✓  model.onnx  86.00 MB, 120 nodes, opset 17\n")) << text;
  EXPECT_NE(text.find("output  max abs 1.50e-06, max rel 2.00e-05"), std::string::npos) << text;
  EXPECT_NE(text.find("read 0.25 s, verify 2.00 s"), std::string::npos) << text;
}

TEST(Report, NeverSaysPassedWithoutTheProof) {
  Report r = passed_report();
  r.verified = false;
  EXPECT_EQ(r.text().find("Passed"), std::string::npos);
}

TEST(Report, HasExitCodesThatAScriptCanTrust) {
  Report r = passed_report();
  EXPECT_EQ(r.exit_code(), 0);
  r.outcome = Outcome::kDiffers;
  EXPECT_EQ(r.exit_code(), 1);
  EXPECT_EQ(Report().exit_code(), 1);
}

TEST(Report, IsValidJsonWhateverTheNames) {
  Report r = passed_report();
  r.outputs[0].name = "bad \xff \"name\"";
  auto json = nlohmann::json::parse(r.json(), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["outcome"], "passed");
  EXPECT_EQ(json["comparison"][0]["max_abs_difference"], 1.5e-6);
  EXPECT_EQ(json["seconds"]["read"], 0.25);
}

TEST(Report, SaysInfinityAndNaNAsSuch) {
  Report r = passed_report();
  r.outcome = Outcome::kDiffers;
  r.outputs[0].max_abs_difference = std::numeric_limits<double>::infinity();
  r.outputs[0].max_rel_difference = std::nan("");
  EXPECT_NE(r.text().find("max abs inf, max rel nan"), std::string::npos) << r.text();
  EXPECT_NE(r.html().find(">inf<"), std::string::npos);
  EXPECT_NE(r.html().find(">nan<"), std::string::npos);
  const auto output = nlohmann::json::parse(r.json())["comparison"][0];
  EXPECT_EQ(output["max_abs_difference"], "Infinity");
  EXPECT_EQ(output["max_rel_difference"], "NaN");
  EXPECT_EQ(output["scale"], 3.5);
}

TEST(Report, EscapesEveryNameOnThePage) {
  Report r = passed_report();
  r.source_path = "<script>alert(1)</script>";
  r.outputs[0].name = "<img src=x>";
  r.notes = {"<b>note</b>"};
  r.operators["<op>"] = 1;
  std::string page = r.html();
  for (const char* raw : {"<script>", "<img", "<b>", "<op>"}) {
    EXPECT_EQ(page.find(raw), std::string::npos) << raw;
  }
}

TEST(Registry, KnowsOnnxAndTakesNewFormatsOnce) {
  EXPECT_FALSE(register_format("onnx", {}));
  auto exporter = [](const std::string& source, const std::string&, const ExportConfig&,
                     const Progress&) {
    Report r;
    r.outcome = Outcome::kPassed;
    r.source_path = source;
    return r;
  };
  EXPECT_TRUE(register_format("test_format", exporter));
  EXPECT_FALSE(register_format("test_format", exporter));
  ExportConfig config;
  config.format = "test_format";
  EXPECT_TRUE(export_model("a", "b", config).passed());
}

TEST(Registry, NamesTheNearestFormat) {
  ExportConfig config;
  config.format = "onxn";
  EXPECT_NE(export_model("a", "b", config).error.find("did you mean `onnx`?"), std::string::npos);
}

TEST(FailedPath, StandsBesideTheAskedName) {
  EXPECT_EQ(pipeline::failed_path("out/model.onnx"), "out/model.failed.onnx");
  EXPECT_EQ(pipeline::failed_path("model"), "model.failed.onnx");
}

}  // namespace
}  // namespace onnxport
