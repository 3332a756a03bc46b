#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <span>

#include "formats/json.h"
#include "formats/pickle.h"
#include "formats/slice.h"
#include "formats/strided.h"
#include "formats/torch_save.h"
#include "formats/zip.h"
#include "formats/zip_for_tests.h"

namespace onnxport::formats {
namespace {

using testing::HasSubstr;

// --- zip
// ------------------------------------------------------------------------------------------

std::string deflated(const std::string& text) {
  std::string out(text.size() + 64, '\0');
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TestEntry deflated_entry(const std::string& name, const std::string& text) {
  TestEntry e;
  e.name = name;
  e.content = deflated(text);
  e.method = 8;
  e.claimed_size = static_cast<int64_t>(text.size());
  e.claimed_crc = static_cast<int64_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  return e;
}

TEST(Zip, StoredEntriesAreViewsAndDeflatedOnesAreInflated) {
  const std::string big(100'000, 'x');
  auto whole = bytes_of(TestZip::make({{"a", "hello"}, deflated_entry("b", big), {"empty", ""}}));
  auto zip = Zip::open(whole);
  ASSERT_TRUE(zip.ok()) << zip.error().str();
  auto a = zip->read(*zip->find("a"), Zip::Crc::kCheck);
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(text_of(**a), "hello");
  EXPECT_GE((*a)->view().data(), whole->view().data());
  EXPECT_LT((*a)->view().data(), whole->view().data() + whole->size());
  auto b = zip->read(*zip->find("b"), Zip::Crc::kCheck);
  ASSERT_TRUE(b.ok()) << b.error().str();
  EXPECT_EQ(text_of(**b), big);
  EXPECT_EQ((*zip->read(*zip->find("empty"), Zip::Crc::kCheck))->size(), 0U);
  EXPECT_EQ(zip->find("c"), nullptr);
}

TEST(Zip, DeflatedEntryMustBeWhatItClaims) {
  const std::string text(1000, 'x');
  for (int64_t claim : {int64_t{999}, int64_t{1001}, int64_t{0}}) {
    TestEntry e = deflated_entry("b", text);
    e.claimed_size = claim;
    auto zip = Zip::open(bytes_of(TestZip::make({e})));
    ASSERT_TRUE(zip.ok());
    EXPECT_FALSE(zip->read(*zip->find("b"), Zip::Crc::kSkip).ok()) << claim;
  }
  TestEntry cut = deflated_entry("b", text);
  cut.content.resize(cut.content.size() / 2);
  auto zip = Zip::open(bytes_of(TestZip::make({cut})));
  ASSERT_TRUE(zip.ok());
  EXPECT_FALSE(zip->read(*zip->find("b"), Zip::Crc::kSkip).ok());
}

TEST(Zip, LimitsInflationAndEntries) {
  ZipLimits limits;
  limits.max_inflated = 999;
  auto zip =
      Zip::open(bytes_of(TestZip::make({deflated_entry("b", std::string(1000, 'x'))})), limits);
  ASSERT_TRUE(zip.ok());
  auto b = zip->read(*zip->find("b"), Zip::Crc::kSkip);
  ASSERT_FALSE(b.ok());
  EXPECT_THAT(b.error().str(), HasSubstr("more than the limit of 999"));
  limits.max_entries = 1;
  EXPECT_FALSE(Zip::open(bytes_of(TestZip::make({{"a", ""}, {"b", ""}})), limits).ok());
}

TEST(Zip, RefusesNamesThatAreThereTwice) {
  auto zip = Zip::open(bytes_of(TestZip::make({{"a", "1"}, {"a", "2"}})));
  ASSERT_FALSE(zip.ok());
  EXPECT_THAT(zip.error().str(), HasSubstr("twice"));
}

TEST(Zip, RefusesAnEmptyArchive) { EXPECT_FALSE(Zip::open(bytes_of(TestZip::make({}))).ok()); }

// --- JSON
// -----------------------------------------------------------------------------------------

TEST(Json, DepthAndSizeAreLimited) {
  EXPECT_TRUE(Json::parse("[[1]]", {100, 8}).ok());
  EXPECT_FALSE(Json::parse(std::string(20, '[') + std::string(20, ']'), {100, 8}).ok());
  EXPECT_FALSE(Json::parse("[1, 2, 3]", {5, 8}).ok());
  EXPECT_FALSE(Json::parse("").ok());
  EXPECT_FALSE(Json::parse("{\"a\": }").ok());
}

TEST(Json, FieldsSayWhatIsWrong) {
  auto json = Json::parse(R"({"a": {"as_int": 3, "as_float": null}, "b": "Infinity", "c": {}})");
  ASSERT_TRUE(json.ok());
  JsonObject root(json->root());
  auto missing = string_field(root, "nobody");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().str(), HasSubstr("`nobody` is missing"));
  auto wrong = int_field(root, "b");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().str(), HasSubstr("`b` should be an integer, but is \"Infinity\""));
  EXPECT_EQ(json_union(*json_field(root, "a"), "a")->tag, "as_int");
  EXPECT_FALSE(json_union(*json_field(root, "c"), "c").ok());
  EXPECT_TRUE(std::isinf(*json_double(*json_field(root, "b"), "b")));
}

// --- pickle
// ---------------------------------------------------------------------------------------

Result<Pickle> pickle(const std::string& text) {
  auto storage = bytes_of(text);
  return parse_pickle(storage->view());
}

TEST(Pickle, ReadsPlainData) {
  // pickle.dumps({"a": (1, -2, 3.5), "b": [True, None, "x"]}, protocol=2)
  const char raw[] =
      "\x80\x02}q\x00(X\x01\x00\x00\x00"
      "aq\x01K\x01J\xfe\xff\xff\xffG@\x0c\x00\x00\x00\x00\x00\x00\x87q\x02"
      "X\x01\x00\x00\x00"
      "bq\x03]q\x04(\x88NX\x01\x00\x00\x00xq\x05"
      "eu.";
  auto p = pickle(std::string(raw, sizeof raw - 1));
  ASSERT_TRUE(p.ok()) << p.error().str();
  const PickleObject& top = p->top();
  ASSERT_EQ(top.kind, PickleObject::Kind::kDict);
  ASSERT_EQ(top.items.size(), 4U);
  EXPECT_EQ((*p)[top.items[0]].text, "a");
  const PickleObject& tuple = (*p)[top.items[1]];
  ASSERT_EQ(tuple.items.size(), 3U);
  EXPECT_EQ((*p)[tuple.items[1]].integer, -2);
  EXPECT_EQ((*p)[tuple.items[2]].number, 3.5);
  EXPECT_EQ((*p)[(*p)[top.items[3]].items[2]].text, "x");
}

TEST(Pickle, CallsAreRecordsAndNothingRuns) {
  // os.system("true"), as a pickle that would run it
  auto p = pickle("cos\nsystem\n(S'true'\ntR.");
  ASSERT_TRUE(p.ok()) << p.error().str();
  EXPECT_EQ(p->top().kind, PickleObject::Kind::kCall);
  EXPECT_EQ((*p)[p->top().items[0]].text, "os system");
}

TEST(Pickle, RefusesBrokenOnes) {
  for (const std::string bad : {"",       "\x80",     "(",
                                "t.",     ".",        "0",
                                "h\x05.", "N",        "X\xff\xff\xff\x7f\x61\x62\x63",
                                "s.",     "(u.",      "NNR.",
                                "]N}u.",  "\x95\x01", "I12x\n.",
                                "e.",     "(NNe.",    "b.",
                                "Q.",     "\x93.",    "\xff",
                                "iX\n",   "(e."}) {
    EXPECT_FALSE(pickle(bad).ok()) << testing::PrintToString(bad);
  }
}

TEST(Pickle, DeepNestingIsNoTrouble) {
  std::string text = "]";
  for (int i = 0; i < 200'000; ++i) text += "]";
  for (int i = 0; i < 200'000; ++i) text += "a";
  EXPECT_TRUE(pickle(text + ".").ok());
}

TEST(TorchSave, RefusesWhatIsNoArchive) {
  EXPECT_FALSE(read_saved_dict(bytes_of("nothing")).ok());
  EXPECT_FALSE(read_saved_dict(bytes_of(TestZip::make({{"a", "b"}}))).ok());
  auto list = read_saved_dict(bytes_of(TestZip::make({{"x/data.pkl", "]."}})));
  ASSERT_FALSE(list.ok());
  EXPECT_THAT(list.error().str(), HasSubstr("no dictionary"));
}

TEST(TorchSave, ATensorThatOnlyPythonCanBuildIsNamed) {
  auto saved = read_saved_dict(
      bytes_of(TestZip::make({{"x/data.pkl", "}(S'w'\nctorch._utils\n_rebuild_qtensor\n(tRu."}})));
  ASSERT_FALSE(saved.ok());
  EXPECT_THAT(saved.error().str(),
              testing::AllOf(HasSubstr("_rebuild_qtensor"), HasSubstr("tensor `w`")));
}

// --- strided tensors
// ------------------------------------------------------------------------------

std::shared_ptr<const Storage> floats(int n) {
  std::vector<float> values;
  for (int i = 0; i < n; ++i) values.push_back(static_cast<float>(i));
  std::vector<std::byte> bytes(values.size() * 4);
  if (n > 0) std::memcpy(bytes.data(), values.data(), bytes.size());
  return owned(std::move(bytes));
}

std::vector<double> read(const Strided& layout, int n) {
  auto tensor = strided_tensor(layout, floats(n));
  EXPECT_TRUE(tensor.ok()) << (tensor.ok() ? "" : tensor.error().str());
  return tensor.ok() ? tensor->as_doubles() : std::vector<double>();
}

TEST(Strided, ReadsEveryLayout) {
  using V = std::vector<double>;
  EXPECT_EQ(read({DType::kFloat, {2, 3}, {3, 1}, 0}, 6), (V{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(read({DType::kFloat, {2, 2}, {2, 1}, 2}, 6), (V{2, 3, 4, 5}));
  EXPECT_EQ(read({DType::kFloat, {3, 2}, {1, 3}, 0}, 6), (V{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(read({DType::kFloat, {2, 2}, {4, 2}, 1}, 8), (V{1, 3, 5, 7}));
  EXPECT_EQ(read({DType::kFloat, {2, 3}, {0, 1}, 0}, 3), (V{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(read({DType::kFloat, {2, 1, 3}, {3, 77, 1}, 0}, 6), (V{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(read({DType::kFloat, {}, {}, 4}, 6), V{4});
  EXPECT_EQ(read({DType::kFloat, {0, 3}, {3, 1}, 0}, 0), V{});
}

TEST(Strided, InOrderIsAViewAndTurnedIsLazy) {
  auto storage = floats(6);
  auto in_order = strided_tensor({DType::kFloat, {2, 3}, {3, 1}, 0}, storage);
  ASSERT_TRUE(in_order.ok());
  EXPECT_EQ(in_order->storage->view().data(), storage->view().data());
  auto turned = strided_tensor({DType::kFloat, {3, 2}, {1, 3}, 0}, storage);
  ASSERT_TRUE(turned.ok());
  EXPECT_TRUE(turned->storage->view().empty());
}

TEST(Strided, RefusesWhatLiesOutside) {
  auto outside = [](Strided s) { return !strided_tensor(s, floats(6)).ok(); };
  EXPECT_TRUE(outside({DType::kFloat, {7}, {1}, 0}));
  EXPECT_TRUE(outside({DType::kFloat, {6}, {1}, 1}));
  EXPECT_TRUE(outside({DType::kFloat, {2, 3}, {4, 1}, 0}));
  EXPECT_TRUE(outside({DType::kFloat, {2}, {-1}, 3}));
  EXPECT_TRUE(outside({DType::kFloat, {-2}, {1}, 0}));
  EXPECT_TRUE(outside({DType::kFloat, {2}, {1, 1}, 0}));
  EXPECT_TRUE(outside({DType::kFloat, {2}, {INT64_MAX}, 0}));
  EXPECT_TRUE(outside({DType::kFloat, {2}, {1}, INT64_MAX}));
  EXPECT_TRUE(outside({DType::kFloat, {int64_t{1} << 40, int64_t{1} << 40}, {0, 0}, 0}));
}

TEST(Strided, StridesOfZeroAreLookedUpWhileTheyAreRead) {
  auto huge = strided_tensor({DType::kFloat, {1'000'000, 1'000'000, 3}, {0, 0, 2}, 1}, floats(6));
  ASSERT_TRUE(huge.ok());
  EXPECT_EQ(huge->nbytes(), 12'000'000'000'000U);
  EXPECT_TRUE(huge->storage->view().empty());
  std::array<float, 3> last{};
  huge->storage->read(huge->nbytes() - 12, std::as_writable_bytes(std::span(last)));
  EXPECT_THAT(last, testing::ElementsAre(1, 3, 5));
}

TEST(Strided, WhatIsLookedUpIsWhatIsCopied) {
  const Strided layout{DType::kFloat, {3, 2, 4}, {0, 1, 2}, 1};
  const auto copied = strided_tensor(layout, floats(9));
  const auto lazy = strided_tensor(layout, floats(9), 0);
  ASSERT_TRUE(copied.ok() && lazy.ok());
  EXPECT_FALSE(copied->storage->view().empty());
  ASSERT_TRUE(lazy->storage->view().empty());
  EXPECT_TRUE(same_bytes(*copied, *lazy));
  const std::vector<std::byte> all = copied->bytes();
  for (size_t from = 0; from < all.size(); from += 3) {  // begins and ends within elements
    std::vector<std::byte> part(std::min<size_t>(7, all.size() - from));
    lazy->storage->read(from, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + static_cast<ptrdiff_t>(from)));
  }
}

}  // namespace
}  // namespace onnxport::formats
