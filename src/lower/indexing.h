// Advanced indexing, as reading (indexing.cpp) and writing (scatter.cpp) share it.
#pragma once

#include <optional>
#include <vector>

#include "lower/builder.h"

namespace onnxport::lower {

// x[:, a, :, b]: axes {1, 3}, tensors {a, b}.
struct Indices {
  std::vector<int64_t> axes;  // ascending
  Values tensors;
  std::vector<int64_t> covered;  // axes that each covers: the rank of a mask, else 1
  int masks = 0;
  Value mask = nullptr;  // the last one
  bool adjacent() const;
};

// From the list of a call, None for an axis that is kept. Refuses more indices than axes.
Indices indices_of(Value x, const std::vector<std::optional<Value>>& list);
// The same without masks.
Indices integer_indices(Builder& g, const Indices& by);

Shape common_shape(const Indices& by);
// int64 [common..., axes], as GatherND and ScatterND want it.
Value stacked(Builder& g, const Indices& by, const Shape& common);
// The permutation that brings the indexed axes to the front, and the one that moves a leading block
// of axes behind the first `at` of the `rest`.
std::vector<int64_t> indexed_first(const Indices& by, int64_t rank);
std::vector<int64_t> block_moved_to(int64_t at, int64_t block, int64_t rest);

}  // namespace onnxport::lower
