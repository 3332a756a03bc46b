#include "torchscript/convert.h"

#include <cstring>
#include <memory>
#include <utility>

namespace onnxport::torchscript {
namespace {

constexpr std::pair<DType, at::ScalarType> kTypes[] = {
    {DType::kFloat, at::kFloat},
    {DType::kDouble, at::kDouble},
    {DType::kFloat16, at::kHalf},
    {DType::kBFloat16, at::kBFloat16},
    {DType::kUint8, at::kByte},
    {DType::kInt8, at::kChar},
    {DType::kInt16, at::kShort},
    {DType::kInt32, at::kInt},
    {DType::kInt64, at::kLong},
    {DType::kBool, at::kBool},
    {DType::kUint16, at::kUInt16},
    {DType::kUint32, at::kUInt32},
    {DType::kUint64, at::kUInt64},
    {DType::kComplex64, at::kComplexFloat},
    {DType::kComplex128, at::kComplexDouble},
    {DType::kFloat8E4M3FN, at::kFloat8_e4m3fn},
    {DType::kFloat8E5M2, at::kFloat8_e5m2},
};

class TorchStorage final : public Storage {
 public:
  explicit TorchStorage(at::Tensor tensor) : tensor_(std::move(tensor)) {}
  size_t size() const override { return tensor_.nbytes(); }
  std::span<const std::byte> view() const override {
    return {static_cast<const std::byte*>(tensor_.const_data_ptr()), size()};
  }
  void read(size_t offset, std::span<std::byte> out) const override {
    if (!out.empty()) std::memcpy(out.data(), view().data() + offset, out.size());
  }

 private:
  at::Tensor tensor_;  // contiguous
};

}  // namespace

Result<at::ScalarType> scalar_type(DType dtype) {
  for (auto [ours, theirs] : kTypes) {
    if (ours == dtype) return theirs;
  }
  return Error{std::string("libtorch has no dtype ") + name(dtype), ""};
}

Result<DType> dtype_of(at::ScalarType type) {
  for (auto [ours, theirs] : kTypes) {
    if (theirs == type) return ours;
  }
  return Error{std::string("PyTorch's dtype ") + c10::toString(type) + " has no ONNX equivalent",
               ""};
}

Result<onnxport::Tensor> from_torch(const at::Tensor& tensor) {
  onnxport::Tensor out;
  TRY_ASSIGN(out.dtype, dtype_of(tensor.scalar_type()));
  out.dims = tensor.sizes().vec();
  at::Tensor plain = tensor.resolve_conj().resolve_neg().contiguous();
  out.storage = std::make_shared<TorchStorage>(std::move(plain));
  return out;
}

}  // namespace onnxport::torchscript
