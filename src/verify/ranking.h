// Results that are ranked: rows (boxes, labels, masks) in the order of their scores. Where two
// scores are equal but for rounding, which row comes first is nobody's to say.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "aten/program.h"
#include "base/tensor.h"

namespace onnxport::verify {

// Whether the program orders anything: topk, sort, argsort, nms.
bool ranks(const aten::Program& program);

struct Reordered {
  std::vector<Tensor> outputs;  // of `actual`, rows in the order of `expected`
  int64_t moved = 0;            // rows that stood elsewhere
  double largest_gap = 0;       // the largest difference between the scores of two places swapped
};

// Outputs belong together when their dims begin alike: [N] or [batch, N], with the scores in one
// of them, float and descending along N in both files. Rows of `actual` are moved only between
// places whose expected scores differ by no more than the tolerance allows, and only if all
// outputs of the group agree then. nullopt: no such order, or none needed.
std::optional<Reordered> reorder(const std::vector<Tensor>& actual,
                                 const std::vector<Tensor>& expected, double tolerance);

}  // namespace onnxport::verify
