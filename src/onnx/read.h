// ONNX file -> Model. The file is mapped; initializers are views into it. External data is mapped
// from beside the file. Every opset from 7 on; what the IR does not interpret is kept as bytes.
#pragma once

#include <string>

#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::onnx {

Result<Model> read_model(const std::string& path);

}  // namespace onnxport::onnx
