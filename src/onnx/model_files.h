// The files that an ONNX model is in, mapped: the model and, beside it, the external data of its
// tensors. Whoever has them needs no file system any more.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace onnxport::onnx {

struct ModelFiles {
  std::shared_ptr<const MappedFile> model;
  // By their location, as the model's tensors name them.
  std::map<std::string, std::shared_ptr<const MappedFile>> external;
  const std::string& path() const { return model->path(); }
};

// The error names the file and, where one is missing or must not be read, the location.
Result<ModelFiles> open_model_files(const std::string& path);

}  // namespace onnxport::onnx
