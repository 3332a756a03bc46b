// What lists and dicts share.
#pragma once

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

// A list or dict that was made at this depth is about to be changed: one that is seen outside of a
// branch or loop that depends on the data must not be changed in it.
void check_made_here(Evaluator& e, int depth);

}  // namespace onnxport::torchscript
