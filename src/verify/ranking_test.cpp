#include "verify/ranking.h"

#include <gtest/gtest.h>

namespace onnxport::verify {
namespace {

Tensor scores(const std::vector<float>& values) {
  return Tensor::of(DType::kFloat, {static_cast<int64_t>(values.size())}, values);
}
Tensor labels(const std::vector<int64_t>& values) {
  return Tensor::of(DType::kInt64, {static_cast<int64_t>(values.size())}, values);
}
Tensor boxes(const std::vector<float>& values) {
  return Tensor::of(DType::kFloat, {static_cast<int64_t>(values.size()) / 2, 2}, values);
}

const std::vector<Tensor> kExpected = {boxes({1, 2, 30, 40, 5, 6, 7, 8}),
                                       scores({0.9F, 0.500001F, 0.5F, 0.1F}), labels({1, 2, 3, 4})};

TEST(Ranking, RowsOfNearlyEqualScoresMayChangePlaces) {
  const auto found = reorder(
      {boxes({1, 2, 5, 6, 30, 40, 7, 8}), scores({0.9F, 0.5F, 0.5F, 0.1F}), labels({1, 3, 2, 4})},
      kExpected, 1e-4);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->moved, 2);
  EXPECT_NEAR(found->largest_gap, 1e-6, 1e-7);
  EXPECT_EQ(found->outputs[2].as_ints(), (std::vector<int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(found->outputs[0].as_doubles(), kExpected[0].as_doubles());
}

TEST(Ranking, RowsOfDifferentScoresMayNot) {
  EXPECT_FALSE(reorder({boxes({30, 40, 1, 2, 5, 6, 7, 8}), kExpected[1], labels({2, 1, 3, 4})},
                       kExpected, 1e-4));
}

TEST(Ranking, ARowThatNobodyHasIsNoChangeOfPlaces) {
  EXPECT_FALSE(reorder({boxes({1, 2, 5, 6, 31, 40, 7, 8}), kExpected[1], labels({1, 3, 2, 4})},
                       kExpected, 1e-4));
  // The same row twice, where it is there once.
  EXPECT_FALSE(reorder({boxes({1, 2, 5, 6, 5, 6, 7, 8}), kExpected[1], labels({1, 3, 3, 4})},
                       kExpected, 1e-4));
}

TEST(Ranking, WhatIsInOrderIsLeftAlone) { EXPECT_FALSE(reorder(kExpected, kExpected, 1e-4)); }

TEST(Ranking, ScoresThatDoNotDescendRankNothing) {
  const std::vector<Tensor> expected = {scores({0.5F, 0.500001F, 0.9F}), labels({1, 2, 3})};
  EXPECT_FALSE(reorder({expected[0], labels({2, 1, 3})}, expected, 1e-4));
}

TEST(Ranking, EveryElementOfABatchHasAnOrderOfItsOwn) {
  const Tensor values = Tensor::of<float>(DType::kFloat, {2, 2}, {0.5F, 0.5F, 0.5F, 0.5F});
  auto places = [](const std::vector<int64_t>& v) { return Tensor::of(DType::kInt64, {2, 2}, v); };
  const std::vector<Tensor> expected = {values, places({7, 8, 9, 10})};
  EXPECT_TRUE(reorder({values, places({7, 8, 10, 9})}, expected, 1e-4));
  EXPECT_FALSE(reorder({values, places({9, 10, 7, 8})}, expected, 1e-4));
}

}  // namespace
}  // namespace onnxport::verify
