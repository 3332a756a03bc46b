#include "onnxport/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace onnxport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Sizes = std::vector<int64_t>;
using Axes = std::map<int, std::string>;

class Config : public testing::Test {
 protected:
  void write(const std::string& json) { std::ofstream(path_) << json; }
  // The error's text, "" when all is well.
  template <typename AnyConfig>
  std::string load(const std::string& json, AnyConfig& config) {
    write(json);
    auto error = load_config(path_, config);
    return error ? error->text() : "";
  }
  std::string load(const std::string& json) { return load(json, config_); }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_ =
      (std::filesystem::temp_directory_path() / ("onnxport_config_" + std::to_string(getpid())))
          .string();
  ExportConfig config_;
};

TEST_F(Config, TakesTheMissionsKeys) {
  EXPECT_EQ(load(R"({"opset_version": 19, "input_shape": [1, 3, 224, 224], "simplify": false,
                     "dynamic_axes": {"input": {"0": "batch_size"}}})"),
            "");
  EXPECT_EQ(config_.opset_version, 19);
  EXPECT_FALSE(config_.simplify);
  // dynamic_axes is read first; the shape is for the first input, whatever its name.
  EXPECT_THAT(config_.inputs,
              ElementsAre(InputSpec{.name = "input", .axes = Axes{{0, "batch_size"}}},
                          InputSpec{.name = "", .sizes = Sizes{1, 3, 224, 224}}));
}

TEST_F(Config, TakesShapesByInput) {
  EXPECT_EQ(load(R"({"input_shape": [[1, 2], [3]]})"), "");
  EXPECT_THAT(config_.inputs, ElementsAre(InputSpec{.name = "", .sizes = Sizes{1, 2}},
                                          InputSpec{.name = "", .sizes = Sizes{3}}));
  EXPECT_EQ(load(R"({"input_shape": {"ids": [1, 8]}})"), "");
  EXPECT_THAT(config_.inputs, ElementsAre(InputSpec{.name = "ids", .sizes = Sizes{1, 8}}));
}

TEST_F(Config, PutsWhatIsSaidOfOneInputTogether) {
  EXPECT_EQ(load(R"({"input_shape": {"ids": [1, 8]}, "input_types": {"ids": "int64"},
                     "input_ranges": {"ids": [0, 99]}, "dynamic_axes": {"ids": [0, 1]}})"),
            "");
  EXPECT_THAT(config_.inputs,
              ElementsAre(InputSpec{.name = "ids",
                                    .sizes = Sizes{1, 8},
                                    .axes = Axes{{0, "batch_size"}, {1, "ids_axis_1"}},
                                    .type = "int64",
                                    .range = ValueRange{0, 99}}));
}

TEST_F(Config, NoAxesAtAllAreAxesThatAreListed) {
  EXPECT_EQ(load(R"({"dynamic_axes": {}})"), "");
  EXPECT_THAT(config_.inputs, ElementsAre(InputSpec{.name = "", .axes = Axes{}}));
}

TEST_F(Config, AnErrorHasFileKeyAndMessage) {
  write(R"({"seeds": "3"})");
  auto error = load_config(path_, config_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->file, path_);
  EXPECT_EQ(error->key, "seeds");
  EXPECT_EQ(error->message, "expected an integer, found \"3\"");
  EXPECT_EQ(error->text(), path_ + ": key \"seeds\": expected an integer, found \"3\"");
}

TEST_F(Config, NamesTheNearestKnownKeyAndAllOfThem) {
  const std::string problem = load(R"({"opset": 17})");
  EXPECT_THAT(problem, HasSubstr("key \"opset\": unknown; did you mean \"opset_version\"?"));
  EXPECT_THAT(problem, HasSubstr("input_shape, dynamic_axes, static"));
  EXPECT_THAT(load(R"({"simplfy": true})"), HasSubstr("did you mean \"simplify\"?"));
}

TEST_F(Config, AKeyOfTheOtherKindOfFileIsToldApartFromAnUnknownOne) {
  SimplifyConfig simplify;
  EXPECT_THAT(load(R"({"opset_version": 17})", simplify),
              HasSubstr("is not a setting of a simplification"));
  EXPECT_THAT(load(R"({"max_growth": 17})"), HasSubstr("is not a setting of an export"));
}

TEST_F(Config, OneForSimplify) {
  SimplifyConfig simplify;
  EXPECT_EQ(load(R"({"input_shape": [1, -1], "exact": true, "max_growth": "64K", "threads": 1})",
                 simplify),
            "");
  EXPECT_THAT(simplify.inputs, ElementsAre(InputSpec{.name = "", .sizes = Sizes{1, -1}}));
  EXPECT_TRUE(simplify.exact);
  EXPECT_EQ(simplify.max_growth_bytes, 65536);
  EXPECT_EQ(simplify.threads, 1);
  EXPECT_EQ(load(R"({"max_growth": "2%"})", simplify), "");
  EXPECT_EQ(simplify.max_growth_percent, 2);
  EXPECT_FALSE(simplify.max_growth_bytes);
}

