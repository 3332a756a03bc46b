// Parts of tensors, for rules of other families too.
#pragma once

#include "lower/builder.h"

namespace onnxport::lower {

// x[.., index, ..] without that dimension.
Value select(Builder& g, Value x, int64_t dim, Expr index);

// int64 [0, 1, .., n-1]: a constant if n is known.
Value range(Builder& g, Expr n);

}  // namespace onnxport::lower
