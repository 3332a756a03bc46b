// The search for the first value that differs, and for the first NaN of the reference.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aten/program.h"
#include "base/result.h"
#include "base/tensor.h"
#include "libtorch/plugin.h"
#include "onnx/model_files.h"
#include "verify/verify.h"

namespace onnxport::verify {

struct SearchLimits {
  uint64_t chunk_bytes = uint64_t{1} << 30;  // of intermediate values held at a time, on each side
};

// Runs the file without graph optimizations, with every value that carries the name of a program's
// value as a further output, and compares them in the program's order. The culprit is the first one
// that differs while the compared values it is computed from agree. A Divergence without a node
// says that nothing differs without optimizations. nullopt: the file has no value to compare.
Result<std::optional<Divergence>> find_divergence(
    const aten::Program& program, const onnx::ModelFiles& file, libtorch::Plugin& reference,
    const std::vector<Tensor>& inputs, const Options& options, const SearchLimits& limits = {});

// The first call of the program that makes a NaN out of inputs without one, and the file's node
// that stands for it.
Result<std::optional<Divergence>> find_nan(const aten::Program& program,
                                           const onnx::ModelFiles& file,
                                           libtorch::Plugin& reference,
                                           const std::vector<Tensor>& inputs,
                                           const std::stop_token& cancel = {});

}  // namespace onnxport::verify
