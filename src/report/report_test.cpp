#include "onnxport/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

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
  r.comparison.push_back({"output", true, 1.5e-6, 2e-5, 3.5, 9e-7, ""});
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
  r.comparison[0].name = "bad \xff \"name\"";
  auto json = nlohmann::json::parse(r.json(), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["outcome"], "passed");
  EXPECT_EQ(json["comparison"][0]["max_abs_difference"], 1.5e-6);
  EXPECT_EQ(json["seconds"]["read"], 0.25);
}

// What a model's author may put wherever a name goes.
const std::string kEvil =
    "x\x1b[2J\nPassed \u2713  forged\r\u202E\u009B31m\x9b\a<script>alert(1)</script>\"'&quot;";

void expect_harmless(const std::string& what, const std::string& shown) {
  for (const char* raw : {"\x1b", "\r", "\u202E", "\u009B", "\a"}) {
    EXPECT_EQ(shown.find(raw), std::string::npos) << what << ": " << shown;
  }
  EXPECT_EQ(shown.find("\nPassed \u2713  forged"), std::string::npos) << what << ": " << shown;
}

// `evil` with every name from a file in it, `clean` with harmless ones.
template <typename AnyReport>
void expect_harmless_report(const AnyReport& evil, const AnyReport& clean) {
  expect_harmless("text", evil.text());
  const std::string text = evil.text(), other = clean.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
            std::count(other.begin(), other.end(), '\n'))
      << text;
  expect_harmless("page", evil.html());
  EXPECT_EQ(evil.html().find("<script"), std::string::npos);
  const std::string json = evil.json();
  expect_harmless("json", json);
  const auto parsed = nlohmann::json::parse(json);
  EXPECT_EQ(parsed["inputs"][0]["name"],
            kEvil.substr(0, kEvil.find('\x9b', 30)) + "\\x9b" + kEvil.substr(kEvil.find('\a')));
}

TensorReport port(const std::string& name) {
  return {name, "float32", std::vector<Dim>{Dim(name), Dim(int64_t{3})}};
}

Report report_of(const std::string& name) {
  Report r = passed_report();
  r.outcome = Outcome::kDiffers;
  r.error = r.source_path = r.output_path = name;
  r.operators = {{name, 1}};
  r.inputs = r.outputs = {port(name)};
  r.comparison[0].name = r.comparison[0].reason = name;
  r.first_divergence = {name, name, name, name, name, name, 1, name};
  r.runs = {{name, 0, {port(name)}, 1, false}};
  r.notes = {name};
  r.torch_version = r.onnxruntime_version = r.format = name;
  return r;
}

SimplifyReport simplify_report_of(const std::string& name) {
  SimplifyReport r;
  r.outcome = Outcome::kPassed;
  r.compared = true;
  r.source_path = r.output_path = name;
  r.operators = {{name, 1}};
  r.operators_before = {{name, 2}};
  r.inputs = r.outputs = {port(name)};
  r.comparison = {{name, false, false, 1, 1, 1, name}};
  r.wrong_rules = {{"rule", name, name, name}};
  r.trace = {{"rule", name, name, 1, 1}};
  r.refusals = {{"rule", name, {name, name}}};
  r.notes = {name};
  return r;
}

// Of a message, a line may go on in the next one, which stands in.
TEST(Report, NoNameActsOnAScreenOrAPage) {
  Report evil = report_of(kEvil), clean = report_of("x\n  forged");
  expect_harmless_report(evil, clean);
  SimplifyReport simplified = simplify_report_of(kEvil);
  expect_harmless_report(simplified, simplify_report_of("x\n  forged"));
  simplified.outcome = Outcome::kRefused;
  simplified.error = kEvil;
  expect_harmless("refused", simplified.text());
}

