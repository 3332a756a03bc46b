// A TorchScript file (torch.jit.save): libtorch reads it, and runs its forward() for the proof.
#include <optional>
#include <utility>

#include "pipeline/sandbox_policy.h"
#include "pipeline/shapes.h"
#include "pipeline/source.h"
#include "read/script.h"

namespace onnxport::pipeline {
namespace {

extern const SourceKind kTorchScript;

class TorchScriptSource final : public Source {
 public:
  TorchScriptSource(libtorch::ScriptFile file, aten::Program program,
                    libtorch::ScriptOptions options)
      : Source(kTorchScript, std::move(program)),
        file_(std::move(file)),
        options_(std::move(options)) {}

  libtorch::MakeModule reference() override {
    libtorch::ScriptOptions options = options_;
    // What the module keeps from run to run: read_script made it an input `s` and an output
    // `s_out`.
    for (const aten::Input& input : program().inputs) {
      for (const aten::Output& output : program().outputs) {
        if (output.name == input.name + "_out") options.states.push_back(input.name);
      }
    }
    return [file = file_, options](libtorch::Plugin& plugin) {
      return plugin.load_script(file, options);
    };
  }

  std::string advice_for_dynamic_batch() const override {
    return "trace it again with the batch taken from the input (x.size(0))";
  }

 private:
  libtorch::ScriptFile file_;
  libtorch::ScriptOptions options_;
};

bool recognise(const std::string& path) { return read::ScriptArchive::open(path).has_value(); }

Result<std::unique_ptr<Source>> read(const std::string& path, const ExportConfig& config) {
  const std::optional<read::ScriptArchive> archive = read::ScriptArchive::open(path);
  if (!archive) return Error{"is not a TorchScript file", path};
  TRY_ASSIGN(libtorch::ScriptOptions options, shapes::script_options(config));
  TRY_ASSIGN(libtorch::ScriptFile file, archive->check());
  TRY_ASSIGN(auto plugin, libtorch::load_plugin());
  TRY_ASSIGN(aten::Program program,
             archive->read(file, options, *plugin, sandbox_policy(config, limits_of(config))));
  return std::unique_ptr<Source>(
      std::make_unique<TorchScriptSource>(std::move(file), std::move(program), std::move(options)));
}

const SourceKind kTorchScript = {.name = "TorchScript file",
                                 .description = "TorchScript archive",
                                 .names_its_writer = false,
                                 .takes_input_values = true,
                                 .recognise = recognise,
                                 .read = read};
const RegisterSource kRegistered(kTorchScript);

}  // namespace
}  // namespace onnxport::pipeline
