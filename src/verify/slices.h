// A program that is fixed to a batch, run on inputs of another: slice by slice along axis 0.
#pragma once

#include <cstdint>
#include <vector>

#include "aten/program.h"
#include "base/result.h"
#include "base/tensor.h"
#include "libtorch/plugin.h"

namespace onnxport::verify {

// Rows [first, first + count) along axis 0; rows past the end repeat the last one.
Tensor rows(const Tensor& tensor, int64_t first, int64_t count);

// Put together along axis 0; all other dimensions agree.
Tensor concatenate(const std::vector<Tensor>& parts);

// Inputs of any batch through a program of batch `fixed`. Refuses an output whose axis 0 does not
// follow the batch: there is then nothing to compare a file of another batch with.
Result<std::vector<Tensor>> run_in_slices(const aten::Program& program, libtorch::Plugin& reference,
                                          const std::vector<Tensor>& inputs, int64_t fixed);

}  // namespace onnxport::verify
