#include "torch_plugin/script.h"

namespace onnxport::torch_plugin {

Result<aten::Program> read_script(const std::string& path,
                                  [[maybe_unused]] const libtorch::ScriptOptions& options) {
  return Error{"TorchScript archives cannot be read yet", path};
}

}  // namespace onnxport::torch_plugin
