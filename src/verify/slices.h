// A program that is fixed to a batch, run on inputs of another: slice by slice along axis 0.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::verify {

// Rows [first, first + count) along axis 0; rows past the end repeat the last one.
Tensor rows(const Tensor& tensor, int64_t first, int64_t count);

// Put together along axis 0; all other dimensions agree.
Tensor concatenate(const std::vector<Tensor>& parts);

// Inputs of any batch through a model of batch `fixed`. Refuses an output whose axis 0 does not
// follow the batch: there is then nothing to compare a file of another batch with.
using Forward = std::function<Result<std::vector<Tensor>>(const std::vector<Tensor>&)>;
Result<std::vector<Tensor>> run_in_slices(const Forward& forward, const std::vector<Tensor>& inputs,
                                          int64_t fixed);

}  // namespace onnxport::verify
