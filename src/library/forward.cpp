// The program's side: libonnxport.so. Nothing but this file, the C++ library and the loader is in
// it.
#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "library/converter_api.h"

#ifndef ONNXPORT_VERSION
#define ONNXPORT_VERSION "0"
#endif

namespace onnxport {
namespace {

using library::ConverterApi;

std::string own_folder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&onnxport::version), &info) == 0) return ".";
  const std::string path = info.dli_fname;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// RTLD_DEEPBIND: what the converter brings along goes before what the program has of the same name.
// The address sanitizer refuses it; no program with it and libtorch is the converter's business.
int loading_flags() {
#if defined(__SANITIZE_ADDRESS__)
  return RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
#else
  return RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND;
#endif
}

struct Loaded {
  const ConverterApi* converter = nullptr;
  std::string problem;
};

Loaded load() {
  Loaded out;
  // Installed, then as built.
  for (const char* place : {"/onnxport/onnxport_converter.so", "/onnxport_converter.so"}) {
    const std::string path = own_folder() + place;
    void* library = dlopen(path.c_str(), loading_flags());
    if (library == nullptr) {
      const char* why = dlerror();
      out.problem += std::string("\n  tried ") + (why != nullptr ? why : path.c_str());
      continue;
    }
    auto* get =
        reinterpret_cast<const ConverterApi* (*)()>(dlsym(library, "onnxport_converter_api"));
    if (get != nullptr) {
      out.converter = get();
      return out;
    }
    out.problem += "\n  tried " + path + ": it has no function onnxport_converter_api";
  }
  out.problem =
      "the converter (onnxport_converter.so) could not be loaded; is onnxport installed "
      "as a whole?" +
      out.problem;
  return out;
}

const Loaded& loaded() {
  static const Loaded once = load();
  return once;
}

const ConverterApi* converter() { return loaded().converter; }

template <typename R>
R refusal(const std::string& source, const std::string& output) {
  R report;
  report.source_path = source;
  report.output_path = output;
  report.onnxport_version = version();
  report.error = loaded().problem;
  return report;
}

ConfigError no_converter() { return {"", "", loaded().problem}; }

}  // namespace

std::optional<ConfigError> load_config(const std::string& path, ExportConfig& config) {
  return converter() != nullptr ? converter()->load_export_config(path, config) : no_converter();
}

std::optional<ConfigError> load_config(const std::string& path, SimplifyConfig& config) {
  return converter() != nullptr ? converter()->load_simplify_config(path, config) : no_converter();
}

std::optional<ConfigError> check_config(const ExportConfig& config) {
  return converter() != nullptr ? converter()->check_export_config(config) : no_converter();
}

std::optional<ConfigError> check_config(const SimplifyConfig& config) {
  return converter() != nullptr ? converter()->check_simplify_config(config) : no_converter();
}

Report export_model(const std::string& source, const std::string& output,
                    const ExportConfig& config, const Progress& progress,
                    const std::stop_token& cancel) {
  if (converter() == nullptr) return refusal<Report>(source, output);
  return converter()->export_model(source, output, config, progress, cancel);
}

Report verify_model(const std::string& source, const std::string& onnx_path,
                    const ExportConfig& config, const Progress& progress,
                    const std::stop_token& cancel) {
  if (converter() == nullptr) return refusal<Report>(source, onnx_path);
  return converter()->verify_model(source, onnx_path, config, progress, cancel);
}

bool register_format(const Format& format) {
  return converter() != nullptr && converter()->register_format(format);
}

std::vector<FormatInfo> formats() {
  return converter() != nullptr ? converter()->formats() : std::vector<FormatInfo>();
}

int64_t newest_opset() { return converter() != nullptr ? converter()->newest_opset() : 0; }
const char* version() { return ONNXPORT_VERSION; }
std::string check_torch(const std::string& version) {
  return converter() != nullptr ? converter()->check_torch(version) : loaded().problem;
}

std::string Report::text() const {
  return converter() != nullptr ? converter()->report_text(*this) : error;
}
std::string Report::json() const {
  return converter() != nullptr ? converter()->report_json(*this) : "";
}
std::string Report::html() const {
  return converter() != nullptr ? converter()->report_html(*this) : "";
}

std::vector<SimplifyRule> simplify_rules() {
  return converter() != nullptr ? converter()->simplify_rules() : std::vector<SimplifyRule>();
}

std::string simplified_path(const std::string& source) {
  return converter() != nullptr ? converter()->simplified_path(source) : source;
}

SimplifyReport simplify_model(const std::string& source, const std::string& output,
                              const SimplifyConfig& config, const Progress& progress,
                              const std::stop_token& cancel) {
  if (converter() == nullptr) return refusal<SimplifyReport>(source, output);
  return converter()->simplify_model(source, output, config, progress, cancel);
}

std::string SimplifyReport::text() const {
  return converter() != nullptr ? converter()->simplify_report_text(*this) : error;
}
std::string SimplifyReport::json() const {
  return converter() != nullptr ? converter()->simplify_report_json(*this) : "";
}
std::string SimplifyReport::html() const {
  return converter() != nullptr ? converter()->simplify_report_html(*this) : "";
}

std::string TensorReport::text() const {
  return converter() != nullptr ? converter()->tensor_text(*this) : name;
}
std::string DivergenceReport::text() const {
  return converter() != nullptr ? converter()->divergence_text(*this) : reason;
}

}  // namespace onnxport
