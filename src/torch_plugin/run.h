// An aten::Program run call by call by libtorch: the reference.
#pragma once

#include <string>
#include <vector>

#include "aten/program.h"
#include "base/result.h"
#include "base/tensor.h"
#include "libtorch/plugin.h"

namespace onnxport::torch_plugin {

// See libtorch::Plugin.
Result<std::vector<Tensor>> run(const aten::Program& program, const std::vector<Tensor>& inputs,
                                const libtorch::RunOptions& options);
Result<std::string> schema_text(const std::string& full_name);

}  // namespace onnxport::torch_plugin
