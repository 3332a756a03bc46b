// What can be written. "onnx" is built in (format_onnx.cpp); a program's own formats
// (onnxport::Format, register_format) are made from the ONNX file (format_converted.cpp).
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "onnx/graph.h"
#include "onnxport/export.h"
#include "pipeline/staging_folder.h"

namespace onnxport::pipeline {

class OutputFormat {
 public:
  virtual ~OutputFormat() = default;

  virtual std::string name() const = 0;
  virtual std::string extension() const = 0;    // of the file, with the dot
  virtual std::string description() const = 0;  // a line for a reader

  // Writes the model where it can be checked and proven: an ONNX file in `staging`, whose path is
  // given back. Errors may name files in `staging`.
  virtual Result<std::string> write(const onnx::Model& model, StagingFolder& staging,
                                    const std::stop_token& cancel) const = 0;
  // Makes of that file, once it is checked and proven, what is published, and checks it. Nothing is
  // left to do where the ONNX file itself is published.
  virtual bool converts() const { return false; }
  virtual Status convert(const std::string& /*onnx_path*/, StagingFolder& /*staging*/,
                         const Report& /*so_far*/, const ExportConfig& /*config*/,
                         const std::stop_token& /*cancel*/) const {
    return {};
  }
};

// False when the name is taken.
bool register_output_format(std::shared_ptr<const OutputFormat> format);
// The error names the formats that there are, the nearest first.
Result<std::shared_ptr<const OutputFormat>> find_output_format(const std::string& name);

std::shared_ptr<const OutputFormat> converted_format(Format format);

// At namespace scope in the file of a built-in format.
struct RegisterOutputFormat {
  explicit RegisterOutputFormat(std::shared_ptr<const OutputFormat> format) {
    register_output_format(std::move(format));
  }
};

}  // namespace onnxport::pipeline
