// A tensor as PyTorch stores it: a storage of bytes, read with sizes, strides and an offset.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::formats {

struct Strided {
  DType dtype = DType::kUndefined;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;  // in elements, not negative
  int64_t offset = 0;            // in elements
};

// Row-major, without copying where that can be: a view if the elements lie in order, a lazy
// transpose if they are dense in another order of dimensions; otherwise (slices, strides of 0) a
// copy of at most `max_copy` bytes, and a lazy storage above that: four bytes may be a tensor of
// terabytes. An error if an element lies outside the storage or the sizes overflow.
Result<Tensor> strided_tensor(const Strided& layout, std::shared_ptr<const Storage> storage,
                              size_t max_copy = size_t{1} << 24);

}  // namespace onnxport::formats
