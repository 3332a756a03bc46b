#include "base/deadline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <limits>

namespace onnxport {
namespace {

TEST(Deadline, CallsWhenTheTimeIsOver) {
  std::atomic<bool> called{false};
  const Deadline deadline(0.01, [&] { called = true; });
  for (int i = 0; i < 1000 && !called; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(called);
}

TEST(Deadline, DoesNotCallWhenItIsOverBefore) {
  bool called = false;
  {
    const Deadline deadline(1000, [&] { called = true; });
  }
  EXPECT_FALSE(called);
}

TEST(Deadline, NoTimeIsNoLimit) {
  for (const double seconds : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), 1e300,
                               std::numeric_limits<double>::infinity()}) {
    bool called = false;
    {
      const Deadline deadline(seconds, [&] { called = true; });
    }
    EXPECT_FALSE(called) << seconds;
  }
}

}  // namespace
}  // namespace onnxport
