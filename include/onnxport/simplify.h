// onnxport: simplifies an ONNX file from any exporter, and proves that it still computes the same.
//
//   onnxport::SimplifyConfig config;
//   config.inputs = {{.name = "input", .sizes = {{1, 3, 224, 224}}}};
//   onnxport::SimplifyReport report = onnxport::simplify_model("model.onnx", "small.onnx", config);
//   if (!report.passed()) std::cerr << report.text();
//
// No function here throws; nothing here includes ONNX or protobuf headers.
#pragma once

#include <stop_token>
#include <string>

#include "onnxport/export.h"

namespace onnxport {

// "model.onnx" -> "model.simplified.onnx"
ONNXPORT_API std::string simplified_path(const std::string& source);

// Reads `source`, writes `output`. The file gets its name only when it has passed: nothing is
// written over a good file by a bad one. An empty `output` is simplified_path(source), or the
// source itself with config.overwrite. `cancel` is as export_model()'s.
ONNXPORT_API SimplifyReport simplify_model(const std::string& source, const std::string& output,
                                           const SimplifyConfig& config = {},
                                           const Progress& progress = {},
                                           const std::stop_token& cancel = {});

}  // namespace onnxport
