// What a reader does last: calls and weights that no output depends on are taken out, and calls
// that return their argument as it is are seen through.
#pragma once

#include "aten/program.h"

namespace onnxport::read {

// For a functional program (see functionalize.h). Notes what was found in training mode.
void prune(aten::Program& program);

}  // namespace onnxport::read
