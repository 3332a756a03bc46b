// A TorchScript archive run by libtorch's own interpreter: the reference for what is made of it.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "libtorch/plugin.h"

namespace onnxport::torch_plugin {

// See libtorch::Plugin.
Result<std::unique_ptr<libtorch::Module>> load_script(const libtorch::ScriptFile& file,
                                                      const libtorch::ScriptOptions& options);

}  // namespace onnxport::torch_plugin
