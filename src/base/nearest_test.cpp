#include "base/nearest.h"

#include <gtest/gtest.h>

namespace onnxport {
namespace {

TEST(Nearest, PicksTheSmallestEditDistance) {
  EXPECT_EQ(nearest("opset", {"input_shape", "opset_version", "simplify"}), "opset_version");
  EXPECT_EQ(nearest("verfy", {"simplify", "verify"}), "verify");
}

}  // namespace
}  // namespace onnxport
