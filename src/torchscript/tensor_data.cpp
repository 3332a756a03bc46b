#include "torchscript/tensor_data.h"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/ops/empty_strided.h>

#include <algorithm>

#include "torchscript/sizes.h"

namespace onnxport::torchscript {
namespace {

// A weight's data is looked at up to so many elements, in case the code looks into it.
constexpr int64_t kMaxKnownWeight = 1024;

const void* storage_of(const at::Tensor& t) { return t.storage().unsafeGetStorageImpl(); }

}  // namespace

at::Tensor meta_of(const at::Tensor& tensor) {
  if (tensor.is_meta()) return tensor;
  return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kMeta));
}

void for_each_tensor(const Ref& value, const std::function<void(const Ref&)>& f) {
  if (value->is_tensor()) f(value);
  for (const Ref& item : value->items()) for_each_tensor(item, f);
}

bool TensorData::is_known(const Ref& tensor) {
  if (tensor->tensor().samples.empty()) sample(tensor, 0, false);
  const auto& samples = tensor->tensor().samples;
  return std::none_of(samples.begin(), samples.end(), [&](const at::Tensor& t) {
    return t.is_meta() || forgotten_.contains(storage_of(t));
  });
}

bool TensorData::all_known(const std::vector<Ref>& values) {
  return std::all_of(values.begin(), values.end(), [&](const Ref& value) {
    return value->is_tensor() ? is_known(value) : all_known(value->items());
  });
}

at::Tensor TensorData::sample(const Ref& tensor, size_t sample, bool meta) {
  Tensor& known = tensor->tensor();
  if (known.samples.empty()) {
    const at::Tensor& t = known.stored;
    const bool small = t.numel() <= (known.literal ? kMaxKnown : kMaxKnownWeight) &&
                       t.layout() == at::kStrided && !t.is_quantized();
    for (size_t s = 0; s < kSamples; ++s) {
      known.samples.push_back(small ? t.clone().to(at::kCPU) : meta_of(t));
    }
  }
  const at::Tensor& t = known.samples[sample];
  return meta ? meta_of(t) : t;
}

c10::IValue TensorData::ivalue(const Ref& value, size_t at, bool meta) {
  if (value->is_tensor()) return sample(value, at, meta);
  if (!value->at().empty()) return value->at()[at];
  if (value->is<Object>()) throw Refusal("passes an object to an operator");
  if (value->is_stacked()) {
    throw Refusal(
        "a list that is filled in a loop whose end depends on the data can only be "
        "stacked or concatenated");
  }
  std::vector<c10::IValue> items;
  for (const Ref& item : value->items()) items.push_back(ivalue(item, at, meta));
  if (value->is<Tuple>()) return c10::ivalue::Tuple::create(std::move(items));
  if (value->is_list()) {
    c10::impl::GenericList out(type_of(value)->expectRef<c10::ListType>().getElementType());
    for (c10::IValue& item : items) out.push_back(std::move(item));
    return out;
  }
  const Dict& dict = value->dict();
  const auto& type = dict.type->expectRef<c10::DictType>();
  c10::impl::GenericDict out(type.getKeyType(), type.getValueType());
  for (size_t i = 0; i < dict.keys.size(); ++i) {
    out.insert(ivalue(dict.keys[i], at, meta), std::move(items[i]));
  }
  return out;
}

void TensorData::forget(const Tensor& tensor) {
  for (const at::Tensor& t : tensor.samples) {
    if (t.is_meta() || !forgotten_.insert(storage_of(t)).second) continue;
    kept_.push_back(t);
  }
}

void TensorData::count_write(const Tensor& tensor) {
  for (const at::Tensor& t : tensor.samples) ++writes_[storage_of(t)];
}

size_t TensorData::writes_to(const Tensor& tensor) const {
  auto found = writes_.find(storage_of(tensor.samples[0]));
  return found == writes_.end() ? 0 : found->second;
}

}  // namespace onnxport::torchscript
