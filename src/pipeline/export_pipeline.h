// The export: read, lower, simplify, write, check, verify; and the proof alone, for a file that
// exists.
#pragma once

#include <string>

#include "onnxport/export.h"

namespace onnxport::pipeline {

Report export_onnx(const std::string& source, const std::string& output, const ExportConfig& config,
                   const Progress& progress);
Report verify_onnx(const std::string& source, const std::string& onnx_path,
                   const ExportConfig& config, const Progress& progress);

// A report that has run nothing yet.
Report fresh_report(const std::string& source, const std::string& output);

// "model.onnx" -> "model.failed.onnx": where a file that failed its proof is kept.
std::string failed_path(const std::string& output);

}  // namespace onnxport::pipeline
