// Which archives are read, and which are not: whatever two readers could understand in two ways.
#include "formats/zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <functional>

#include "base/file.h"
#include "formats/repack.h"
#include "formats/slice.h"
#include "formats/zip_for_tests.h"

namespace onnxport::formats {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& archive) {
  auto zip = Zip::open(bytes_of(archive));
  return zip.ok() ? "no error" : zip.error().str();
}

// As torch writes it: data descriptors, padding, zip64 records at the end.
std::string torch_archive() {
  return *read_file(std::string(ONNXPORT_FIXTURES) + "/pt2/2.13.0/tied.pt2");
}
// As Python's zipfile writes it.
std::string plain_archive() {
  return TestZip::make({{"r/a", "hello"}, {"r/data/0", std::string(100, 'x')}, {"r/empty", ""}});
}

uint64_t number(const std::string& s, size_t at, size_t bytes) {
  uint64_t out = 0;
  for (size_t i = bytes; i-- > 0;) out = out << 8 | static_cast<unsigned char>(s[at + i]);
  return out;
}
std::string little(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}
void put(std::string& s, size_t at, const std::string& bytes) {
  ASSERT_LE(at + bytes.size(), s.size());
  s.replace(at, bytes.size(), bytes);
}

// Where things are in an archive.
struct Places {
  explicit Places(const std::string& s)
      : end(s.size() - 22), directory(number(s, end + 16, 4)), locator(end - 20), end64(end - 76) {
    for (size_t at = directory; number(s, at, 4) == 0x02014b50;) {
      central.push_back(at);
      local.push_back(number(s, at + 42, 4));
      at += 46 + number(s, at + 28, 2) + number(s, at + 30, 2) + number(s, at + 32, 2);
    }
  }
  size_t end;
  size_t directory;
  size_t locator;
  size_t end64;
  std::vector<size_t> central;
  std::vector<size_t> local;
};

struct Deviation {
  const char* name;
  std::function<void(std::string&, const Places&)> make;
  const char* reason;
};

