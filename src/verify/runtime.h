// ONNX Runtime, loaded with dlopen (ORT_API_MANUAL_INIT). Found through ONNXPORT_ONNXRUNTIME, the
// path built in by CMake, or the system's loader, in that order.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"
#include "onnx/model_files.h"
#include "onnx/write.h"

namespace onnxport::verify {

struct SessionOptions {
  bool optimize = true;  // false: graph optimizations off, for the search of the first difference
  int threads = 0;       // 0: the runtime's default
  std::stop_token cancel = {};  // ends a run between two nodes, with an Error
};

struct Port {  // an input or output of the model
  std::string name;
  DType dtype;
  std::vector<std::string> dim_names;  // "" where fixed
  std::vector<int64_t> dims;           // -1 where dynamic
};

class Session {
 public:
  // Of what is mapped: nothing is opened, so that it works behind the sandbox's wall.
  static Result<std::unique_ptr<Session>> open(const onnx::ModelFiles& files,
                                               const SessionOptions& = {});
  static Result<std::unique_ptr<Session>> open(const onnx::Serialized& model,
                                               const SessionOptions& = {});
  virtual ~Session() = default;
  virtual const std::vector<Port>& inputs() const = 0;
  virtual const std::vector<Port>& outputs() const = 0;
  virtual Result<std::vector<Tensor>> run(const std::vector<Tensor>& inputs) = 0;
  // The same where outputs need not be tensors: a sequence gives its elements, a map its keys and
  // its values, an optional that is empty gives nothing.
  using Parts = std::vector<Tensor>;
  virtual Result<std::vector<Parts>> run_parts(const std::vector<Tensor>& inputs) = 0;
};

// Loads the runtime: to be called before a fork that uses it, so that it is loaded once.
Result<std::string> runtime_version();

}  // namespace onnxport::verify
