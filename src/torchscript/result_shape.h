// The sizes of a call's result as formulas.
#pragma once

#include <vector>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

// Constants, sizes of the arguments, or what can be had from them; where there is nothing, a new
// size. FixedSize where the rank differs between the samples.
Shape result_shape(Evaluator& e, const Call& call, const std::vector<at::Tensor>& samples);

// The formulas of what a convolution or pooling makes of the last dimensions, by their definition
// (windows.cpp). Empty: it is something else. (From the samples alone, whose sizes divide alike,
// h/2 rounded up and down are the same; and a size that stays in a narrow range comes out as a
// constant.)
std::vector<std::optional<Expr>> window_dims(const Call& call);

}  // namespace onnxport::torchscript
