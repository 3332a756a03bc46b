// What is known of the data of tensors: in every sample, or in none.
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "torchscript/value.h"

namespace onnxport::torchscript {

// Data is computed for tensors up to so many elements.
constexpr int64_t kMaxKnown = 1 << 20;

at::Tensor meta_of(const at::Tensor& tensor);

class TensorData {
 public:
  bool is_known(const Ref& tensor);                // its data is at hand in every sample
  bool all_known(const std::vector<Ref>& values);  // of all tensors in them
  // What it is in one sample: on the meta device, or with its data where that is known.
  at::Tensor sample(const Ref& tensor, size_t sample, bool meta);
  at::ScalarType dtype(const Ref& tensor) { return sample(tensor, 0, true).scalar_type(); }
  // Any value in one sample, for an operator of libtorch.
  c10::IValue ivalue(const Ref& value, size_t sample, bool meta);

  // From here on nobody knows what this tensor, and what shares its memory, holds.
  void forget(const Tensor& tensor);
  void count_write(const Tensor& tensor);
  // How often this tensor, or what shares its memory, has been written.
  size_t writes_to(const Tensor& tensor) const;

 private:
  std::unordered_set<const void*> forgotten_;       // storages
  std::unordered_map<const void*, size_t> writes_;  // to a storage
  std::vector<at::Tensor> kept_;                    // alive as long as their address is a key
};

void for_each_tensor(const Ref& value, const std::function<void(const Ref&)>& f);

}  // namespace onnxport::torchscript
