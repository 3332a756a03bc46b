// How libtorch gets at a TorchScript archive: by reading bytes that were looked through, never a
// file.
#pragma once

#include <torch/csrc/jit/api/module.h>
#undef CHECK  // c10's; ours follows

#include "libtorch/plugin.h"

namespace onnxport::torch_plugin {

// kLoad: with the source locations that errors name.
enum class DebugFiles { kSkip, kLoad };

// The module, on the CPU, in eval mode. Throws what libtorch throws, and c10::Error when libtorch's
// zip reader sees other records than `file.records`.
torch::jit::Module load_archive(const libtorch::ScriptFile& file, DebugFiles debug);

}  // namespace onnxport::torch_plugin
