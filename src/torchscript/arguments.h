// A value of the code as an argument of a node.
#pragma once

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

// For a parameter of that type. A number that depends on the data, or that only the code's own
// steps give, is a scalar of the program, which may be recorded here.
aten::Arg argument_of(Evaluator& e, Call& call, const Ref& value, const c10::TypePtr& type);

}  // namespace onnxport::torchscript
