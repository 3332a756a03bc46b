#include "verify/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace onnxport::verify {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor floats(const std::vector<float>& values) {
  return Tensor::of(DType::kFloat, {static_cast<int64_t>(values.size())}, values);
}

TEST(Compare, MeasuresTheLargestDifference) {
  Comparison c = compare(floats({1, 2, 3.5}), floats({1, 2.25, 4}));
  EXPECT_TRUE(c.same_kind);
  EXPECT_DOUBLE_EQ(c.max_abs, 0.5);
  EXPECT_DOUBLE_EQ(c.max_rel, 0.125);
  EXPECT_DOUBLE_EQ(c.scale, 4);
}

TEST(Compare, SpansBlocks) {
  std::vector<float> a(100'000, 1), b = a;
  b[99'999] = 3;
  EXPECT_DOUBLE_EQ(compare(floats(a), floats(b)).max_abs, 2);
}

TEST(Compare, NamesDtypeAndShapeThatDiffer) {
  EXPECT_EQ(compare(Tensor::ints({1}), floats({1})).reason, "dtype int64 instead of float32");
  EXPECT_EQ(compare(floats({1}), floats({1, 2})).reason, "shape float32[1] instead of float32[2]");
}

TEST(Compare, NamesTheFirstNanThatIsNotInBoth) {
  Comparison c = compare(Tensor::of(DType::kFloat, {2, 2}, std::vector<float>{0, 1, kNan, kNan}),
                         Tensor::of(DType::kFloat, {2, 2}, std::vector<float>{0, 1, 2, 3}));
  EXPECT_FALSE(c.same_kind);
  EXPECT_EQ(c.reason, "NaN at [1, 0] where PyTorch has 2");
  EXPECT_FALSE(compare(floats({1}), floats({kNan})).same_kind);
}

TEST(Compare, AcceptsTheSameNansAndInfinities) {
  Comparison c = compare(floats({kNan, kInf, 1}), floats({kNan, kInf, 1}));
  EXPECT_TRUE(c.same_kind);
  EXPECT_TRUE(c.reference_nan);
  EXPECT_EQ(c.max_abs, 0);
  EXPECT_FALSE(compare(floats({kInf}), floats({-kInf})).same_kind);
}

TEST(Compare, MeasuresWhatIsInfiniteOrNaNInOneOfBothAsSuch) {
  const Comparison more = compare(floats({1, kInf, 2}), floats({1.5F, 3, 2}));
  EXPECT_EQ(more.max_abs, kInf);
  EXPECT_EQ(more.max_rel, kInf);
  EXPECT_EQ(more.reason, "+inf at [1] where PyTorch has 3");
  const Comparison less = compare(floats({3, 1}), floats({-kInf, 1}));
  EXPECT_EQ(less.max_abs, kInf);
  EXPECT_EQ(less.max_rel, kInf);
  for (const bool first : {true, false}) {
    const Comparison none =
        compare(floats({first ? kNan : kInf, first ? kInf : kNan}), floats({1, 1}));
    EXPECT_TRUE(std::isnan(none.max_abs)) << "NaN is worse than infinity";
    EXPECT_TRUE(std::isnan(none.max_rel));
  }
}

TEST(Within, IsRelativeToLargeOutputsOnly) {
  EXPECT_TRUE(within(compare(floats({1000.05F}), floats({1000})), DType::kFloat, 1e-4));
  EXPECT_FALSE(within(compare(floats({0.0105F}), floats({0.01F})), DType::kFloat, 1e-4));
}

TEST(Within, WantsEqualIntegers) {
  EXPECT_FALSE(within(compare(Tensor::ints({100'001}), Tensor::ints({100'000})), DType::kInt64, 1));
}

TEST(HasNan, LooksAtFloatsOnly) {
  EXPECT_TRUE(has_nan(floats({0, kNan})));
  EXPECT_FALSE(has_nan(floats({0, kInf})));
  EXPECT_FALSE(has_nan(Tensor::ints({1})));
}

}  // namespace
}  // namespace onnxport::verify
