#include <fmt/format.h>
#include <fmt/ranges.h>

#include <exception>
#include <mutex>
#include <new>

#include "export/distance.h"
#include "export/road.h"
#include "onnxport/export.h"

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
  static auto* made = new Registry{{}, {{"onnx", road::export_onnx}}};
  return *made;
}

// Runs `road`, which reports problems as it should; what a library throws all the same (memory that
// runs out, above all) ends as a refusal too.
template <typename F>
Report guarded(const std::string& source, const std::string& output, F road) {
  std::string problem;
  try {
    return road();
  } catch (const std::bad_alloc&) {
    problem = "out of memory";
  } catch (const std::exception& e) {
    problem = e.what();
  }
  Report report;
  report.source_path = source;
  report.output_path = output;
  report.onnxport_version = version();
  report.error = source + ": " + problem;
  return report;
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
    return guarded(source, output, [&] { return exporter(source, output, config, progress); });
  }
  Report report;
  report.source_path = source;
  report.output_path = output;
  report.format = config.format;
  report.onnxport_version = version();
  report.error =
      fmt::format("there is no format `{}`; did you mean `{}`? (known: {})", config.format,
                  nearest(config.format, formats()), fmt::join(formats(), ", "));
  return report;
}

Report verify_model(const std::string& source, const std::string& onnx_path,
                    const ExportConfig& config, const Progress& progress) {
  return guarded(source, onnx_path,
                 [&] { return road::verify_onnx(source, onnx_path, config, progress); });
}

// What libonnx 1.23 and ONNX Runtime 1.32 both know.
int64_t newest_opset() { return 28; }

const char* version() { return ONNXPORT_VERSION; }

}  // namespace onnxport
