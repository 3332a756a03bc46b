// What torch.save writes (torch 1.6 and later): a zip with a pickle, `<root>/data.pkl`, and one
// stored entry for each storage, `<root>/data/<key>`. Tensors are views of those entries.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"
#include "formats/zip.h"

namespace onnxport::formats {

struct SavedTensor {
  std::string name;
  Tensor tensor;
};

struct SavedTensors {
  std::vector<SavedTensor> tensors;
  std::vector<std::string> others;  // names of values that are no tensors
};

// A dict of names to tensors. Refused: tensor subclasses and other things that only Python can
// build, when they stand where a tensor is named; big-endian files.
Result<SavedTensors> read_saved_dict(std::shared_ptr<const Storage> bytes,
                                     const ZipLimits& limits = {});
// A single tensor.
Result<Tensor> read_saved_tensor(std::shared_ptr<const Storage> bytes,
                                 const ZipLimits& limits = {});

}  // namespace onnxport::formats
