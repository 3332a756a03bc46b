// ONNX file -> Model. The file is mapped; initializers are views into it. External data is mapped
// from beside the file. Every opset from 7 on; what the IR does not interpret is kept as bytes.
//
// Broken files (cut off, names twice or undefined, data of the wrong length, external data outside
// the model's folder) are an Error that names the file and the node or initializer. A dim_param
// whose text is an Expr's becomes that Expr, any other a symbol of that name; a dimension without
// size or name becomes unknown_dim(). A model older than IR version 4, where initializers had to be
// listed as inputs, loses those inputs and becomes version 4: its initializers are constants.
#pragma once

#include <string>

#include "base/result.h"
#include "onnx/graph.h"
#include "onnx/model_files.h"

namespace onnxport::onnx {

Result<Model> read_model(const std::string& path);
// The same, of files that are open; opens none.
Result<Model> read_model(const ModelFiles& files);

}  // namespace onnxport::onnx
