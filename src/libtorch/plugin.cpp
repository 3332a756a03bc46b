#include "libtorch/plugin.h"

#include "base/library.h"

#ifndef ONNXPORT_PLUGIN_DIR
#define ONNXPORT_PLUGIN_DIR ""
#endif

namespace onnxport::libtorch {

Result<std::unique_ptr<Plugin>> load_plugin() {
  constexpr const char* kName = "/onnxport_torch.so";
  std::string own = own_folder();
  std::string built = ONNXPORT_PLUGIN_DIR;
  std::vector<std::string> candidates = {environment("ONNXPORT_TORCH_PLUGIN")};
  // One that is named is the one that is meant: nothing else stands in for it.
  if (!candidates.front().empty()) {
    own.clear();
    built.clear();
  }
  if (!own.empty()) {
    candidates.push_back(own + kName);
    candidates.push_back(own + "/../lib/onnxport" + kName);
    candidates.push_back(own + "/onnxport" + kName);
  }
  if (!built.empty()) candidates.push_back(built + kName);
  TRY_ASSIGN(void* library,
             load_library(candidates, "the PyTorch plugin",
                          "build it (scripts/setup finds libtorch), or name it in "
                          "ONNXPORT_TORCH_PLUGIN; --no-verify exports without the proof"));
  TRY_ASSIGN(void* function, find_function(library, "onnxport_open_plugin"));
  auto* make = reinterpret_cast<Plugin* (*)()>(function);
  return std::unique_ptr<Plugin>(make());
}

}  // namespace onnxport::libtorch
