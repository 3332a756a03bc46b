#include "torch_plugin/script.h"

#include <torch/csrc/jit/api/module.h>
#undef CHECK  // c10's; ours follows

#include <utility>

#include "torch_plugin/script_archive.h"
#include "torchscript/read_module.h"

namespace onnxport::torch_plugin {

Result<aten::Program> read_script(const libtorch::ScriptFile& file,
                                  const libtorch::ScriptOptions& options) {
  try {
    torch::jit::Module module = load_archive(file, DebugFiles::kLoad);
    auto program = torchscript::read_module(module, options);
    if (!program.ok()) return std::move(program).error().at(file.path);
    program->source_file = file.path;
    return program;
  } catch (const c10::Error& e) {
    return Error{std::string("libtorch: ") + e.what_without_backtrace(), file.path};
  } catch (const std::exception& e) {
    return Error{std::string("libtorch: ") + e.what(), file.path};
  }
}

}  // namespace onnxport::torch_plugin
