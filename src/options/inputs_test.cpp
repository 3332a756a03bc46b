#include "options/inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "options/input_forms.h"

namespace onnxport::options {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Sizes = std::vector<int64_t>;
using Axes = std::map<int, std::string>;

const std::vector<std::string> kNames = {"image", "mask"};  // in the file
const std::vector<std::string> kOwn = {"x", "m"};           // of forward()

std::string refusal(const std::vector<InputSpec>& specs) {
  auto found = for_inputs(specs, kNames, kOwn);
  return found.ok() ? "" : found.error().str();
}

TEST(ForInputs, FindsThemByEitherNameAndByPosition) {
  auto found = for_inputs({{.name = "m", .sizes = Sizes{1}},
                           {.name = "", .axes = Axes{{0, "n"}}},
                           {.name = "image", .sizes = Sizes{2}}},
                          kNames, kOwn);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ((*found)[0], (InputSpec{.name = "image", .sizes = Sizes{2}, .axes = Axes{{0, "n"}}}));
  EXPECT_EQ((*found)[1], (InputSpec{.name = "mask", .sizes = Sizes{1}}));
}

TEST(ForInputs, RefusesAnUnknownNameWithTheOptionAndTheKnownOnes) {
  EXPECT_EQ(refusal({{.name = "img", .sizes = Sizes{1}}}),
            "--input-shape: the model has no input `img`; its inputs are: image, mask");
  EXPECT_THAT(refusal({{.name = "img", .range = ValueRange{0, 1}}}), HasSubstr("--input-range: "));
  EXPECT_THAT(refusal({{.name = "img", .axes = Axes{{0, "n"}}}}), HasSubstr("--dynamic-axes: "));
}

TEST(ForInputs, RefusesAPositionThatThereIsNot) {
  const InputSpec one{.name = "", .sizes = Sizes{1}};
  EXPECT_EQ(refusal({one, one}), "");
  EXPECT_EQ(refusal({one, one, one}),
            "--input-shape: 3 inputs are given by position, the model has 2: image, mask");
}

TEST(ForInputs, RefusesTheSameThingTwice) {
  EXPECT_THAT(refusal({{.name = "", .sizes = Sizes{1}}, {.name = "image", .sizes = Sizes{2}}}),
              HasSubstr("--input-shape: input `image` is given twice"));
  EXPECT_THAT(refusal({{.name = "x", .range = ValueRange{0, 1}},
                       {.name = "image", .range = ValueRange{0, 2}}}),
              HasSubstr("--input-range: input `image` is given twice"));
}

TEST(ForInputs, LeavesTypesAndValuesToTheReader) {
  EXPECT_EQ(refusal({{.name = "rate", .value = int64_t{16000}}}), "");
}

TEST(InputAt, CountsThoseWithoutAName) {
  std::vector<InputSpec> inputs = {{.name = "a"}};
  input_at(inputs, 1).type = "int64";
  EXPECT_THAT(inputs, ElementsAre(InputSpec{.name = "a"}, InputSpec{},
                                  InputSpec{.name = "", .type = "int64"}));
  input_at(inputs, 0).type = "int8";
  EXPECT_EQ(inputs[1].type, "int8");
}

TEST(DropEmpty, KeepsWhatOthersAreCountedBy) {
  std::vector<InputSpec> inputs = {{.name = "a"}, {}, {.name = "", .type = "int64"}, {}};
  drop_empty(inputs);
  EXPECT_THAT(inputs, ElementsAre(InputSpec{}, InputSpec{.name = "", .type = "int64"}));
}

class Forms : public testing::Test {
 protected:
  using FromTexts = Status (*)(const Texts&, Settings&);
  std::string read(FromTexts from, const Texts& texts) {
    Status status = from(texts, settings_);
    return status.ok() ? "" : status.error().str();
  }
  const std::vector<InputSpec>& inputs() const { return settings_.config.inputs; }
  Settings settings_;
};

TEST_F(Forms, Shapes) {
  EXPECT_EQ(read(shapes_from_texts, {"1,3", "mask: 2", "4"}), "");
  EXPECT_THAT(inputs(), ElementsAre(InputSpec{.name = "", .sizes = Sizes{1, 3}},
                                    InputSpec{.name = "mask", .sizes = Sizes{2}},
                                    InputSpec{.name = "", .sizes = Sizes{4}}));
  EXPECT_EQ(read(shapes_from_texts, {"5"}), "") << "takes the place of what was there";
  EXPECT_THAT(inputs(), ElementsAre(InputSpec{.name = "", .sizes = Sizes{5}}));
  EXPECT_EQ(read(shapes_from_texts, {"1,x"}),
            "1,x: `x` is not a size; write 1,3,224,224 or name:1,3,224,224");
  EXPECT_THAT(read(shapes_from_texts, {"1,-1"}), HasSubstr("`-1` is not a size"));
  EXPECT_THAT(read(shapes_from_texts, {"a:1", "a:2"}), HasSubstr("`a` is given two shapes"));
}

TEST_F(Forms, AxesAsTextsAndAsJson) {
  const Axes axes{{0, "n"}, {-1, "width"}};
  EXPECT_EQ(read(axes_from_texts, {"x:0=n,-1=width;mask:0=n"}), "");
  EXPECT_THAT(inputs(), ElementsAre(InputSpec{.name = "x", .axes = axes},
                                    InputSpec{.name = "mask", .axes = Axes{{0, "n"}}}));
  EXPECT_EQ(read(axes_from_texts, {R"({"x": {"0": "n", "-1": "width"}})"}), "");
  EXPECT_THAT(inputs(), ElementsAre(InputSpec{.name = "x", .axes = axes}));
  EXPECT_THAT(read(axes_from_texts, {"x:batch=n"}), HasSubstr("write input:0=batch_size"));
  EXPECT_THAT(read(axes_from_texts, {R"({"x": {"batch": "n"}})"}),
              HasSubstr("`batch` is not an axis"));
  EXPECT_THAT(read(axes_from_texts, {"x:0=n", "x:0=m"}), HasSubstr("two names, `n` and `m`"));
}

TEST_F(Forms, Values) {
  EXPECT_EQ(read(values_from_texts, {"a=3", "b=0.5", "c=true", "d='3'", "e=mean"}), "");
  EXPECT_EQ(inputs()[0].value->index(), 1);
  EXPECT_EQ(std::get<double>(*inputs()[1].value), 0.5);
  EXPECT_TRUE(std::get<bool>(*inputs()[2].value));
  EXPECT_EQ(std::get<std::string>(*inputs()[3].value), "3");
  EXPECT_EQ(std::get<std::string>(*inputs()[4].value), "mean");
  EXPECT_EQ(read(values_from_texts, {"=3"}), "=3: write name=16000");
  EXPECT_THAT(read(values_from_texts, {"a=3", "a=4"}), HasSubstr("`a` is given twice"));
}

TEST_F(Forms, Ranges) {
  EXPECT_EQ(read(ranges_from_texts, {"ids=0..9", "x=-1.5..1e3"}), "");
  EXPECT_EQ(inputs()[0].range, (ValueRange{0, 9}));
  EXPECT_EQ(inputs()[1].range, (ValueRange{-1.5, 1e3}));
  EXPECT_EQ(read(ranges_from_texts, {"ids=0-9"}), "ids=0-9: write name=0..9");
  EXPECT_EQ(read(ranges_from_texts, {"ids=9..0"}), "");
  EXPECT_EQ(check_ranges(settings_).error().str(),
            "input `ids`: the range 9..0 has its low end above its high one");
}

TEST_F(Forms, NamesAreByPosition) {
  EXPECT_EQ(read(names_from_texts, {"a, b"}), "");
  EXPECT_THAT(inputs(), ElementsAre(InputSpec{.name = "", .new_name = "a"},
                                    InputSpec{.name = "", .new_name = "b"}));
  EXPECT_THAT(read(names_from_texts, {"a,"}), HasSubstr("empty name"));
}

TEST_F(Forms, Growth) {
  EXPECT_EQ(read(growth_from_texts, {"1M"}), "");
  EXPECT_EQ(settings_.simplify.max_growth_bytes, 1 << 20);
  EXPECT_THAT(read(growth_from_texts, {"1G"}), HasSubstr("write a number of bytes"));
  EXPECT_THAT(read(growth_from_texts, {"-1"}), HasSubstr("write a number of bytes"));
}

}  // namespace
}  // namespace onnxport::options
