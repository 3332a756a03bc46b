#include "verify/slices.h"

#include <algorithm>

namespace onnxport::verify {

Tensor rows(const Tensor& tensor, int64_t first, int64_t count) {
  CHECK(!tensor.dims.empty() && tensor.dims[0] > 0);
  std::vector<int64_t> dims = tensor.dims;
  dims[0] = count;
  size_t width = tensor.nbytes() / static_cast<size_t>(tensor.dims[0]);
  std::vector<std::byte> bytes(width * static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    auto row = static_cast<size_t>(std::min(first + i, tensor.dims[0] - 1));
    tensor.storage->read(row * width,
                         std::span(bytes).subspan(static_cast<size_t>(i) * width, width));
  }
  return Tensor::owned(tensor.dtype, std::move(dims), std::move(bytes));
}

Tensor concatenate(const std::vector<Tensor>& parts) {
  std::vector<int64_t> dims = parts.front().dims;
  dims[0] = 0;
  std::vector<std::byte> bytes;
  for (const Tensor& part : parts) {
    dims[0] += part.dims[0];
    std::vector<std::byte> more = part.bytes();
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  return Tensor::owned(parts.front().dtype, std::move(dims), std::move(bytes));
}

Result<std::vector<Tensor>> run_in_slices(const Forward& forward, const std::vector<Tensor>& inputs,
                                          int64_t fixed) {
  int64_t batch = inputs.front().dims.front();
  std::vector<std::vector<Tensor>> parts;
  for (int64_t first = 0; first < batch; first += fixed) {
    std::vector<Tensor> slice;
    for (const Tensor& input : inputs) slice.push_back(rows(input, first, fixed));
    TRY_ASSIGN(std::vector<Tensor> outputs, forward(slice));
    parts.resize(outputs.size());
    int64_t wanted = std::min(fixed, batch - first);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Tensor& output = outputs[i];
      if (output.dims.empty() || output.dims[0] == 0 || output.dims[0] % fixed != 0) {
        return Error{"output " + std::to_string(i) + " does not have the batch in axis 0", ""};
      }
      parts[i].push_back(rows(output, 0, output.dims[0] / fixed * wanted));
    }
  }
  std::vector<Tensor> out;
  for (const auto& pieces : parts) out.push_back(concatenate(pieces));
  return out;
}

}  // namespace onnxport::verify
