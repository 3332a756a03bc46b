// Places on an axis, as operators give them: inference and folding read them the same way.
#pragma once

#include <cstdint>
#include <optional>

namespace onnxport::onnx {

// An axis, from the end when negative, in [0, rank); nullopt outside.
std::optional<size_t> axis_of(int64_t axis, size_t rank);

// The elements start, start + step, ... that a Slice takes of an axis.
struct Window {
  int64_t start = 0;
  int64_t step = 1;
  int64_t length = 0;
};
// Of an axis of `size` elements; clamped as ONNX does (a start before the first element is the
// first one, backwards too: there NumPy takes nothing). nullopt for a step of 0.
std::optional<Window> slice_window(int64_t size, int64_t start, int64_t end, int64_t step);

}  // namespace onnxport::onnx
