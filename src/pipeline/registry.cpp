// The registry of formats, and the functions of the library that need no more than it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <mutex>

#include "base/nearest.h"
#include "libtorch/plugin.h"
#include "onnxport/export.h"
#include "pipeline/exception_boundary.h"
#include "pipeline/export_pipeline.h"
#include "pipeline/format.h"

#ifndef ONNXPORT_VERSION
#define ONNXPORT_VERSION "0"
#endif

namespace onnxport {
namespace pipeline {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const OutputFormat>> formats;
};

Registry& registry() {
  static auto* made = new Registry;
  return *made;
}

}  // namespace

bool register_output_format(std::shared_ptr<const OutputFormat> format) {
  std::scoped_lock lock(registry().mutex);
  std::string name = format->name();
  return registry().formats.emplace(std::move(name), std::move(format)).second;
}

Result<std::shared_ptr<const OutputFormat>> find_output_format(const std::string& name) {
  std::vector<std::string> names;
  std::scoped_lock lock(registry().mutex);
  for (const auto& [known, format] : registry().formats) {
    if (known == name) return format;
    names.push_back(known);
  }
  return Error{fmt::format("there is no format `{}`; did you mean `{}`? (known: {})", name,
                           nearest(name, names), fmt::join(names, ", ")),
               ""};
}

}  // namespace pipeline

bool register_format(const Format& format) {
  if (!format.write) return false;
  return pipeline::register_output_format(pipeline::converted_format(format));
}

std::vector<FormatInfo> formats() {
  std::scoped_lock lock(pipeline::registry().mutex);
  std::vector<FormatInfo> out;
  for (const auto& [name, format] : pipeline::registry().formats) {
    out.push_back({name, format->extension(), format->description()});
  }
  return out;
}

Report export_model(const std::string& source, const std::string& output,
                    const ExportConfig& config, const Progress& progress,
                    const std::stop_token& cancel) {
  Report fresh = pipeline::fresh_report(source, output);
  fresh.format = config.format;
  auto format = pipeline::find_output_format(config.format);
  if (!format.ok()) {
    fresh.error = format.error().str();
    return fresh;
  }
  return exception_boundary(std::move(fresh), [&] {
    return pipeline::run_export(source, output, **format, config, progress, cancel);
  });
}

Report verify_model(const std::string& source, const std::string& onnx_path,
                    const ExportConfig& config, const Progress& progress,
                    const std::stop_token& cancel) {
  Report fresh = pipeline::fresh_report(source, onnx_path);
  fresh.writes = false;
  return exception_boundary(std::move(fresh), [&] {
    return pipeline::run_verify(source, onnx_path, config, progress, cancel);
  });
}

const char* version() { return ONNXPORT_VERSION; }

std::string check_torch(const std::string& version) {
  const libtorch::PluginFile plugin = libtorch::find_plugin();
  if (plugin.version.empty() || plugin.version == version) return "";
  return fmt::format(
      "this program was compiled with libtorch {}, onnxport's plugin ({}) with libtorch {}: both "
      "share one process, so they need the same. Build the program with libtorch {}, or onnxport "
      "with libtorch {} (-DONNXPORT_TORCH=...)",
      version, plugin.path, plugin.version, plugin.version, version);
}

}  // namespace onnxport
