#include "libtorch/plugin.h"

#include <link.h>

#include <cstring>
#include <string_view>

#include "base/file.h"
#include "base/library.h"

#ifndef ONNXPORT_PLUGIN_DIR
#define ONNXPORT_PLUGIN_DIR ""
#endif

namespace onnxport::libtorch {

namespace {

std::vector<std::string> candidates() {
  constexpr const char* kName = "/onnxport_torch.so";
  std::string own = own_folder();
  std::string built = ONNXPORT_PLUGIN_DIR;
  std::vector<std::string> paths = {environment("ONNXPORT_TORCH_PLUGIN")};
  // One that is named is the one that is meant: nothing else stands in for it.
  if (!paths.front().empty()) {
    own.clear();
    built.clear();
  }
  if (!own.empty()) {
    paths.push_back(own + kName);
    paths.push_back(own + "/../lib/onnxport" + kName);
    paths.push_back(own + "/onnxport" + kName);
  }
  if (!built.empty()) paths.push_back(built + kName);
  return paths;
}

// The pool of threads that libtorch uses is in the process before libtorch is: somebody else's.
// Asked first when there is no libtorch yet.
bool openmp_was_there() {
  static const bool found =
      dl_iterate_phdr(
          [](dl_phdr_info* info, size_t, void*) {
            const std::string_view name(info->dlpi_name);
            const std::string_view file = name.substr(name.rfind('/') + 1);
            return file.starts_with("libgomp") || file.starts_with("libiomp") ? 1 : 0;
          },
          nullptr) != 0;
  return found;
}

}  // namespace

PluginFile find_plugin() {
  for (const std::string& path : candidates()) {
    if (path.empty()) continue;
    auto file = MappedFile::open(path);
    if (!file.ok()) continue;
    const std::string_view text(reinterpret_cast<const char*>((*file)->bytes().data()),
                                (*file)->bytes().size());
    const size_t mark = text.find(ONNXPORT_PLUGIN_MARK);
    if (mark == std::string_view::npos) return {path, ""};
    const std::string_view version = text.substr(mark + std::strlen(ONNXPORT_PLUGIN_MARK));
    return {path, std::string(version.substr(0, version.find('\0')))};
  }
  return {};
}

int threads_in_fork(const Plugin& plugin) {
  return openmp_was_there() || plugin.has_computed() ? 1 : 0;
}

Result<std::unique_ptr<Plugin>> load_plugin() {
  openmp_was_there();
  TRY_ASSIGN(void* library,
             load_library(candidates(), "the PyTorch plugin",
                          "build it (scripts/setup finds libtorch), or name it in "
                          "ONNXPORT_TORCH_PLUGIN; --no-verify exports without the proof"));
  TRY_ASSIGN(void* function, find_function(library, "onnxport_open_plugin"));
  auto* make = reinterpret_cast<Plugin* (*)()>(function);
  return std::unique_ptr<Plugin>(make());
}

}  // namespace onnxport::libtorch
