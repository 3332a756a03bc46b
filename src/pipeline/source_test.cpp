#include "pipeline/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "pipeline/test_folder.h"

namespace onnxport::pipeline {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

TEST(Source, EveryFixtureIsOfOneKind) {
  int seen = 0;
  for (const char* folder : {"pt2", "script"}) {
    for (const auto& entry :
         fs::recursive_directory_iterator(fs::path(ONNXPORT_FIXTURES) / folder)) {
      const std::string path = entry.path().string();
      if (!path.ends_with(".pt2") && !path.ends_with(".pt")) continue;
      std::vector<std::string> kinds;
      for (const SourceKind* kind : source_kinds()) {
        if (kind->recognise(path)) kinds.emplace_back(kind->name);
      }
      const char* wanted = path.ends_with(".pt2") ? ".pt2" : "TorchScript file";
      EXPECT_THAT(kinds, testing::ElementsAre(wanted)) << path;
      ++seen;
    }
  }
  EXPECT_GT(seen, 50);
}

TEST(Source, APt2HasNoUseForInputValues) {
  ExportConfig config;
  config.inputs.push_back({.name = "x", .value = int64_t{3}});
  const auto source = read_source(fixture_pt2(), config);
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.error().message,
            "input values and types are for TorchScript files; a .pt2 has its own");
  EXPECT_EQ(source.error().where, fixture_pt2());
}

TEST(Source, SaysWhatToDoAboutAFixedBatch) {
  const auto source = read_source(fixture_pt2(), {});
  ASSERT_TRUE(source.ok()) << source.error().str();
  EXPECT_THAT((*source)->advice_for_dynamic_batch(),
              HasSubstr("export it again with dynamic_shapes={\"x\": {0: "));
  EXPECT_FALSE((*source)->reference());
  EXPECT_FALSE((*source)->program().takes_list);
}

TEST(Source, AnUnknownFileGetsAdvice) {
  const TestFolder folder;
  const std::string path = folder.file("weights.safetensors");
  ASSERT_TRUE(write_file(path, std::string("\x08\0\0\0\0\0\0\0{\"a\":{}}", 16)).ok());
  const auto source = read_source(path, {});
  ASSERT_FALSE(source.ok());
  EXPECT_THAT(source.error().str(), HasSubstr("A .pt2 is needed"));
}

}  // namespace
}  // namespace onnxport::pipeline
