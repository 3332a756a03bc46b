// Files that are wrong: each gives an error that names the file, the place in it and what to do,
// and nothing else happens (run under the sanitizers, that is the point of most of these).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "formats/slice.h"
#include "formats/zip.h"
#include "formats/zip_for_tests.h"
#include "read/pt2.h"

namespace onnxport::read {
namespace {

namespace fs = std::filesystem;
using formats::TestEntry;
using formats::TestZip;
using testing::AllOf;
using testing::HasSubstr;

class BadPt2 : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    path_ = (fs::temp_directory_path() / (std::string("onnxport-bad-") + info->name() + ".pt2"))
                .string();
  }
  void TearDown() override { fs::remove(path_); }

  std::string error_of(const std::string& content, const Limits& limits = {}) {
    std::ofstream(path_, std::ios::binary) << content;
    auto program = read_pt2(path_, limits);
    if (program.ok()) return "no error";
    EXPECT_THAT(program.error().where, HasSubstr(path_));
    return program.error().str();
  }

  static std::string fixture(const std::string& name) {
    return *read_file(std::string(ONNXPORT_FIXTURES) + "/pt2/" + name + ".pt2");
  }

  // The fixture's entries, to be changed and put together again.
  static std::vector<TestEntry> entries(const std::string& name) {
    std::string text = fixture(name);
    std::vector<std::byte> bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    auto zip = formats::Zip::open(formats::owned(std::move(bytes)));
    EXPECT_TRUE(zip.ok());
    std::vector<TestEntry> out;
    for (const formats::ZipEntry& e : zip->entries()) {
      auto storage = zip->read(e, formats::Zip::Crc::kCheck);
      EXPECT_TRUE(storage.ok()) << e.name;
      TestEntry entry;
      entry.name = e.name;
      entry.content.assign(reinterpret_cast<const char*>((*storage)->view().data()),
                           (*storage)->size());
      out.push_back(std::move(entry));
    }
    return out;
  }

  static TestEntry& named(std::vector<TestEntry>& entries, const std::string& suffix) {
    for (TestEntry& e : entries) {
      if (e.name.ends_with(suffix)) return e;
    }
    ADD_FAILURE() << "no entry " << suffix;
    return entries[0];
  }

  static void change(std::string& text, const std::string& from, const std::string& to) {
    size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }

  std::string path_;
};

TEST_F(BadPt2, AFixturePutTogetherAgainReads) {
  EXPECT_EQ(error_of(TestZip::make(entries("2.13.0/convnet"))), "no error");
  EXPECT_EQ(error_of(TestZip::make(entries("2.4.1/convnet"))), "no error");
  EXPECT_EQ(error_of(TestZip::make(entries("2.8.0/convnet"))), "no error");
}

TEST_F(BadPt2, TruncatedAnywhere) {
  for (const char* name : {"2.13.0/convnet", "2.8.0/convnet", "2.4.1/convnet"}) {
    const std::string whole = fixture(name);
    for (size_t n = 0; n < whole.size();
         n += n < 64 || n > whole.size() - 64 ? 1 : whole.size() / 97) {
      std::string error = error_of(whole.substr(0, n));
      EXPECT_NE(error, "no error") << n;
      if (n > 64) {
        EXPECT_THAT(error, testing::AnyOf(HasSubstr("truncated"), HasSubstr("damaged")));
      }
    }
  }
}

// Any byte changed anywhere: an error or a program, never a crash.
TEST_F(BadPt2, ChangedBytes) {
  for (const char* name : {"2.13.0/convnet", "2.8.0/convnet", "2.4.1/convnet"}) {
    const std::string whole = fixture(name);
    for (size_t at = 0; at < whole.size(); at += 1 + whole.size() / 199) {
      for (char with : {'\xff', '\0'}) {
        std::string text = whole;
        text[at] = with;
        error_of(text);
      }
    }
  }
}

TEST_F(BadPt2, NotAZip) {
  EXPECT_THAT(error_of("hello, this is not a model"), HasSubstr("is not a .pt2"));
  EXPECT_THAT(error_of(""), HasSubstr("is empty"));
}

TEST_F(BadPt2, MissingFile) {
  auto program = read_pt2("/no/such/model.pt2");
  ASSERT_FALSE(program.ok());
  EXPECT_THAT(program.error().str(), HasSubstr("/no/such/model.pt2"));
}

