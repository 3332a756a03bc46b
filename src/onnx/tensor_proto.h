// TensorProto -> Tensor, with nothing copied that can be a view of the file: raw_data of the mapped
// file and external data beside it.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/tensor.h"
#include "onnx/model_files.h"

namespace onnxport::onnx {

// A TensorProto taken apart without its raw_data: `rest` has every other field, `raw` views the
// file.
struct SplitTensor {
  ::onnx::TensorProto rest;
  std::optional<std::string_view> raw;
};
Result<SplitTensor> split_tensor(std::string_view bytes);

// The files with external data beside a model, each mapped once. A location must be relative and
// must not leave the model's folder, neither by its text ("..", absolute) nor by a symbolic link in
// it. Where the model itself is reached by a link, the folder that it really lies in is its own,
// too: a model hub's cache keeps both files behind links to one folder.
class ExternalFiles {
 public:
  explicit ExternalFiles(const std::string& model_path);
  // Those that are open; no other is opened.
  explicit ExternalFiles(const ModelFiles& files);
  Result<std::shared_ptr<const MappedFile>> open(const std::string& location);
  Result<std::shared_ptr<const Storage>> storage(const ::onnx::TensorProto& proto, size_t size);

 private:
  bool may_open_ = true;
  std::string folder_;                // "" or ends with a slash
  std::vector<std::string> allowed_;  // folders that the data may lie in
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

// `raw` stands for proto.raw_data() when given: bytes of `file`.
Result<Tensor> from_proto(const ::onnx::TensorProto& proto, std::optional<std::string_view> raw,
                          const MappedFile& file, ExternalFiles& external);

}  // namespace onnxport::onnx
