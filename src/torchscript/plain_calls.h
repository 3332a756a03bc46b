// Operators on numbers, strings and lists of them, and on what tensors tell without their data.
#pragma once

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

// Run as it is, in every sample; arithmetic on what depends on the data is recorded.
void plain_call(Evaluator& e, Call& call);

}  // namespace onnxport::torchscript