TEST_F(BadPt2, DeepJson) {
  auto all = entries("2.13.0/convnet");
  named(all, "models/model.json").content = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_THAT(
      error_of(TestZip::make(all)),
      AllOf(HasSubstr("models/model.json"), HasSubstr("nested deeper than the limit of 256")));
  named(all, "models/model.json").content = std::string(100'000, '{');
  EXPECT_NE(error_of(TestZip::make(all)), "no error");
}

TEST_F(BadPt2, DeepTreespec) {
  auto all = entries("2.13.0/tuple_output");
  std::string& json = named(all, "models/model.json").content;
  change(json, "\"out_spec\": \"[1, ", "\"out_spec\": \"" + std::string(100'000, '['));
  EXPECT_EQ(error_of(TestZip::make(all)), "no error");  // the outputs have no names, that is all
}

TEST_F(BadPt2, LongJson) {
  Limits limits;
  limits.max_json_bytes = 100;
  EXPECT_THAT(error_of(fixture("2.13.0/convnet"), limits),
              AllOf(HasSubstr("models/model.json"), HasSubstr("more than the limit of 100")));
}

TEST_F(BadPt2, WeightOutsideTheFile) {
  auto all = entries("2.13.0/convnet");
  change(named(all, "model_weights_config.json").content, "\"storage_offset\": {\"as_int\": 0}",
         "\"storage_offset\": {\"as_int\": 1000000}");
  EXPECT_THAT(error_of(TestZip::make(all)),
              AllOf(HasSubstr("conv.weight"), HasSubstr("weight_0"), HasSubstr("but only")));
}

TEST_F(BadPt2, NegativeOffset) {
  auto all = entries("2.13.0/convnet");
  change(named(all, "model_weights_config.json").content, "\"storage_offset\": {\"as_int\": 0}",
         "\"storage_offset\": {\"as_int\": -4}");
  EXPECT_THAT(error_of(TestZip::make(all)), HasSubstr("cannot be negative"));
}

TEST_F(BadPt2, SizesWhoseProductOverflows) {
  auto all = entries("2.13.0/convnet");
  change(named(all, "model_weights_config.json").content,
         "\"sizes\": [{\"as_int\": 4}, {\"as_int\": 3}",
         "\"sizes\": [{\"as_int\": 4611686018427387904}, {\"as_int\": 4611686018427387904}");
  EXPECT_THAT(error_of(TestZip::make(all)),
              AllOf(HasSubstr("conv.weight"), HasSubstr("4611686018427387904")));
}

TEST_F(BadPt2, StridesThatOverflow) {
  auto all = entries("2.13.0/convnet");
  change(named(all, "model_weights_config.json").content, "\"strides\": [{\"as_int\": 27}",
         "\"strides\": [{\"as_int\": 9223372036854775807}");
  EXPECT_THAT(error_of(TestZip::make(all)), HasSubstr("reaches beyond 2^63"));
}

TEST_F(BadPt2, WeightOfAnotherShapeThanTheProgramSays) {
  auto all = entries("2.13.0/convnet");
  change(named(all, "model_weights_config.json").content,
         "\"sizes\": [{\"as_int\": 4}, {\"as_int\": 3}",
         "\"sizes\": [{\"as_int\": 3}, {\"as_int\": 3}");
  EXPECT_THAT(
      error_of(TestZip::make(all)),
      AllOf(HasSubstr("conv.weight"), HasSubstr("[4, 3, 3, 3]"), HasSubstr("[3, 3, 3, 3]")));
}

TEST_F(BadPt2, UnknownSchemaVersion) {
  auto all = entries("2.13.0/convnet");
  change(named(all, "models/model.json").content, "\"schema_version\": {\"major\": 8",
         "\"schema_version\": {\"major\": 99");
  EXPECT_THAT(
      error_of(TestZip::make(all)),
      AllOf(HasSubstr("schema version 99."), HasSubstr("versions 5 to 8"), HasSubstr("2.13.0")));
}

TEST_F(BadPt2, MissingWeightEntry) {
  auto all = entries("2.13.0/convnet");
  named(all, "data/weights/weight_0").name = "convnet/data/weights/elsewhere";
  EXPECT_THAT(error_of(TestZip::make(all)),
              AllOf(HasSubstr("conv.weight"), HasSubstr("is missing")));
}

TEST_F(BadPt2, EntryThatLiesAboutItsSize) {
  auto all = entries("2.13.0/convnet");
  named(all, "byteorder").claimed_size = 1 << 30;
  EXPECT_THAT(error_of(TestZip::make(all)),
              AllOf(HasSubstr("byteorder"), HasSubstr("outside the archive")));
}

TEST_F(BadPt2, EntryThatOverlapsAnother) {
  auto all = entries("2.13.0/convnet");
  named(all, "data/weights/weight_0").claimed_size = 700;
  EXPECT_THAT(error_of(TestZip::make(all)),
              AllOf(HasSubstr("data/weights/weight_0"), HasSubstr("overlap entry")));
}

TEST_F(BadPt2, EntryWhoseHeaderIsElsewhere) {
  auto all = entries("2.13.0/convnet");
  named(all, "models/model.json").claimed_offset = 1;
  EXPECT_THAT(error_of(TestZip::make(all)), HasSubstr("models/model.json"));
}

TEST_F(BadPt2, WrongChecksum) {
  auto all = entries("2.13.0/convnet");
  named(all, "models/model.json").claimed_crc = 1;
  EXPECT_THAT(error_of(TestZip::make(all)),
              AllOf(HasSubstr("models/model.json"), HasSubstr("checksum")));
}

TEST_F(BadPt2, NodeThatUsesAnUndefinedName) {
  auto all = entries("2.13.0/convnet");
  change(named(all, "models/model.json").content,
         "{\"name\": \"weight\", \"arg\": {\"as_tensor\": {\"name\": \"p_conv_weight\"}}",
         "{\"name\": \"weight\", \"arg\": {\"as_tensor\": {\"name\": \"nobody\"}}");
  EXPECT_THAT(error_of(TestZip::make(all)),
              AllOf(HasSubstr("node 0"), HasSubstr("aten.conv2d"), HasSubstr("in conv"),
                    HasSubstr("make_pt2.py"), HasSubstr("argument `weight`"),
                    HasSubstr("`nobody` is used before it is defined")));
}

TEST_F(BadPt2, DamagedPickle) {
  auto all = entries("2.8.0/convnet");
  std::string& saved = named(all, "data/weights/model.pt").content;
  size_t at = saved.find("_rebuild_tensor_v2");
  ASSERT_NE(at, std::string::npos);
  saved[at + 4] = 'X';
  EXPECT_THAT(error_of(TestZip::make(all)),
              AllOf(HasSubstr("data/weights/model.pt"), HasSubstr("archive/data.pkl"),
                    HasSubstr("checksum")));
}

TEST_F(BadPt2, OtherFilesAreRecognised) {
  EXPECT_THAT(error_of("\x89HDF\r\n\x1a\n........"),
              AllOf(HasSubstr("HDF5"), HasSubstr("torch.export.save")));
  std::string header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  EXPECT_THAT(error_of(length + header + "1234"),
              AllOf(HasSubstr("safetensors"), HasSubstr("torch.export.save")));
  EXPECT_THAT(error_of(std::string("\x80\x02}q\x00.", 6)), HasSubstr("Python pickle"));
  EXPECT_THAT(error_of(std::string("\x08\x08\x12\x07pytorch\x1a\x05"
                                   "2.1.0:",
                                   19)),
              HasSubstr("is an ONNX file"));
  EXPECT_THAT(error_of(TestZip::make({{"m/code/__torch__.py", "x"}, {"m/data.pkl", "x"}})),
              AllOf(HasSubstr("TorchScript"), HasSubstr("torch.export.save")));
  EXPECT_THAT(error_of(TestZip::make({{"archive/data.pkl", "x"}})),
              AllOf(HasSubstr("torch.save file"), HasSubstr("torch.export.export")));
  EXPECT_THAT(error_of(TestZip::make({{"hello.txt", "x"}})),
              HasSubstr("without an exported program"));
  EXPECT_THAT(error_of("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("git lfs pull"));
}

TEST_F(BadPt2, SeveralPrograms) {
  auto all = entries("2.13.0/convnet");
  all.push_back({"convnet/models/other.json", "{}"});
  EXPECT_THAT(error_of(TestZip::make(all)), AllOf(HasSubstr("2 programs"), HasSubstr("other")));
}

}  // namespace
}  // namespace onnxport::read
