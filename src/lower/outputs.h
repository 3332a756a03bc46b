// What families with several outputs share.
#pragma once

#include <cstddef>

#include "lower/builder.h"

namespace onnxport::lower {

// Whether the program reads output i of the node at hand: optional outputs of ONNX operators are
// asked for only then.
bool uses_output(const Builder& g, size_t output);

}  // namespace onnxport::lower
