// What export_model() and verify_model() run: read, lower, simplify, write, check, verify; and the
// proof alone, for a file that exists.
#pragma once

#include <stop_token>
#include <string>

#include "onnxport/export.h"
#include "pipeline/format.h"

namespace onnxport::pipeline {

Report run_export(const std::string& source, const std::string& output, const OutputFormat& format,
                  const ExportConfig& config, const Progress& progress,
                  const std::stop_token& cancel);
Report run_verify(const std::string& source, const std::string& onnx_path,
                  const ExportConfig& config, const Progress& progress,
                  const std::stop_token& cancel);

// A report that has run nothing yet.
Report fresh_report(const std::string& source, const std::string& output);

// "model.onnx" -> "model.failed.onnx": where a file that failed its proof is kept. `extension` is
// what a file of the format ends in.
std::string failed_path(const std::string& output, const std::string& extension = ".onnx");

}  // namespace onnxport::pipeline