// Of both archives.
const std::vector<Deviation>& deviations() {
  static const std::vector<Deviation> kAll = {
      {"bytes behind the end", [](auto& s, auto&) { s += "more"; }, "no directory at its end"},
      {"a comment",
       [](auto& s, auto& p) {
         put(s, p.end + 20, little(4, 2));
         s += "more";
       },
       "no directory at its end"},
      {"a comment that is an end record of its own",
       [](auto& s, auto& p) {
         std::string second = s.substr(p.end);
         put(s, p.end + 20, little(22, 2));
         s += second;
       },
       "not what ends at"},
      {"a comment that is announced only",
       [](auto& s, auto& p) { put(s, p.end + 20, little(4, 2)); }, "comment"},
      {"bytes before the first entry", [](auto& s, auto&) { s = "PK\3\4more" + s; },
       "changed after it was saved"},
      {"bytes before the first entry, offsets moved",
       [](auto& s, auto& p) {
         for (size_t i = 0; i < p.central.size(); ++i) {
           put(s, p.central[i] + 42, little(p.local[i] + 4, 4));
         }
         put(s, p.end + 16, little(p.directory + 4, 4));
         if (number(s, p.locator, 4) == 0x07064b50) {
           put(s, p.locator + 8, little(p.end64 + 4, 8));
           put(s, p.end64 + 48, little(p.directory + 4, 8));
         }
         s = "more" + s;
       },
       "before the first entry"},
      {"fewer entries than there are",
       [](auto& s, auto& p) {
         put(s, p.end + 8, little(p.central.size() - 1, 2) + little(p.central.size() - 1, 2));
         if (number(s, p.locator, 4) == 0x07064b50) {
           put(s, p.end64 + 24, little(p.central.size() - 1, 8) + little(p.central.size() - 1, 8));
         }
       },
       "goes on behind"},
      {"more entries than there are",
       [](auto& s, auto& p) {
         put(s, p.end + 8, little(60000, 2) + little(60000, 2));
         if (number(s, p.locator, 4) == 0x07064b50) {
           put(s, p.end64 + 24, little(60000, 8) + little(60000, 8));
         }
       },
       "promises 60000 entries"},
      {"two counts", [](auto& s, auto& p) { put(s, p.end + 8, little(1, 2)); }, "several files"},
      {"another disk", [](auto& s, auto& p) { put(s, p.end + 4, little(1, 2)); }, "several files"},
      {"a directory elsewhere", [](auto& s, auto& p) { put(s, p.end + 16, little(0, 4)); }, ""},
      {"a directory of another size", [](auto& s, auto& p) { put(s, p.end + 12, little(46, 4)); },
       ""},
      {"an entry at another's place",
       [](auto& s, auto& p) { put(s, p.central[1] + 42, little(p.local[0], 4)); }, "overlaps"},
      {"an entry in the directory",
       [](auto& s, auto& p) { put(s, p.central[1] + 42, little(p.directory + 4, 4)); }, ""},
      {"a gap between entries",
       [](auto& s, auto& p) { put(s, p.central[1] + 42, little(p.local[1] + 1, 4)); }, ""},
      {"encryption",
       [](auto& s, auto& p) {
         put(s, p.central[1] + 8, little(number(s, p.central[1] + 8, 2) | 1, 2));
         put(s, p.local[1] + 6, little(number(s, p.local[1] + 6, 2) | 1, 2));
       },
       "is encrypted"},
      {"encryption, in the local header only",
       [](auto& s, auto& p) {
         put(s, p.local[1] + 6, little(number(s, p.local[1] + 6, 2) | 1, 2));
       },
       "other flags"},
      {"flags that nobody knows",
       [](auto& s, auto& p) {
         put(s, p.central[1] + 8, little(number(s, p.central[1] + 8, 2) | 0x20, 2));
       },
       "not all are known"},
      {"another method", [](auto& s, auto& p) { put(s, p.central[1] + 10, little(14, 2)); },
       "method 14"},
      {"another method in the local header",
       [](auto& s, auto& p) { put(s, p.local[1] + 8, little(8, 2)); }, "another compression"},
      {"two sizes of a stored entry",
       [](auto& s, auto& p) { put(s, p.central[1] + 24, little(1, 4)); }, "bytes stored as"},
      {"a larger size",
       [](auto& s, auto& p) { put(s, p.central[1] + 20, little(1 << 30, 4) + little(1 << 30, 4)); },
       ""},
      {"a smaller size",
       [](auto& s, auto& p) { put(s, p.central[1] + 20, little(1, 4) + little(1, 4)); }, ""},
      {"another checksum", [](auto& s, auto& p) { put(s, p.central[1] + 16, little(1, 4)); }, ""},
      {"a size of 64 bits that is not there",
       [](auto& s, auto& p) { put(s, p.central[1] + 20, little(0xffffffff, 4)); },
       "lacks its zip64 field"},
      {"another name in the local header", [](auto& s, auto& p) { put(s, p.local[1] + 30, "X"); },
       "another name"},
      {"a shorter name in the local header",
       [](auto& s, auto& p) { put(s, p.local[1] + 26, little(1, 2)); }, "another name"},
      {"a local header elsewhere", [](auto& s, auto& p) { put(s, p.local[1], "PK\5\6"); },
       "there is none"},
      {"an entry's comment", [](auto& s, auto& p) { put(s, p.central[0] + 32, little(1, 2)); },
       "comment"},
      {"an entry on another disk",
       [](auto& s, auto& p) { put(s, p.central[0] + 34, little(1, 2)); }, "another file"},
  };
  return kAll;
}

TEST(ZipForm, ReadsWhatTorchAndPythonWrite) {
  EXPECT_EQ(error_of(torch_archive()), "no error");
  EXPECT_EQ(error_of(plain_archive()), "no error");
}

TEST(ZipForm, RefusesEachDeviationWithItsReason) {
  for (const std::string& good : {torch_archive(), plain_archive()}) {
    for (const Deviation& deviation : deviations()) {
      std::string archive = good;
      deviation.make(archive, Places(good));
      const std::string error = error_of(archive);
      EXPECT_NE(error, "no error") << deviation.name;
      EXPECT_THAT(error, HasSubstr(deviation.reason)) << deviation.name;
    }
  }
}

