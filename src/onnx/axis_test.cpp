#include "onnx/axis.h"

#include <gtest/gtest.h>

namespace onnxport::onnx {
namespace {

TEST(AxisOf, CountsFromTheEndAndRefusesWhatIsOutside) {
  EXPECT_EQ(axis_of(-1, 3), 2U);
  EXPECT_EQ(axis_of(0, 3), 0U);
  EXPECT_FALSE(axis_of(3, 3));
  EXPECT_FALSE(axis_of(-4, 3));
  EXPECT_FALSE(axis_of(INT64_MIN, 3));
  EXPECT_FALSE(axis_of(0, 0));
}

struct Cut {
  int64_t size, start, end, step;
  int64_t first, length;  // first: of no meaning without elements
};

// As ONNX Runtime and onnx's own shape inference give them.
TEST(SliceWindow, IsClampedAsOnnxSays) {
  const Cut cuts[] = {
      {5, 1, 4, 1, 1, 3},
      {5, -4, -1, 2, 1, 2},
      {5, 2, INT64_MAX, 1, 2, 3},
      {5, INT64_MIN, INT64_MAX, 1, 0, 5},
      {5, 4, 1, 1, 4, 0},
      {5, -1, INT64_MIN, -2, 4, 3},
      {5, INT64_MAX, INT64_MIN, -1, 4, 5},
      {5, 3, 0, -1, 3, 3},
      {3, -10, -11, -1, 0, 1},
      {5, 1, 5, INT64_MAX, 1, 1},
      {5, 4, 0, INT64_MIN, 4, 1},
      {0, 0, INT64_MAX, 1, 0, 0},
      {0, -1, INT64_MIN, -1, 0, 0},
  };
  for (const Cut& cut : cuts) {
    const auto window = slice_window(cut.size, cut.start, cut.end, cut.step);
    ASSERT_TRUE(window);
    EXPECT_EQ(window->length, cut.length) << cut.size << ": " << cut.start << ", " << cut.end;
    EXPECT_EQ(window->step, cut.step);
    if (cut.length > 0) {
      EXPECT_EQ(window->start, cut.first) << cut.size << ": " << cut.start << ", " << cut.end;
    }
  }
  EXPECT_FALSE(slice_window(5, 0, 5, 0));
}

}  // namespace
}  // namespace onnxport::onnx
