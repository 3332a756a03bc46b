// Operators of libtorch run in every shape sample: on the meta device, which gives sizes and types,
// or on data where all of it is known.
#pragma once

#include <string>
#include <vector>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

struct Ran {
  std::vector<Stack> results;  // by sample
  bool known = false;          // with their data
};
// FixedSize where the call fails.
Ran run_samples(Evaluator& e, Call& call, const c10::FunctionSchema& schema);

// libtorch has no meta kernel for some operators: the sizes of their results (meta_shapes.cpp).
// False: not known.
bool shapes_of(const std::string& op, Stack& stack);

}  // namespace onnxport::torchscript
