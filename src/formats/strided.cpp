#include "formats/strided.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "formats/slice.h"

namespace onnxport::formats {

namespace {

std::string describe(const Strided& s) {
  return fmt::format("{} tensor with sizes [{}], strides [{}], offset {}", name(s.dtype),
                     fmt::join(s.sizes, ", "), fmt::join(s.strides, ", "), s.offset);
}

// Elements from the start of the storage to the end of the last one used.
Result<size_t> extent(const Strided& s) {
  int64_t last = s.offset;
  for (size_t i = 0; i < s.sizes.size(); ++i) {
    int64_t step = 0;
    if (__builtin_mul_overflow(s.sizes[i] - 1, s.strides[i], &step) ||
        __builtin_add_overflow(last, step, &last)) {
      return Error{describe(s) + " reaches beyond 2^63 elements", ""};
    }
  }
  size_t bytes = 0;
  if (last < 0 ||
      __builtin_mul_overflow(static_cast<size_t>(last) + 1, byte_size(s.dtype), &bytes)) {
    return Error{describe(s) + " reaches beyond 2^63 bytes", ""};
  }
  return bytes;
}

// True if the elements lie without gaps in the order of dimensions `order`.
bool dense(const Strided& s, const std::vector<int64_t>& order) {
  int64_t expected = 1;
  for (size_t i = order.size(); i-- > 0;) {
    size_t d = static_cast<size_t>(order[i]);
    if (s.sizes[d] == 1) continue;
    if (s.strides[d] != expected) return false;
    expected *= s.sizes[d];  // no overflow: the product of the sizes was checked
  }
  return true;
}

// The elements of a layout in row-major order, looked up while they are read. What is read from has
// its bytes in memory, and every element of the layout.
class StridedStorage final : public Storage {
 public:
  StridedStorage(Strided layout, size_t size, std::shared_ptr<const Storage> source)
      : layout_(std::move(layout)),
        element_(byte_size(layout_.dtype)),
        size_(size),
        source_(std::move(source)) {}

  size_t size() const override { return size_; }
  std::span<const std::byte> view() const override { return {}; }
  void release() const override { source_->release(); }

  void read(size_t offset, std::span<std::byte> out) const override {
    CHECK(offset <= size_ && out.size() <= size_ - offset);
    const std::span<const std::byte> in = source_->view();
    std::vector<int64_t> index(layout_.sizes.size());
    int64_t at = layout_.offset;
    size_t rest = offset / element_;
    for (size_t d = index.size(); d-- > 0;) {
      const auto size = static_cast<size_t>(layout_.sizes[d]);
      index[d] = static_cast<int64_t>(rest % size);
      rest /= size;
      at += index[d] * layout_.strides[d];
    }
    // It may begin and end in the middle of an element.
    for (size_t inside = offset % element_; !out.empty(); inside = 0) {
      const size_t n = std::min(element_ - inside, out.size());
      std::memcpy(out.data(), in.data() + static_cast<size_t>(at) * element_ + inside, n);
      out = out.subspan(n);
      for (size_t d = index.size(); d-- > 0;) {
        at += layout_.strides[d];
        if (++index[d] < layout_.sizes[d]) break;
        at -= layout_.strides[d] * layout_.sizes[d];
        index[d] = 0;
      }
    }
  }

 private:
  const Strided layout_;
  const size_t element_;
  const size_t size_;
  const std::shared_ptr<const Storage> source_;
};

Tensor gathered(const Strided& s, std::shared_ptr<const Storage> storage, size_t nbytes,
                size_t max_copy) {
  Tensor lazy{
      s.dtype, s.sizes, std::make_shared<StridedStorage>(s, nbytes, std::move(storage)), {}};
  if (nbytes > max_copy) return lazy;
  return Tensor::owned(s.dtype, s.sizes, lazy.bytes());
}

}  // namespace

Result<Tensor> strided_tensor(const Strided& s, std::shared_ptr<const Storage> storage,
                              size_t max_copy) {
  if (byte_size(s.dtype) == 0)
    return Error{describe(s) + ": this element type has no raw bytes", ""};
  if (s.sizes.size() != s.strides.size()) {
    return Error{describe(s) + ": as many strides as sizes are needed", ""};
  }
  TRY_ASSIGN(size_t nbytes, checked_nbytes(s.dtype, s.sizes));
  if (s.offset < 0 ||
      std::any_of(s.strides.begin(), s.strides.end(), [](int64_t x) { return x < 0; })) {
    return Error{describe(s) + ": strides and offset cannot be negative", ""};
  }
  if (nbytes == 0) return Tensor::owned(s.dtype, s.sizes, {});
  TRY_ASSIGN(size_t needed, extent(s));
  if (needed > storage->size()) {
    return Error{fmt::format("{} needs {} bytes, but only {} are stored", describe(s), needed,
                             storage->size()),
                 ""};
  }
  std::vector<int64_t> order(s.sizes.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const bool in_order = dense(s, order);
  if (!in_order) {
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return s.strides[static_cast<size_t>(a)] > s.strides[static_cast<size_t>(b)];
    });
    if (!dense(s, order)) return gathered(s, std::move(storage), nbytes, max_copy);
  }
  Tensor tensor;
  tensor.dtype = s.dtype;
  TRY_ASSIGN(tensor.storage,
             slice(std::move(storage), static_cast<size_t>(s.offset) * byte_size(s.dtype), nbytes));
  if (in_order) {
    tensor.dims = s.sizes;
    return tensor;
  }
  std::vector<int64_t> back(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    tensor.dims.push_back(s.sizes[static_cast<size_t>(order[i])]);
    back[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  }
  return tensor.transposed(back);
}

}  // namespace onnxport::formats
