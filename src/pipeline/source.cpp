#include "pipeline/source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "options/inputs.h"
#include "pipeline/shapes.h"
#include "read/pt2.h"
#include "read/script.h"

namespace onnxport {

Result<Source> Source::read(const std::string& path, const ExportConfig& config) {
  Source source;
  source.path_ = path;
  const std::optional<read::ScriptArchive> archive = read::ScriptArchive::open(path);
  if (!archive) {
    const bool for_script =
        std::any_of(config.inputs.begin(), config.inputs.end(),
                    [](const InputSpec& spec) { return spec.value || !spec.type.empty(); });
    if (for_script) {
      return Error{"input values and types are for TorchScript files; a .pt2 has its own", path};
    }
    TRY_ASSIGN(source.program_, read::read_pt2(path));
    return source;
  }
  TRY_ASSIGN(source.options_, shapes::script_options(config));
  TRY_ASSIGN(source.plugin_, libtorch::load_plugin());
  TRY_ASSIGN(source.program_, archive->read(source.options_, *source.plugin_));
  return source;
}

Result<libtorch::Module*> Source::module() {
  if (!is_script()) return nullptr;
  if (module_ == nullptr) {
    // What the module keeps from run to run: read_script made it an input `s` and an output
    // `s_out`.
    for (const aten::Input& input : program_.inputs) {
      for (const aten::Output& output : program_.outputs) {
        if (output.name == input.name + "_out") options_.states.push_back(input.name);
      }
    }
    TRY_ASSIGN(module_, plugin_->load_script(path_, options_));
  }
  return module_.get();
}

Result<bool> Source::takes_list() {
  TRY_ASSIGN(const libtorch::Module* module, this->module());
  return module != nullptr && module->takes_list();
}

ExportConfig with_shapes_of(const onnx::Model& model, ExportConfig config) {
  if (options::has_sizes(config.inputs) || options::has_axes(config.inputs)) return config;
  options::input_at(config.inputs, 0).axes.emplace();  // no axes but those below
  size_t position = 0;
  for (const onnx::Value* input : model.graph->inputs) {
    if (input->initializer || !input->shape) continue;
    std::vector<int64_t> sizes;
    std::map<int, std::string> axes;
    for (size_t axis = 0; axis < input->rank(); ++axis) {
      const Expr& size = (*input->shape)[axis];
      const int64_t example = axis == 0 ? 1 : input->rank() == 4 && axis >= 2 ? 224 : 16;
      sizes.push_back(size.as_const().value_or(example));
      if (size.is_const()) continue;
      axes[static_cast<int>(axis)] = size.is_symbol() && !onnx::is_unknown_dim(size)
                                         ? size.symbol_name()
                                         : input->name + std::to_string(axis);
    }
    options::input_at(config.inputs, position++).sizes = std::move(sizes);
    if (!axes.empty()) options::input_named(config.inputs, input->name).axes = std::move(axes);
  }
  return config;
}

}  // namespace onnxport
