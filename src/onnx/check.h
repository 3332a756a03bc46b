// onnx.checker's check_model with full check, on a file as written.
#pragma once

#include <string>

#include "base/result.h"

namespace onnxport::onnx {

// Reads the file back and runs libonnx's checker and strict shape inference on it. Large raw_data
// is shown to the checker as a reference into the same file, so memory does not follow the weights;
// their lengths are checked here. The error is the checker's own, with the file.
Status check_file(const std::string& path);

}  // namespace onnxport::onnx
