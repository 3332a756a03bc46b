// The plugin's one entry.
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Exception.h>
#include <c10/util/Logging.h>
#include <torch/csrc/jit/runtime/print_handler.h>
#include <torch/version.h>
#undef CHECK  // c10's; ours follows

#include <algorithm>
#include <sstream>

#include "libtorch/plugin.h"
#include "torch_plugin/process.h"
#include "torch_plugin/run.h"
#include "torch_plugin/script.h"
#include "torch_plugin/script_module.h"
#include "torchscript/builtin.h"

namespace onnxport::torch_plugin {
namespace {

using aten::Program;
using libtorch::RunOptions;
using libtorch::ScriptOptions;

// A model's own print() and its warnings are text of a stranger's in the middle of a report, as
// often as the model runs: they go nowhere. libtorch's warnings speak to who writes Python.
void be_silent() {
  torch::jit::setPrintHandler([](const std::string&) {});
  FLAGS_caffe2_log_level = c10::GLOG_FATAL;
}

class TorchPlugin final : public libtorch::Plugin {
 public:
  TorchPlugin() { be_silent(); }

  Result<std::vector<Tensor>> run(const Program& program, const std::vector<Tensor>& inputs,
                                  const RunOptions& options) override {
    return torch_plugin::run(program, inputs, options);
  }

  std::string version() const override { return TORCH_VERSION; }
  void warm_up(int threads) override { torch_plugin::warm_up(threads); }
  bool has_computed() const override { return torch_plugin::has_computed(); }

  Result<Program> read_script(const libtorch::ScriptFile& file,
                              const ScriptOptions& options) override {
    try {
      return torch_plugin::read_script(file, options);
    } catch (const c10::Error& e) {
      return Error{std::string("libtorch: ") + e.what_without_backtrace(), file.path};
    } catch (const std::exception& e) {
      return Error{std::string("libtorch: ") + e.what(), file.path};
    }
  }

  Result<std::unique_ptr<libtorch::Module>> load_script(const libtorch::ScriptFile& file,
                                                        const ScriptOptions& options) override {
    return torch_plugin::load_script(file, options);
  }

  Result<std::string> schema(const std::string& full_name) const override {
    return schema_text(full_name);
  }

  std::vector<std::string> all_schemas() const override {
    std::vector<std::string> out;
    for (const c10::OperatorName& name : c10::Dispatcher::singleton().getAllOpNames()) {
      auto op = c10::Dispatcher::singleton().findSchema(name);
      if (!op) continue;
      std::ostringstream text;
      text << op->schema();
      out.push_back(text.str());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
};

}  // namespace
}  // namespace onnxport::torch_plugin

// Read by libtorch::find_plugin() without loading this file.
extern "C" __attribute__((visibility("default"), used)) const char onnxport_plugin_mark[] =
    ONNXPORT_PLUGIN_MARK TORCH_VERSION;

extern "C" __attribute__((visibility("default"))) onnxport::libtorch::Plugin*
onnxport_open_plugin() {
  return new onnxport::torch_plugin::TorchPlugin();
}

// The names of TorchScript's builtins, one a line: tests/builtins_test.py exercises each of them.
extern "C" __attribute__((visibility("default"))) const char* onnxport_script_builtins() {
  static const std::string text = [] {
    std::string lines;
    for (const std::string& name : onnxport::torchscript::builtin_names()) lines += name + "\n";
    return lines;
  }();
  return text.c_str();
}
