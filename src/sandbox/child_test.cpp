#include "sandbox/child.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace onnxport::sandbox {
namespace {

using std::chrono::milliseconds;

Result<ChildEnd> silent_for(double limit, const std::function<void()>& work) {
  ChildOptions options;
  options.policy.mode = Mode::kOff;
  options.silence = limit;
  return in_child(
      [&](const Send& send) {
        work();
        send("done");
      },
      options);
}

TEST(Child, ThatWorksAndSendsNothingIsEnded) {
  const auto end = silent_for(0.2, [] {
    for (volatile bool forever = true; forever;) {
    }
  });
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->late);
  EXPECT_EQ(end->text, "");
}

// Other processes may have had the processors.
TEST(Child, ThatWasNotLetRunIsWaitedFor) {
  const auto end = silent_for(0.2, [] { std::this_thread::sleep_for(milliseconds(500)); });
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(end->late);
  EXPECT_EQ(end->text, "done");
}

TEST(Child, ThatSleepsForEverIsEnded) {
  const auto end = silent_for(0.05, [] { std::this_thread::sleep_for(std::chrono::hours(1)); });
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->late);
}

}  // namespace
}  // namespace onnxport::sandbox
