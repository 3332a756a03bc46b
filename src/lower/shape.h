// Arithmetic on shapes that several families need.
#pragma once

#include "lower/builder.h"

namespace onnxport::lower {

// The sizes of a view with its -1 worked out from the sizes of the tensor.
Shape sizes_for(const Shape& from, Shape sizes);

// PyTorch's broadcasting of two shapes that are known to fit; of two sizes the one that is a
// number.
Shape broadcast(const Shape& a, const Shape& b);

}  // namespace onnxport::lower
