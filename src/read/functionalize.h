// In-place calls and writes through views, made functional: the program that results has no call
// whose schema mutates an argument. Aliases that cannot be followed are refused by name.
#pragma once

#include "aten/program.h"
#include "base/result.h"

namespace onnxport::read {

Status functionalize(aten::Program& program);

}  // namespace onnxport::read
