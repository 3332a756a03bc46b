// Functions of torchvision that are not followed.
#pragma once

#include <string>
#include <vector>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

// False: the function is to be followed.
bool vision_function(Evaluator& e, Call& call, const std::string& name,
                     const std::vector<Ref>& args);

}  // namespace onnxport::torchscript