TEST(Report, NoTextIsLongerThanAScreenTakes) {
  const Report r = report_of(std::string(8'000'000, 'x'));
  EXPECT_LT(r.text().size(), 200'000u);
  EXPECT_LT(r.html().size(), 300'000u);
  EXPECT_LT(r.json().size(), 600'000u);
  EXPECT_NE(r.text().find("bytes more)"), std::string::npos);
}

TEST(Report, NoKeyIsThereTwice) {
  Report r = passed_report();
  r.operators = {{"a\xff", 1},
                 {"a\xfe", 2},
                 {"a\\xff", 4},
                 {std::string(5000, 'a'), 8},
                 {std::string(5001, 'a'), 16}};
  const auto json = nlohmann::json::parse(r.json());
  int sum = 0;
  for (const auto& [name, count] : json["operators"].items()) sum += count.get<int>();
  EXPECT_EQ(sum, 31) << json["operators"];
}

TEST(Report, SaysInfinityAndNaNAsSuch) {
  Report r = passed_report();
  r.outcome = Outcome::kDiffers;
  r.comparison[0].max_abs_difference = std::numeric_limits<double>::infinity();
  r.comparison[0].max_rel_difference = std::nan("");
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
  r.comparison[0].name = "<img src=x>";
  r.notes = {"<b>note</b>"};
  r.operators["<op>"] = 1;
  std::string page = r.html();
  for (const char* raw : {"<script>", "<img", "<b>", "<op>"}) {
    EXPECT_EQ(page.find(raw), std::string::npos) << raw;
  }
}

Report differing_report() {
  Report r = passed_report();
  r.outcome = Outcome::kDiffers;
  r.inputs = {{"x", "float32", std::vector<Dim>{std::string("batch"), int64_t{3}}},
              {"state", "", std::nullopt}};
  r.outputs = {{"output", "int64", std::nullopt}};
  RunReport& run = r.runs.emplace_back();
  run.seed = 2;
  run.inputs = {{"x", "float32", std::vector<Dim>{int64_t{5}, int64_t{3}}}};
  run.max_abs_difference = 0.25;
  run.passed = false;
  r.first_divergence = DivergenceReport{"relu",    "act",      "Relu", "aten::relu.default",
                                        "net.act", "net.py:7", 0.25,   "differs by 0.25"};
  return r;
}

TEST(Report, WhatRanAndWhereItPartsAreDataInJson) {
  const auto json = nlohmann::json::parse(differing_report().json());
  EXPECT_EQ(json["inputs"][0],
            (nlohmann::json{{"name", "x"}, {"dtype", "float32"}, {"dims", {"batch", 3}}}));
  EXPECT_EQ(json["inputs"][1],
            (nlohmann::json{{"name", "state"}, {"dtype", nullptr}, {"dims", nullptr}}));
  const auto& run = json["runs"][0];
  EXPECT_EQ(run["seed"], 2);
  EXPECT_EQ(run["values"], "random");
  EXPECT_EQ(run["inputs"][0]["dims"], nlohmann::json({5, 3}));
  EXPECT_EQ(run["max_abs_difference"], 0.25);
  EXPECT_EQ(run["passed"], false);
  const auto& first = json["first_divergence"];
  EXPECT_EQ(first["onnx_node"], "act");
  EXPECT_EQ(first["module_path"], "net.act");
  EXPECT_EQ(first["max_abs_difference"], 0.25);
}

TEST(Report, TheSameDataIsDrawnInTextAndOnThePage) {
  const Report r = differing_report();
  const std::string where =
      "node act (Relu) computing `relu` from aten::relu.default in module net.act at net.py:7: "
      "differs by 0.25";
  EXPECT_NE(r.text().find("  first difference: " + where + "\n"), std::string::npos) << r.text();
  EXPECT_NE(r.text().find("  in   x: float32[batch, 3]\n"), std::string::npos) << r.text();
  EXPECT_NE(r.text().find("  in   state: None\n"), std::string::npos) << r.text();
  EXPECT_NE(r.text().find("  out  output: int64[?]\n"), std::string::npos) << r.text();
  EXPECT_NE(r.html().find("seed 2, [5, 3]: 0.25 (failed)\n"), std::string::npos);
  EXPECT_NE(r.html().find("net.act at net.py:7"), std::string::npos);
}

TEST(Report, ADifferenceWithoutAPlaceIsItsReason) {
  DivergenceReport d;
  d.reason = "nothing differs without optimizations";
  EXPECT_EQ(d.text(), d.reason);
}

TEST(Report, ARefusedVerificationHasComparedNothing) {
  Report r;
  r.writes = false;
  r.source_path = "model.pt2";
  r.output_path = "model.onnx";
  r.error = "there is no such file";
  EXPECT_NE(r.html().find("nothing was compared"), std::string::npos);
  EXPECT_EQ(r.html().find("nothing was written"), std::string::npos);
  EXPECT_TRUE(r.text().starts_with("Failed ✗  nothing was compared\n")) << r.text();
  r.writes = true;
  EXPECT_NE(r.html().find("nothing was written"), std::string::npos);
}

TEST(Report, ACancelledRunIsNeitherPassedNorFailed) {
  Report r;
  r.outcome = Outcome::kCancelled;
  r.error = "the run was cancelled";
  EXPECT_EQ(r.exit_code(), 130);
  EXPECT_TRUE(r.text().starts_with("Cancelled ✗  nothing was written\n")) << r.text();
  EXPECT_EQ(nlohmann::json::parse(r.json())["outcome"], "cancelled");
  EXPECT_NE(r.html().find("Cancelled ✗ — nothing was written"), std::string::npos);
}

TEST(SimplifyReport, RunsAreDataInJsonAndALineOnThePage) {
  SimplifyReport r;
  r.outcome = Outcome::kPassed;
  r.comparison.push_back({"y", true, false, 0.5, 0.25, 2, ""});
  RunReport& run = r.runs.emplace_back();
  run.values = "zeros";
  run.inputs = {{"x", "float32", std::vector<Dim>{int64_t{2}, int64_t{3}}},
                {"i", "int64", std::vector<Dim>{int64_t{2}}}};
  run.max_abs_difference = 0.5;
  run.within_noise = true;
  const auto json = nlohmann::json::parse(r.json())["runs"][0];
  EXPECT_EQ(json["values"], "zeros");
  EXPECT_EQ(json["within_noise"], true);
  EXPECT_EQ(json["inputs"][1]["dtype"], "int64");
  EXPECT_NE(r.html().find("zeros, float32[2, 3], int64[2]: 0.5, as much as rounding changes"),
            std::string::npos);
}

}  // namespace
}  // namespace onnxport
