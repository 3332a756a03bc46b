#include "torchscript/recorder.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "torchscript/convert.h"

namespace onnxport::torchscript {
namespace {

// A name with dots as a name of a value.
std::string undotted(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

// The strides of the tensor in every sample; nullopt where they have no formula.
std::optional<Shape> strides_of(const Sizes& sizes, const std::vector<at::Tensor>& samples,
                                const Shape& dims) {
  Shape strides(dims.size());
  const bool contiguous = std::all_of(samples.begin(), samples.end(),
                                      [](const at::Tensor& t) { return t.is_contiguous(); });
  if (contiguous) {
    Expr step(1);
    for (size_t i = dims.size(); i-- > 0;) {
      strides[i] = step;
      step *= dims[i];
    }
    return strides;
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    Ints at;
    for (const at::Tensor& t : samples) at.push_back(t.stride(static_cast<int64_t>(i)));
    auto found = sizes.fit(at);
    if (!found) return std::nullopt;
    strides[i] = *found;
  }
  return strides;
}

DType known_dtype(at::ScalarType type) {
  auto dtype = dtype_of(type);
  if (!dtype.ok()) throw Refusal(dtype.error().str());
  return *dtype;
}

}  // namespace

void Recorder::note(std::string text) {
  if (notes_.insert(text).second) program_.notes.push_back(std::move(text));
}

aten::ValueId Recorder::new_value(aten::Value value, const std::string& stem) {
  value.name = names_.unique(stem);
  return program_.add_value(std::move(value));
}

aten::ValueId Recorder::id_of(const Ref& value) {
  Tensor& tensor = value->tensor();
  if (tensor.id.valid()) return tensor.id;
  at::Tensor data = tensor.stored;
  if (!tensor.samples.empty() && tensor.literal) data = tensor.samples[0].clone();
  if (!data.defined()) throw Refusal("a tensor has no data and no name");
  if (data.is_quantized() || data.layout() != at::kStrided) {
    throw Refusal("`" + tensor.fqn + "` is a quantized or sparse tensor, which is not supported");
  }
  auto converted = from_torch(data.to(at::kCPU));
  if (!converted.ok()) throw Refusal(converted.error().str());
  aten::Value entry;
  entry.dtype = converted->dtype;
  entry.shape = Shape(converted->dims.begin(), converted->dims.end());
  at::Tensor contiguous = data.contiguous();
  entry.strides = Shape(contiguous.strides().begin(), contiguous.strides().end());
  tensor.id = new_value(std::move(entry), tensor.fqn.empty() ? "constant" : undotted(tensor.fqn));
  std::string fqn = tensor.fqn.empty() ? program_.value(tensor.id).name : tensor.fqn;
  program_.weights.push_back({tensor.id, std::move(fqn), std::move(converted).value()});
  return tensor.id;
}

Ref Recorder::new_tensor(std::vector<at::Tensor> samples, Shape dims, const std::string& stem) {
  aten::Value entry;
  entry.dtype = known_dtype(samples[0].scalar_type());
  entry.shape = dims;
  entry.strides = strides_of(sizes_, samples, dims);
  Tensor made;
  made.samples = std::move(samples);
  made.dims = std::move(dims);
  made.id = new_value(std::move(entry), stem);
  return make(std::move(made));
}

Ref Recorder::new_tensor_like(const at::Tensor& like, const Shape& dims, const std::string& stem) {
  std::vector<Ints> sizes(kSamples);
  for (const Expr& e : dims) {
    const Ints at = sizes_.values_of(e);
    for (size_t s = 0; s < kSamples; ++s) sizes[s].push_back(at[s]);
  }
  std::vector<at::Tensor> samples;
  for (const Ints& s : sizes) samples.push_back(at::empty(s, like.options().device(at::kMeta)));
  return new_tensor(std::move(samples), dims, stem);
}

Ref Recorder::new_input(const std::string& name, at::ScalarType type, Shape dims) {
  const at::Tensor like = at::empty({0}, at::TensorOptions(type).device(at::kMeta));
  Ref made = new_tensor_like(like, dims, undotted(name));
  program_.inputs.push_back({made->tensor().id, name});
  return made;
}

}  // namespace onnxport::torchscript
