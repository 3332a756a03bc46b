#include "onnx/axis.h"

#include <algorithm>

namespace onnxport::onnx {

std::optional<size_t> axis_of(int64_t axis, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  if (axis < -r || axis >= r) return std::nullopt;
  return static_cast<size_t>(axis < 0 ? axis + r : axis);
}

std::optional<Window> slice_window(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (step == 0) return std::nullopt;
  if (size <= 0) return Window{0, step, 0};
  const auto from_front = [&](int64_t at) { return at < 0 ? at + size : at; };
  const int64_t last = step > 0 ? size : size - 1;  // backwards, the end is before an element
  const int64_t from = std::clamp<int64_t>(from_front(start), 0, last);
  const int64_t to = std::clamp<int64_t>(from_front(end), step > 0 ? 0 : -1, last);
  const int64_t span = step > 0 ? to - from : from - to;
  if (span <= 0) return Window{from, step, 0};
  if (step > span || step < -span) return Window{from, step, 1};  // and INT64_MIN has no opposite
  return Window{from, step, (span - 1) / (step > 0 ? step : -step) + 1};
}

}  // namespace onnxport::onnx