TEST(ZipForm, RefusesZip64RecordsThatSaySomethingElse) {
  const std::string good = torch_archive();
  const Places p(good);
  const std::vector<Deviation> all = {
      {"a locator that points elsewhere",
       [](auto& s, auto& q) { put(s, q.locator + 8, little(q.end64 - 1, 8)); }, "locator"},
      {"a gap before the end record", [](auto& s, auto& q) { s.insert(q.end, 4, '\0'); }, ""},
      {"a gap before the locator", [](auto& s, auto& q) { s.insert(q.locator, 4, '\0'); },
       "locator"},
      {"a gap before the zip64 record",
       [](auto& s, auto& q) {
         s.insert(q.end64, 4, '\0');
         put(s, q.locator + 12, little(q.end64 + 4, 8));
       },
       "not what ends at"},
      {"more in the zip64 record", [](auto& s, auto& q) { put(s, q.end64 + 4, little(45, 8)); },
       "not one that can be read"},
      {"another directory", [](auto& s, auto& q) { put(s, q.end64 + 48, little(0, 8)); },
       "two directories"},
      {"another count", [](auto& s, auto& q) { put(s, q.end64 + 24, little(1, 8) + little(1, 8)); },
       "two directories"},
      {"a directory in the zip64 record alone",
       [](auto& s, auto& q) { put(s, q.end + 16, little(0xffffffff, 4)); }, "two directories"},
      {"no locator", [](auto& s, auto& q) { put(s, q.locator, "none"); }, "not what ends at"},
  };
  for (const Deviation& deviation : all) {
    std::string archive = good;
    deviation.make(archive, p);
    const std::string error = error_of(archive);
    EXPECT_NE(error, "no error") << deviation.name;
    EXPECT_THAT(error, HasSubstr(deviation.reason)) << deviation.name;
  }
}

TEST(ZipForm, RefusesNamesThatLeadElsewhere) {
  for (const std::string name :
       {"/a", "../a", "a/../b", "a/..", "./a", "a//b", "a\\b", "..\\a", "..", ".", "C:\\a"}) {
    EXPECT_NE(error_of(TestZip::make({{name, "x"}})), "no error") << name;
  }
  EXPECT_THAT(error_of(TestZip::make({{"a\nb", "x"}})), HasSubstr("control characters"));
  EXPECT_THAT(error_of(TestZip::make({{std::string("a\0b", 3), "x"}})),
              HasSubstr("control characters"));
  EXPECT_THAT(error_of(TestZip::make({{"", "x"}})), HasSubstr("has no name"));
  EXPECT_THAT(error_of(TestZip::make({{std::string(5000, 'a'), "x"}})), HasSubstr("5000 bytes"));
  for (const std::string name : {"a", "a/b", ".data/a", "a..b", "...", "\xc3\xa4/\xe6\xbc\xa2"}) {
    EXPECT_EQ(error_of(TestZip::make({{name, "x"}})), "no error") << name;
  }
  EXPECT_EQ(error_of(TestZip::make({{"a/", ""}, {"a/b", "x"}})), "no error");
  EXPECT_THAT(error_of(TestZip::make({{"a/", "x"}})), HasSubstr("folder that holds data"));
}

TEST(ZipForm, RefusesNamesThatDifferInCaseOnly) {
  EXPECT_THAT(error_of(TestZip::make({{"r/data.pkl", "1"}, {"r/x", ""}, {"R/Data.pkl", "2"}})),
              HasSubstr("upper and lower case only"));
  EXPECT_THAT(error_of(TestZip::make({{"a", "1"}, {"b", ""}, {"a", "2"}})), HasSubstr("twice"));
}

// A byte changed anywhere outside of the data: refused, or nothing else is read than before.
TEST(ZipForm, OneChangedByteNeverMakesAnotherDirectory) {
  for (const std::string& good : {torch_archive(), plain_archive()}) {
    auto before = Zip::open(bytes_of(good));
    ASSERT_TRUE(before.ok());
    const auto is_data = [&](size_t at) {
      for (const ZipEntry& e : before->entries()) {
        if (at >= e.offset && at < e.offset + e.stored_size) return true;
      }
      return false;
    };
    for (size_t at = 0; at < good.size(); ++at) {
      if (is_data(at)) continue;
      for (int change : {1, 2, 8, 0x20, 0x80, 0xff}) {
        std::string archive = good;
        archive[at] = static_cast<char>(archive[at] ^ change);
        auto after = Zip::open(bytes_of(archive));
        if (!after.ok()) continue;
        ASSERT_EQ(after->entries().size(), before->entries().size()) << at;
        for (size_t i = 0; i < after->entries().size(); ++i) {
          const ZipEntry& a = after->entries()[i];
          const ZipEntry& b = before->entries()[i];
          ASSERT_TRUE(a.name == b.name && a.stored == b.stored && a.offset == b.offset &&
                      a.stored_size == b.stored_size && a.size == b.size && a.crc == b.crc)
              << "byte " << at << " changed by " << change << ", entry `" << b.name << "`";
        }
      }
    }
  }
}

