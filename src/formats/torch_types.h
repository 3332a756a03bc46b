// PyTorch's element types: the one table that says how many bytes an element has in a file,
// whatever the file names its type by. What is not in it is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::formats {

struct TorchType {
  std::string_view
      storage;            // its storage class in a pickle: "torch FloatStorage"; "" if it has none
  std::string_view name;  // its dtype in a pickle: "torch float32"
  int64_t number;         // in the JSON of a .pt2; 0 if it has none
  DType dtype;            // kUndefined where ONNX has none
  size_t bytes;           // of one element
  bool quantized = false;
};

// nullptr for what is no storage class that is known. "torch.storage UntypedStorage" counts bytes.
const TorchType* torch_type_of_storage(std::string_view global);

// kUndefined when it is none that is known, or none that ONNX has.
DType dtype_named(std::string_view global);    // "torch float32"
DType dtype_numbered(int64_t number_in_json);  // 7

// Bytes of `elements` of a type, as a file counts them: an Error below 0 and beyond 2^63.
Result<size_t> bytes_of_elements(const TorchType& type, int64_t elements);

}  // namespace onnxport::formats