TEST_F(Config, MemoryIsANumberOrAText) {
  SimplifyConfig simplify;
  EXPECT_EQ(load(R"({"memory": "4G", "time_limit": 2.5})", simplify), "");
  EXPECT_EQ(simplify.memory, int64_t{4} << 30);
  EXPECT_EQ(simplify.time_limit, 2.5);
  EXPECT_EQ(load(R"({"memory": 100000000})", simplify), "");
  EXPECT_EQ(simplify.memory, 100000000);
  EXPECT_EQ(load(R"({"memory": "1.5G"})"), "");
  EXPECT_EQ(config_.memory, int64_t{3} << 29);
  for (const char* bad : {R"({"memory": "x"})", R"({"memory": ""})", R"({"memory": "G"})",
                          R"({"memory": -1})", R"({"memory": "nanG"})", R"({"memory": "1e9T"})",
                          R"({"memory": "-4G"})", R"({"memory": true})", R"({"memory": "4GB"})"}) {
    EXPECT_THAT(load(bad), HasSubstr("key \"memory\"")) << bad;
  }
  EXPECT_THAT(load(R"({"memory": "1K"})"), HasSubstr("must be 64M or more"));
  EXPECT_THAT(load(R"({"time_limit": -1})"), HasSubstr("out of range"));
}

TEST_F(Config, ChangesNothingOnAnError) {
  EXPECT_NE(load(R"({"opset_version": 18, "simplify": "yes"})"), "");
  EXPECT_EQ(config_.opset_version, 17);
}

TEST_F(Config, LeavesAloneWhatTheFileDoesNotSay) {
  config_.seeds = 7;
  config_.inputs = {{.name = "", .sizes = Sizes{1, 2}}};
  EXPECT_EQ(load(R"({"$schema": "config.schema.json", "opset_version": 18})"), "");
  EXPECT_EQ(config_.seeds, 7);
  EXPECT_EQ(config_.inputs.size(), 1);
}

TEST_F(Config, RefusesWrongValues) {
  for (const char* bad :
       {R"({"opset_version": "17"})", R"({"opset_version": 1e99})", R"({"input_shape": [1, -3]})",
        R"({"input_shape": "1,3"})", R"({"dynamic_axes": {"input": {"x": "batch"}}})",
        R"({"tolerance": -1})", R"({"seeds": 0})", R"({"opset_version": 12})",
        R"({"input_types": {"x": "float"}})", R"({"input_values": {"x": [1]}})",
        R"({"input_ranges": {"x": [9, 0]}})", R"({"input_ranges": {"x": 9}})",
        R"({"skip": ["no_rule"]})", R"({"static": true, "dynamic_axes": {"x": [0]}})", "[]", "{",
        ""}) {
    EXPECT_NE(load(bad), "") << bad;
  }
}

TEST_F(Config, NamesAFileThatIsMissing) {
  auto error = load_config("/nowhere/export.json", config_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->file, "/nowhere/export.json");
  EXPECT_EQ(error->key, "");
}

// What a library's user gives is held to the same as a file: the words are the same too.
TEST_F(Config, AProgramAndAFileAreToldTheSame) {
  struct Case {
    const char* json;
    void (*set)(ExportConfig& config);
  };
  const Case cases[] = {
      {R"({"opset_version": 99})", [](ExportConfig& c) { c.opset_version = 99; }},
      {R"({"seeds": 1001})", [](ExportConfig& c) { c.seeds = 1001; }},
      {R"({"tolerance": -1})", [](ExportConfig& c) { c.tolerance = -1; }},
      {R"({"run_limit": -1})", [](ExportConfig& c) { c.run_limit = -1; }},
      {R"({"skip": ["no_rule"]})", [](ExportConfig& c) { c.skip = {"no_rule"}; }},
      {R"({"input_types": {"x": "float"}})",
       [](ExportConfig& c) { c.inputs = {{.name = "x", .type = "float"}}; }},
      {R"({"input_ranges": {"x": [2, 1]}})",
       [](ExportConfig& c) {
         c.inputs = {{.name = "x", .range = ValueRange{2, 1}}};
       }},
  };
  for (const Case& c : cases) {
    write(c.json);
    ExportConfig from_file, from_program;
    auto file_error = load_config(path_, from_file);
    c.set(from_program);
    auto program_error = check_config(from_program);
    ASSERT_TRUE(file_error && program_error) << c.json;
    EXPECT_EQ(file_error->key, program_error->key);
    EXPECT_EQ(file_error->message, program_error->message);
  }
}

TEST_F(Config, NotANumberIsNotInRange) {
  config_.run_limit = std::nan("");
  EXPECT_EQ(check_config(config_)->text(), "run_limit: nan is out of range: 0 or more");
}

TEST_F(Config, TwoForOneInputAreRefused) {
  config_.inputs = {{.name = "x", .sizes = Sizes{1}}, {.name = "x", .type = "int64"}};
  EXPECT_THAT(check_config(config_)->text(), HasSubstr("input `x` is given twice"));
}

TEST_F(Config, ASimplificationTakesSizesOnly) {
  SimplifyConfig simplify;
  simplify.inputs = {{.name = "x", .sizes = Sizes{1, -1}}};
  EXPECT_FALSE(check_config(simplify));
  simplify.inputs = {{.name = "x", .type = "int64"}};
  EXPECT_THAT(check_config(simplify)->text(), HasSubstr("nothing but the sizes"));
  simplify.inputs = {{.name = "x", .sizes = Sizes{-2}}};
  EXPECT_THAT(check_config(simplify)->text(), HasSubstr("-2 is not a size"));
}

}  // namespace
}  // namespace onnxport
