// A TorchScript module as an aten::Program: its forward() run by the evaluator (evaluator.h).
#pragma once

#include "aten/program.h"
#include "base/result.h"
#include "libtorch/plugin.h"

namespace torch::jit {
struct Module;
}

namespace onnxport::torchscript {

// The module is in eval mode. The program's calls may still work in place. Errors say the module
// path and the source line of the code that cannot be read.
Result<aten::Program> read_module(const torch::jit::Module& module,
                                  const libtorch::ScriptOptions& options);

}  // namespace onnxport::torchscript