TEST(ZipForm, BytesCutOutOrPutInAreRefused) {
  for (const std::string& good : {torch_archive(), plain_archive()}) {
    for (size_t at = 0; at < good.size(); at += 1 + good.size() / 1500) {
      std::string longer = good;
      longer.insert(at, 1, 'P');
      EXPECT_NE(error_of(longer), "no error") << at;
      std::string shorter = good;
      shorter.erase(at, 1);
      EXPECT_NE(error_of(shorter), "no error") << at;
      EXPECT_NE(error_of(good.substr(0, at)), "no error") << at;
    }
  }
}

TEST(ZipHold, WhatIsHeldStaysWhenTheFileChanges) {
  std::string text = plain_archive();
  // A file that somebody writes to while it is mapped.
  class Changing final : public Storage {
   public:
    explicit Changing(std::string& text) : text_(text) {}
    size_t size() const override { return text_.size(); }
    std::span<const std::byte> view() const override { return std::as_bytes(std::span(text_)); }
    void read(size_t offset, std::span<std::byte> out) const override {
      std::memcpy(out.data(), text_.data() + offset, out.size());
    }

   private:
    std::string& text_;
  };
  auto zip = Zip::open(std::make_shared<Changing>(text));
  ASSERT_TRUE(zip.ok());
  const ZipEntry& entry = *zip->find("r/a");
  const ZipEntry& weight = *zip->find("r/data/0");
  ASSERT_TRUE(zip->hold(entry).ok());
  auto archive = repack(*zip, {&entry, &weight});
  ASSERT_TRUE(archive.ok());
  std::fill(text.begin(), text.end(), '!');
  EXPECT_EQ(text_of(**zip->read(entry, Zip::Crc::kSkip)), "hello");
  // The archive made of it is a good one, and says what was looked at. A weight is only data.
  const std::string made = text_of(**archive);
  auto again = Zip::open(bytes_of(made));
  ASSERT_TRUE(again.ok()) << again.error().str();
  ASSERT_EQ(again->entries().size(), 2U);
  EXPECT_EQ(text_of(**again->read(*again->find("r/a"), Zip::Crc::kCheck)), "hello");
  EXPECT_EQ(text_of(**again->read(*again->find("r/data/0"), Zip::Crc::kSkip)),
            std::string(100, '!'));
  // Any part of it can be read by itself.
  for (size_t at = 0; at < made.size(); at += 7) {
    std::string part(std::min<size_t>(40, made.size() - at), '\0');
    (*archive)->read(at, std::as_writable_bytes(std::span(part)));
    EXPECT_EQ(part, made.substr(at, part.size())) << at;
  }
}

TEST(ZipHold, ADamagedEntryIsNotHeld) {
  std::string text = plain_archive();
  text[text.find("hello")] = 'H';
  auto zip = Zip::open(bytes_of(text));
  ASSERT_TRUE(zip.ok());
  auto status = zip->hold(*zip->find("r/a"));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().str(), HasSubstr("checksum"));
}

TEST(ZipForm, ManyEntriesTakeLinearTime) {
  std::vector<TestEntry> entries;
  for (int i = 0; i < 60'000; ++i) entries.push_back({"r/data/" + std::to_string(i), ""});
  auto zip = Zip::open(bytes_of(TestZip::make(entries)));
  ASSERT_TRUE(zip.ok()) << zip.error().str();
  EXPECT_EQ(zip->entries().size(), 60'000U);
  EXPECT_NE(zip->find("r/data/59999"), nullptr);
  EXPECT_EQ(zip->find("r/DATA/59999"), nullptr);
}

}  // namespace
}  // namespace onnxport::formats
