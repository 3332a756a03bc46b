#include "options/table.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "options/document.h"

namespace onnxport::options {
namespace {

TEST(Table, ARowIsWholeAndIsTheOnlyOneOfItsName) {
  for (Command command : {kExport, kVerify, kCheck, kInspect, kSimplify}) {
    std::set<std::string> flags, keys;
    for (const Option* row : rows_of(command)) {
      EXPECT_NE(std::string(row->flag), "") << row->key;
      EXPECT_NE(std::string(row->help), "") << row->flag;
      EXPECT_TRUE(flags.insert(spelled(*row)).second) << row->flag;
      if (*row->key != '\0') EXPECT_TRUE(keys.insert(row->key).second) << row->key;
    }
  }
}

TEST(Table, AFlagSaysWhatIsNotTheDefault) {
  for (const Option& row : table()) {
    const auto* at = std::get_if<Member<bool>>(&row.value);
    Settings settings;
    if (at != nullptr) EXPECT_EQ((*at)(settings), turns_off(row)) << row.flag;
  }
}

TEST(Table, TheDefaultsPassTheirOwnCheck) {
  for (Command command : {kExport, kVerify, kInspect, kSimplify}) {
    Settings settings;
    const auto error = check(settings, command);
    EXPECT_FALSE(error) << error->text();
  }
}

TEST(Table, EveryNumberHasLimits) {
  for (const Option& row : table()) {
    const bool number = std::holds_alternative<Member<int>>(row.value) ||
                        std::holds_alternative<Member<int64_t>>(row.value) ||
                        std::holds_alternative<Member<double>>(row.value);
    if (number) EXPECT_GT(row.limits.low, -1e9) << row.flag;
  }
}

TEST(Table, NamesOfAnOption) {
  const Option output{.flag = "-o,--output", .value = Member<std::string>(nullptr)};
  EXPECT_EQ(spelled(output), "--output");
  EXPECT_EQ(long_name(output), "output");
  const Option off{.flag = "--no-check", .value = Member<bool>(nullptr)};
  EXPECT_TRUE(turns_off(off));
  EXPECT_EQ(long_name(off), "check");
}

TEST(ReadTexts, SaysWhatIsNotANumber) {
  Settings settings;
  for (const Option* row : rows_of(kExport)) {
    if (std::string(row->flag) != "--seeds") continue;
    EXPECT_EQ(read_texts(*row, {"2.5"}, settings).error().str(), "`2.5` is not a whole number");
    EXPECT_TRUE(read_texts(*row, {"7"}, settings).ok());
  }
  EXPECT_EQ(settings.config.seeds, 7);
}

TEST(CheckedOptions, NamesAnOptionWithoutAKeyByItsFlag) {
  Settings settings;
  settings.report_path = "report.txt";
  const auto error = check(settings, kExport);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->text(), "--report: name a file that ends in .json or .html, not `report.txt`");
  EXPECT_FALSE(check(settings, kInspect)) << "which has no --report";
}

TEST(Document, TheSchemaHasEveryKey) {
  const auto json = nlohmann::json::parse(schema());
  const auto& of_export = json["$defs"]["export"]["properties"];
  for (const Option* row : rows_of(kOfExport)) {
    if (*row->key != '\0') EXPECT_TRUE(of_export.contains(row->key)) << row->key;
  }
  EXPECT_EQ(of_export["opset_version"]["maximum"], newest_opset());
  EXPECT_EQ(of_export["tolerance"]["minimum"], 0);
  EXPECT_FALSE(of_export["tolerance"].contains("maximum"));
  EXPECT_EQ(of_export["simplify"]["default"], true);
}

TEST(Document, ThePageHasEveryOption) {
  const std::string text = page();
  for (const Option& row : table()) {
    EXPECT_NE(text.find(spelled(row)), std::string::npos) << row.flag;
  }
}

}  // namespace
}  // namespace onnxport::options
