// A program arrives as it was, weights where they are in the file; what is not one is refused.
#include "read/program_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "formats/slice.h"
#include "read/pt2.h"

namespace onnxport::read {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> fixtures() {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(ONNXPORT_FIXTURES) / "pt2")) {
    if (entry.path().extension() == ".pt2") out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

struct Sample {
  std::string path;
  aten::Program program;
  std::shared_ptr<const Storage> file;
};

std::vector<Sample> samples() {
  std::vector<Sample> out;
  for (const std::string& path : fixtures()) {
    auto program = read_pt2(path);
    auto file = MappedFile::open(path);
    if (program.ok() && file.ok()) {
      out.push_back({path, std::move(*program), formats::whole_file(*file)});
    }
  }
  return out;
}

TEST(ProgramCodec, AProgramArrivesAsItWas) {
  const auto all = samples();
  ASSERT_GT(all.size(), 50U);
  for (const Sample& sample : all) {
    auto back = decode(encode(sample.program, *sample.file), sample.file);
    ASSERT_TRUE(back.ok()) << sample.path << ": " << back.error().str();
    EXPECT_EQ(aten::dump(*back), aten::dump(sample.program)) << sample.path;
    EXPECT_EQ(back->producer, sample.program.producer);
    EXPECT_EQ(back->source_file, sample.program.source_file);
    EXPECT_EQ(back->examples, sample.program.examples);
    ASSERT_EQ(back->weights.size(), sample.program.weights.size());
    for (size_t i = 0; i < back->weights.size(); ++i) {
      EXPECT_TRUE(same_bytes(back->weights[i].tensor, sample.program.weights[i].tensor))
          << sample.path << " " << back->weights[i].fqn;
    }
  }
}

TEST(ProgramCodec, TiedWeightsGoOnSharingTheirElements) {
  aten::Program program;
  const Tensor tensor = Tensor::ints({1, 2, 3});
  for (const char* name : {"a", "b"}) {
    aten::Value value;
    value.name = name;
    value.dtype = DType::kInt64;
    program.weights.push_back({program.add_value(value), name, tensor});
  }
  const auto file = formats::owned({});
  auto back = decode(encode(program, *file), file);
  ASSERT_TRUE(back.ok()) << back.error().str();
  EXPECT_EQ(back->weights[0].tensor.as_ints(), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(back->weights[0].tensor.storage, back->weights[1].tensor.storage);
}

TEST(ProgramCodec, AWeightOfTheFileIsAViewOfIt) {
  std::vector<std::byte> bytes(64);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  const auto file = formats::owned(bytes);
  auto view = formats::slice(file, 16, 8);
  ASSERT_TRUE(view.ok());
  aten::Program program;
  aten::Value value;
  value.name = "w";
  value.dtype = DType::kInt64;
  program.weights.push_back({program.add_value(value), "w", {DType::kInt64, {1}, *view, {}}});
  const std::string text = encode(program, *file);
  auto back = decode(text, file);
  ASSERT_TRUE(back.ok()) << back.error().str();
  EXPECT_EQ(back->weights[0].tensor.storage->view().data(), file->view().data() + 16);
  // A file that ends before it: nothing outside is looked at.
  EXPECT_FALSE(decode(text, formats::owned(std::vector<std::byte>(20))).ok());
}

// Cut off anywhere, or changed anywhere: an error or another program, and never a crash.
TEST(ProgramCodec, WhatIsNoProgramIsRefused) {
  std::mt19937 random(1);
  for (const Sample& sample : samples()) {
    const std::string bytes = encode(sample.program, *sample.file);
    for (int i = 0; i < 20; ++i) {
      EXPECT_FALSE(
          decode(std::string_view(bytes).substr(0, random() % bytes.size()), sample.file).ok())
          << sample.path;
      std::string changed = bytes;
      for (int k = 0; k < 3; ++k) changed[random() % changed.size()] = static_cast<char>(random());
      auto program = decode(changed, sample.file);
      if (program.ok()) EXPECT_TRUE(aten::validate(*program).ok());
    }
    EXPECT_FALSE(decode(bytes + "x", sample.file).ok());
  }
}

}  // namespace
}  // namespace onnxport::read
