// The archive's modules, weights and constants as values: each object and tensor is one value,
// however often the code reads it.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "torchscript/value.h"

namespace onnxport::torchscript {

class Archive {
 public:
  // A value of libtorch. A weight keeps its data where libtorch has it; `path`: its name.
  Ref stored(const c10::IValue& value, const std::string& path);
  // A constant of the code; `key` tells it from others.
  Ref constant(const void* key, const c10::IValue& value);
  Ref attribute(const Ref& object, const std::string& name);
  void set_attribute(const Ref& object, const std::string& name, Ref value);
  // The module at this path.
  Ref module_at(const Ref& root, const std::string& path);

  // The attributes of the archive's modules that the code has set, in order.
  const std::vector<std::pair<Ref, std::string>>& changed() const { return changed_; }

 private:
  Ref weight(const at::Tensor& tensor, const std::string& path);

  std::unordered_map<const void*, Ref> known_;  // by the object, tensor or constant
  std::vector<at::Tensor> kept_;                // alive as long as their address is a key
  std::vector<std::pair<Ref, std::string>> changed_;
};

}  // namespace onnxport::torchscript
