// The programs that the reader makes of the .pt2 fixtures, run by libtorch, give what the original
// models gave in Python: in-place calls, views, weights and outputs are all where they belong.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "formats/json.h"
#include "libtorch/plugin.h"
#include "read/pt2.h"

namespace onnxport::verify {
namespace {

namespace fs = std::filesystem;
using formats::JsonArray;
using formats::JsonObject;
using formats::JsonValue;

const fs::path kFixtures = fs::path(ONNXPORT_FIXTURES) / "pt2";

std::vector<fs::path> fixtures() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(kFixtures)) {
    const std::string stem = entry.path().stem().string();
    // training draws on batch statistics, cond and overlapping are refused later or earlier.
    if (stem == "training" || stem == "cond" || stem == "overlapping") continue;
    if (entry.path().extension() == ".pt2") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

DType dtype_named(std::string_view text) {
  for (int i = 1; i <= 23; ++i) {
    if (text == name(static_cast<DType>(i))) return static_cast<DType>(i);
  }
  return DType::kUndefined;
}

Result<std::vector<Tensor>> tensors(JsonObject root, std::string_view field) {
  std::vector<Tensor> out;
  TRY_ASSIGN(JsonArray list, formats::array_field(root, field));
  for (JsonValue value : list) {
    TRY_ASSIGN(JsonObject object, formats::json_object(value, field));
    TRY_ASSIGN(std::string_view dtype, formats::string_field(object, "dtype"));
    TRY_ASSIGN(JsonArray shape, formats::array_field(object, "shape"));
    TRY_ASSIGN(JsonArray data, formats::array_field(object, "data"));
    std::vector<int64_t> dims;
    for (JsonValue d : shape) dims.push_back(d.get_int64().value());
    std::vector<double> numbers;
    for (JsonValue d : data) numbers.push_back(d.get_double().value());
    Tensor wide = Tensor::of(DType::kDouble, dims, numbers);
    Tensor cast = wide.cast(dtype_named(dtype));
    out.push_back(Tensor::owned(cast.dtype, dims, cast.bytes()));
  }
  return out;
}

class FixtureReference : public testing::TestWithParam<fs::path> {};

TEST_P(FixtureReference, ComputesWhatTheModelComputed) {
  auto reference = libtorch::load_plugin();
  if (!reference.ok()) GTEST_SKIP() << reference.error().str();
  auto program = read::read_pt2(GetParam().string());
  ASSERT_TRUE(program.ok()) << program.error().str();
  auto text = read_file(fs::path(GetParam()).replace_extension(".json").string());
  ASSERT_TRUE(text.ok()) << text.error().str();
  auto json = formats::Json::parse(*text);
  ASSERT_TRUE(json.ok()) << json.error().str();
  auto inputs = tensors(JsonObject(json->root()), "inputs");
  auto expected = tensors(JsonObject(json->root()), "outputs");
  ASSERT_TRUE(inputs.ok() && expected.ok());
  auto got = (*reference)->run(*program, *inputs, {});
  ASSERT_TRUE(got.ok()) << got.error().str() << "\n" << aten::dump(*program);
  ASSERT_EQ(got->size(), expected->size());
  for (size_t i = 0; i < got->size(); ++i) {
    EXPECT_EQ((*got)[i].dtype, (*expected)[i].dtype) << "output " << i;
    ASSERT_EQ((*got)[i].dims, (*expected)[i].dims) << "output " << i;
    std::vector<double> a = (*got)[i].as_doubles();
    std::vector<double> b = (*expected)[i].as_doubles();
    for (size_t j = 0; j < a.size(); ++j) {
      ASSERT_NEAR(a[j], b[j], 1e-5 * (1 + std::abs(b[j])))
          << "output " << i << " element " << j << "\n"
          << aten::dump(*program);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Pt2, FixtureReference, testing::ValuesIn(fixtures()),
                         [](const auto& info) {
                           std::string name = info.param.parent_path().filename().string() + "_" +
                                              info.param.stem().string();
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace onnxport::verify
