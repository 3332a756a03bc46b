#include "verify/slices.h"

#include <gtest/gtest.h>

namespace onnxport::verify {
namespace {

Tensor matrix(int64_t height, const std::vector<float>& values) {
  return Tensor::of(DType::kFloat, {height, static_cast<int64_t>(values.size()) / height}, values);
}

// Doubles its input, which must have two rows; counts its runs.
class Doubling final : public libtorch::Plugin {
 public:
  Result<std::vector<Tensor>> run(const aten::Program&, const std::vector<Tensor>& inputs,
                                  const libtorch::RunOptions&) override {
    ++runs;
    EXPECT_EQ(inputs[0].dims[0], 2);
    auto values = inputs[0].values<float>();
    for (float& x : values) x *= 2;
    return std::vector<Tensor>{Tensor::of(DType::kFloat, inputs[0].dims, values)};
  }
  std::string version() const override { return "test"; }
  Result<std::string> schema(const std::string&) const override { return Error{"none", ""}; }
  std::vector<std::string> all_schemas() const override { return {}; }
  Result<aten::Program> read_script(const std::string&, const libtorch::ScriptOptions&) override {
    return Error{"none", ""};
  }
  Result<std::unique_ptr<libtorch::Module>> load_script(const std::string&,
                                                        const libtorch::ScriptOptions&) override {
    return Error{"none", ""};
  }
  int runs = 0;
};

TEST(Rows, RepeatTheLastOnePastTheEnd) {
  EXPECT_EQ(rows(matrix(3, {1, 2, 3, 4, 5, 6}), 1, 3).values<float>(),
            (std::vector<float>{3, 4, 5, 6, 5, 6}));
}

TEST(Concatenate, AddsUpAxisZero) {
  Tensor both = concatenate({matrix(1, {1, 2}), matrix(2, {3, 4, 5, 6})});
  EXPECT_EQ(both.dims, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(both.values<float>(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(RunInSlices, FillsUpTheLastSliceAndDropsWhatWasFilledIn) {
  aten::Program program;
  program.outputs.resize(1);
  Doubling doubling;
  auto out = run_in_slices(program, doubling, {matrix(3, {1, 2, 3, 4, 5, 6})}, 2);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(doubling.runs, 2);
  EXPECT_EQ((*out)[0].dims, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ((*out)[0].values<float>(), (std::vector<float>{2, 4, 6, 8, 10, 12}));
}

}  // namespace
}  // namespace onnxport::verify
