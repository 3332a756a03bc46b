#include "base/printable.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace onnxport {
namespace {

struct Row {
  std::string text;
  std::string line;
};

std::string in_words(const testing::TestParamInfo<Row>& info) { return std::to_string(info.index); }

class Printable : public testing::TestWithParam<Row> {};

TEST_P(Printable, IsOneLineAndStaysAsItIs) {
  const auto& [text, line] = GetParam();
  EXPECT_EQ(printable_line(text), line);
  EXPECT_EQ(printable_line(line), line);
}

INSTANTIATE_TEST_SUITE_P(
    Lines, Printable,
    testing::Values(
        Row{"layer1.0.conv1.weight", "layer1.0.conv1.weight"},
        Row{"größe 大小 ✓ 😀 \\n", "größe 大小 ✓ 😀 \\n"}, Row{"", ""},
        Row{"\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"}, Row{"a\rPassed", "a\\rPassed"},
        Row{"a\nPassed ✓  m.onnx", "a\\nPassed ✓  m.onnx"}, Row{"a\tb\a\b", "a\\tb\\x07\\x08"},
        Row{std::string("a\0b", 3), "a\\x00b"}, Row{"\x7f", "\\x7f"},
        Row{"\xc2\x9b\x33\x31m", "\\u009b31m"},  // CSI of C1, as UTF-8
        Row{"\x9b\x33\x31m", "\\x9b31m"},        // and as a byte
        Row{"exe.\u202Efdp", "exe.\\u202efdp"},  // turned around
        Row{"\u2066a\u2069\u200F\u061C", "\\u2066a\\u2069\\u200f\\u061c"},
        Row{"a\u2028b\u0085\u00AD", "a\\u2028b\\u0085\\u00ad"},
        Row{"a\u200Bb\uFEFF\uFE0F", "a\\u200bb\\ufeff\\ufe0f"},
        Row{"\U000E0041\U0010FFFF", "\\U000e0041\\U0010ffff"},     // tags, the last of private use
        Row{"\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf"},  // overlong
        Row{"\xed\xa0\x80", "\\xed\\xa0\\x80"},                    // a surrogate
        Row{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},           // above U+10FFFF
        Row{"\xe2\x9c", "\\xe2\\x9c"}, Row{"\xff\xfe", "\\xff\\xfe"}),
    in_words);

TEST(PrintableLine, IsCutBetweenCharactersAndOnlyOnce) {
  const std::string cut = printable_line("ää" + std::string(8'000'000, 'x'), 3);
  EXPECT_EQ(cut, "ä... (8000002 bytes more)");
  EXPECT_EQ(printable_line(cut, 3), cut);
  EXPECT_EQ(printable_line("\x1b\x1b", 4), "\\x1b... (1 bytes more)");
  EXPECT_EQ(printable_line(std::string(kMostOfName, 'x')), std::string(kMostOfName, 'x'));
  // Only the end of a cut is believed to be one.
  const std::string forged = std::string(5000, 'x') + "... (5 bytes more)";
  EXPECT_LT(printable_line(forged).size(), kMostOfName + 30);
}

TEST(PrintableMessage, KeepsOwnLinesAndIndentsOthers) {
  const std::string own = "2 operators\n  aten::foo  1x\n    at model.py:3\n\n  In Python:";
  EXPECT_EQ(printable_message(own), own);
  const std::string forged = printable_message("a name\nPassed ✓\n error: x\n\nok\n");
  EXPECT_EQ(forged, "a name\n  Passed ✓\n  error: x\n\n  ok\n");
  EXPECT_EQ(printable_message(forged), forged);
  EXPECT_EQ(printable_message("a\r\nb\x1b[A"), "a\\r\n  b\\x1b[A");
  EXPECT_LT(printable_message(std::string(8'000'000, 'x')).size(), kMostOfMessage + 40);
}

TEST(PrintablePage, KeepsWhatIsLaidOut) {
  const std::string page = "Passed ✓  m.onnx\n\tin   x\nnext\n" + std::string(100'000, 'y');
  EXPECT_EQ(printable_page(page), page);
  EXPECT_EQ(printable_page("a\x1b[0m\u202E\n"), "a\\x1b[0m\\u202e\n");
}

TEST(PrintableJson, MeansTheSameAndActsOnNothing) {
  const std::string text = "a\u202Eb\u009B\u007F\U000E0041\n\x1b ✓";
  const nlohmann::json json = {{"k\u200F", text}};
  const std::string printed = printable_json(json.dump());
  EXPECT_EQ(nlohmann::json::parse(printed), json);
  for (const char* raw : {"\u202E", "\u009B", "\x7f", "\U000E0041", "\x1b", "\u200F"}) {
    EXPECT_EQ(printed.find(raw), std::string::npos) << printed;
  }
  EXPECT_NE(printed.find("\\u202e"), std::string::npos) << printed;
  EXPECT_NE(printed.find("\\udb40\\udc41"), std::string::npos) << printed;
}

TEST(ValidUtf8, ShowsTheBytesThatAreNone) {
  EXPECT_EQ(valid_utf8("a\xff\x1b✓\n"), "a\\xff\x1b✓\n");
  EXPECT_EQ(valid_utf8("äää", 5), "ää... (2 bytes more)");
}

}  // namespace
}  // namespace onnxport
