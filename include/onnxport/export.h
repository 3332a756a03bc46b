// onnxport: turns a trained PyTorch model into an ONNX file that is proven to compute the same.
//
//   onnxport::ExportConfig config;
//   config.opset_version = 17;
//   onnxport::Report report = onnxport::export_model("model.pt2", "model.onnx", config);
//   if (!report.passed()) std::cerr << report.text();
//
// No function here throws; nothing here includes libtorch, ONNX or protobuf headers.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "onnxport/config.h"
#include "onnxport/report.h"

namespace onnxport {

// Called as stages start and end: for a progress line.
using Progress = std::function<void(const std::string& stage, bool finished, double seconds)>;

// The one function that runs the whole pipeline. `config.format` picks a registered format.
//
// A stop that is requested through `cancel` (of a std::stop_source), from `progress` or from
// another thread, ends the run soon, whatever it is doing: the outcome is kCancelled, nothing is
// written and nothing is left behind. Only single calls into libraries (onnx.checker, one call of
// libtorch) are waited for.
ONNXPORT_API Report export_model(const std::string& source, const std::string& output,
                                 const ExportConfig& config = {}, const Progress& progress = {},
                                 const std::stop_token& cancel = {});
// The proof alone, for an ONNX file that is there already.
ONNXPORT_API Report verify_model(const std::string& source, const std::string& onnx_path,
                                 const ExportConfig& config = {}, const Progress& progress = {},
                                 const std::stop_token& cancel = {});

// What a format of one's own is made from.
struct StagedModel {
  // The model as an ONNX file, checked and proven where that was asked for; where it is larger than
  // 2 GB its weights stand beside it, in `<onnx_path>.data`. It goes when the run ends.
  std::string onnx_path;
  // The file to write. It gets the name that was asked for when all has gone well; so does what
  // stands beside it with a name that begins with the stem of this one's ("model.bin" of
  // "model.xml").
  std::string output_path;
  const Report& report;  // so far: inputs, outputs, operators, the comparison
  const ExportConfig& config;
  std::stop_token cancel;
};

// A format of a program's own.
struct Format {
  std::string name;         // for ExportConfig::format
  std::string extension;    // ".xml"
  std::string description;  // one line
  // Both return an error text, empty when all is well. `check` may be empty; it is given the file
  // that `write` wrote.
  std::function<std::string(const StagedModel& staged)> write;
  std::function<std::string(const std::string& path)> check = {};
};
// False when the name is taken or there is no `write`. "onnx" is registered by the library itself.
ONNXPORT_API bool register_format(const Format& format);

struct FormatInfo {
  std::string name, extension, description;
};
ONNXPORT_API std::vector<FormatInfo> formats();  // sorted by name

ONNXPORT_API const char* version();
// For a program compiled with this libtorch ("2.13.0"): an error text when onnxport's plugin was
// built with another one, empty when all is well or there is no plugin. onnxport/torch.h asks.
ONNXPORT_API std::string check_torch(const std::string& version);

}  // namespace onnxport
