#include "torch_plugin/script.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#undef CHECK  // c10's; ours follows

#include <utility>

#include "torchscript/read_module.h"

namespace onnxport::torch_plugin {

Result<aten::Program> read_script(const std::string& path, const libtorch::ScriptOptions& options) {
  try {
    torch::jit::Module module = torch::jit::load(path, c10::kCPU);
    module.eval();
    auto program = torchscript::read_module(module, options);
    if (!program.ok()) return std::move(program).error().at(path);
    program->source_file = path;
    return program;
  } catch (const c10::Error& e) {
    return Error{std::string("libtorch: ") + e.what_without_backtrace(), path};
  } catch (const std::exception& e) {
    return Error{std::string("libtorch: ") + e.what(), path};
  }
}

}  // namespace onnxport::torch_plugin
