#include <fmt/format.h>
#include <fmt/ranges.h>

#include <mutex>

#include "base/nearest.h"
#include "libtorch/plugin.h"
#include "onnxport/export.h"
#include "pipeline/exception_boundary.h"
#include "pipeline/export_pipeline.h"

#ifndef ONNXPORT_VERSION
#define ONNXPORT_VERSION "0"
#endif

namespace onnxport {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, Exporter> exporters;
};

Registry& registry() {
  static auto* made = new Registry{{}, {{"onnx", pipeline::export_onnx}}};
  return *made;
}

}  // namespace

bool register_format(const std::string& name, Exporter exporter) {
  std::scoped_lock lock(registry().mutex);
  return registry().exporters.emplace(name, std::move(exporter)).second;
}

std::vector<std::string> formats() {
  std::scoped_lock lock(registry().mutex);
  std::vector<std::string> out;
  for (const auto& [name, exporter] : registry().exporters) out.push_back(name);
  return out;
}

Report export_model(const std::string& source, const std::string& output,
                    const ExportConfig& config, const Progress& progress) {
  Exporter exporter;
  {
    std::scoped_lock lock(registry().mutex);
    auto found = registry().exporters.find(config.format);
    if (found != registry().exporters.end()) exporter = found->second;
  }
  if (exporter) {
    return exception_boundary(pipeline::fresh_report(source, output),
                              [&] { return exporter(source, output, config, progress); });
  }
  Report report = pipeline::fresh_report(source, output);
  report.format = config.format;
  report.error =
      fmt::format("there is no format `{}`; did you mean `{}`? (known: {})", config.format,
                  nearest(config.format, formats()), fmt::join(formats(), ", "));
  return report;
}

Report verify_model(const std::string& source, const std::string& onnx_path,
                    const ExportConfig& config, const Progress& progress) {
  return exception_boundary(pipeline::fresh_report(source, onnx_path), [&] {
    return pipeline::verify_onnx(source, onnx_path, config, progress);
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
