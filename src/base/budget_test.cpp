#include "base/budget.h"

#include <gtest/gtest.h>

namespace onnxport {
namespace {

TEST(Budget, ARefusalTakesNothing) {
  Budget budget(100, 10);
  EXPECT_FALSE(budget.take_bytes(101));
  EXPECT_TRUE(budget.take_bytes(60));
  EXPECT_FALSE(budget.take_bytes(41));
  EXPECT_FALSE(budget.take_bytes(UINT64_MAX));
  EXPECT_EQ(budget.bytes_left(), 40U);
  EXPECT_TRUE(budget.take_bytes(40));
  EXPECT_TRUE(budget.take_elements(10));
  EXPECT_FALSE(budget.take_elements(1));
}

}  // namespace
}  // namespace onnxport
