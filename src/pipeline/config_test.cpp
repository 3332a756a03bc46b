#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "onnxport/export.h"
#include "pipeline/distance.h"

namespace onnxport {
namespace {

class Config : public testing::Test {
 protected:
  std::string load(const std::string& json) {
    std::ofstream(path_) << json;
    return load_config(path_, config_);
  }
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
  EXPECT_EQ(config_.input_shapes, (std::vector<std::vector<int64_t>>{{1, 3, 224, 224}}));
  EXPECT_EQ(config_.dynamic_axes->at("input").at(0), "batch_size");
}

TEST_F(Config, TakesShapesByInput) {
  EXPECT_EQ(load(R"({"input_shape": [[1, 2], [3]]})"), "");
  EXPECT_EQ(config_.input_shapes.size(), 2);
  EXPECT_EQ(load(R"({"input_shape": {"ids": [1, 8]}})"), "");
  EXPECT_EQ(config_.named_input_shapes.at("ids"), (std::vector<int64_t>{1, 8}));
}

TEST_F(Config, NamesTheNearestKnownKey) {
  std::string problem = load(R"({"opset": 17})");
  EXPECT_NE(problem.find("unknown key \"opset\""), std::string::npos) << problem;
  EXPECT_NE(load(R"({"simplfy": true})").find("did you mean \"simplify\"?"), std::string::npos);
}

TEST_F(Config, ChangesNothingOnAnError) {
  EXPECT_NE(load(R"({"opset_version": 18, "simplify": "yes"})"), "");
  EXPECT_EQ(config_.opset_version, 17);
}

TEST_F(Config, RefusesWrongTypes) {
  for (const char* bad :
       {R"({"opset_version": "17"})", R"({"opset_version": 1e99})", R"({"input_shape": [1, -3]})",
        R"({"input_shape": "1,3"})", R"({"dynamic_axes": {"input": {"x": "batch"}}})",
        R"({"tolerance": -1})", R"({"seeds": 0})", "[]", "{", ""}) {
    EXPECT_NE(load(bad), "") << bad;
  }
}

TEST_F(Config, NamesAFileThatIsMissing) {
  EXPECT_NE(load_config("/nowhere/export.json", config_).find("/nowhere/export.json"),
            std::string::npos);
}

TEST(Nearest, PicksTheSmallestEditDistance) {
  EXPECT_EQ(nearest("opset", {"input_shape", "opset_version", "simplify"}), "opset_version");
  EXPECT_EQ(nearest("verfy", {"simplify", "verify"}), "verify");
}

}  // namespace
}  // namespace onnxport
