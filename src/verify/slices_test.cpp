#include "verify/slices.h"

#include <gtest/gtest.h>

namespace onnxport::verify {
namespace {

Tensor matrix(int64_t height, const std::vector<float>& values) {
  return Tensor::of(DType::kFloat, {height, static_cast<int64_t>(values.size()) / height}, values);
}

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
  int runs = 0;
  // Doubles its input, which must have two rows.
  auto doubling = [&](const std::vector<Tensor>& inputs) -> Result<std::vector<Tensor>> {
    ++runs;
    EXPECT_EQ(inputs[0].dims[0], 2);
    auto values = inputs[0].values<float>();
    for (float& x : values) x *= 2;
    return std::vector<Tensor>{Tensor::of(DType::kFloat, inputs[0].dims, values)};
  };
  auto out = run_in_slices(doubling, {matrix(3, {1, 2, 3, 4, 5, 6})}, 2);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(runs, 2);
  EXPECT_EQ((*out)[0].dims, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ((*out)[0].values<float>(), (std::vector<float>{2, 4, 6, 8, 10, 12}));
}

}  // namespace
}  // namespace onnxport::verify
