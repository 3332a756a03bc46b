// What to run the proof on: sizes for the dynamic dimensions, and random inputs of those sizes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aten/program.h"
#include "base/result.h"
#include "base/tensor.h"
#include "verify/runtime.h"
#include "verify/verify.h"

namespace onnxport::verify {

using Sizes = std::map<std::string, int64_t>;  // symbol -> size

// The sizes to try, in order of preference. Only `base` sizes have to work; the `further` ones are
// left out when PyTorch itself refuses them (a range that the file does not record).
struct Plan {
  std::vector<Sizes> base;     // one per batch, with the first example of every other symbol
  std::vector<Sizes> further;  // other heights, widths, lengths
};

// Sizes that the file fixes (`ports`) are kept. The error says which input cannot take any size.
Result<Plan> plan_sizes(const aten::Program& program, const std::vector<Port>& ports,
                        const Options& options);

// The inputs' dims under these sizes.
Result<std::vector<std::vector<int64_t>>> input_dims(const aten::Program& program,
                                                     const Sizes& sizes);

// What a range must be for values of this type to be drawn from it: within what the type holds, and
// whole numbers for integers.
Status check_range(DType dtype, const ValueRange& range);

// Floats are normal, integers from 0 to 9 (masks: 0 and 1, first element 1), booleans fair, but for
// inputs with a range of their own (see Options). The same seed gives the same values everywhere.
Result<std::vector<Tensor>> random_inputs(
    const aten::Program& program, const std::vector<std::vector<int64_t>>& dims, int seed,
    const std::vector<std::optional<ValueRange>>& ranges = {});

}  // namespace onnxport::verify
