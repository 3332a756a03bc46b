// TorchScript archives: as an aten::Program, and as a module that libtorch's interpreter runs.
#pragma once

#include <memory>
#include <string>

#include "aten/program.h"
#include "base/result.h"
#include "libtorch/plugin.h"

namespace onnxport::torch_plugin {

// See libtorch::Plugin. The program's calls may still work in place: the host makes them functional
// (read/script.h), drops what is not used and validates it.
Result<aten::Program> read_script(const libtorch::ScriptFile& file,
                                  const libtorch::ScriptOptions& options);

}  // namespace onnxport::torch_plugin
