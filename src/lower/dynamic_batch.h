// A graph exported with a fixed batch, made dynamic in axis 0.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::lower {

// Turns axis 0 of every input of `model`, fixed to `batch`, into the symbol `symbol`, and repairs
// what had the batch baked in: constant targets of Reshape and Expand, constants and parameters
// whose rows are all equal. Shapes are inferred anew from there.
//
// This makes a *candidate*. What it cannot do is refused with the node that holds the batch fixed;
// what it does is right only once verify has run it at several batches against the fixed program,
// slice by slice (verify::Options::fixed_batch). On an Error the model is spoiled: keep a way back.
Status make_batch_dynamic(onnx::Model& model, int64_t batch, const std::string& symbol);

}  // namespace onnxport::lower
