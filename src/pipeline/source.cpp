#include "pipeline/source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "options/inputs.h"

namespace onnxport::pipeline {
namespace {

std::vector<const SourceKind*>& registered() {
  static auto* kinds = new std::vector<const SourceKind*>;
  return *kinds;
}

Error not_recognised(const std::string& path) {
  std::vector<std::string> names;
  for (const SourceKind* kind : source_kinds()) {
    if (kind->advice != nullptr) {
      if (std::optional<Error> advice = kind->advice(path)) return *std::move(advice);
    }
    names.emplace_back(kind->name);
  }
  return Error{fmt::format("is not a model of a known kind ({})", fmt::join(names, ", ")), path};
}

Status check_input_values(const SourceKind& kind, const std::string& path,
                          const ExportConfig& config) {
  const bool asked =
      std::any_of(config.inputs.begin(), config.inputs.end(),
                  [](const InputSpec& spec) { return spec.value || !spec.type.empty(); });
  if (kind.takes_input_values || !asked) return {};
  std::vector<std::string> takers;
  for (const SourceKind* other : source_kinds()) {
    if (other->takes_input_values) takers.push_back(fmt::format("{}s", other->name));
  }
  return Error{fmt::format("input values and types are for {}; a {} has its own",
                           fmt::join(takers, " and "), kind.name),
               path};
}

}  // namespace

RegisterSource::RegisterSource(const SourceKind& kind) {
  std::vector<const SourceKind*>& kinds = registered();
  const auto place = std::find_if(kinds.begin(), kinds.end(), [&](const SourceKind* other) {
    return std::string_view(kind.name) < other->name;
  });
  kinds.insert(place, &kind);
}

const std::vector<const SourceKind*>& source_kinds() { return registered(); }

const SourceKind* recognise(const std::string& path) {
  for (const SourceKind* kind : source_kinds()) {
    if (kind->recognise(path)) return kind;
  }
  return nullptr;
}

Result<std::unique_ptr<Source>> read_source(const std::string& path, const ExportConfig& config) {
  const SourceKind* kind = recognise(path);
  if (kind == nullptr) return not_recognised(path);
  TRY(check_input_values(*kind, path, config));
  return kind->read(path, config);
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

}  // namespace onnxport::pipeline
