// An ONNX file as it is opened.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace onnxport::onnx {

// The file, mapped; refused where its first bytes say that it is something else.
Result<std::shared_ptr<const MappedFile>> open_model_file(const std::string& path);

}  // namespace onnxport::onnx
