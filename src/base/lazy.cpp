#include "base/lazy.h"

#include <algorithm>
#include <mutex>
#include <numeric>

namespace onnxport {
namespace {

// A storage that computes whole elements; reads may begin and end in the middle of one.
class ElementStorage : public Storage {
 public:
  ElementStorage(StoragePtr source, size_t element_size, size_t elements)
      : source_(std::move(source)), element_size_(element_size), elements_(elements) {}

  size_t size() const final { return elements_ * element_size_; }
  std::span<const std::byte> view() const final { return {}; }
  void release() const override { source_->release(); }

  void read(size_t offset, std::span<std::byte> out) const final {
    CHECK(offset <= size() && out.size() <= size() - offset);
    if (const size_t inside = offset % element_size_; inside != 0 && !out.empty()) {
      const size_t n = std::min(element_size_ - inside, out.size());
      read_part(offset / element_size_, inside, out.first(n));
      out = out.subspan(n);
      offset += n;
    }
    const size_t whole = out.size() / element_size_;
    if (whole > 0) read_elements(offset / element_size_, whole, out.data());
    const size_t tail = out.size() % element_size_;
    if (tail > 0) read_part(offset / element_size_ + whole, 0, out.last(tail));
  }

 protected:
  // `out` need not be aligned.
  virtual void read_elements(size_t first, size_t count, std::byte* out) const = 0;

  const StoragePtr source_;
  const size_t element_size_;
  const size_t elements_;

 private:
  void read_part(size_t element, size_t inside, std::span<std::byte> out) const {
    std::byte buffer[16];
    read_elements(element, 1, buffer);
    std::memcpy(out.data(), buffer + inside, out.size());
  }
};

size_t product(const std::vector<int64_t>& dims) {
  size_t n = 1;
  for (const int64_t dim : dims) n *= static_cast<size_t>(dim);
  return n;
}

// --- transposition -----------------------------------------------------------------------------

// An axis of the result: how many, and how far apart its elements lie in the source.
struct Axis {
  size_t count;
  size_t stride;
};

// The result's axes, without those of size 1, neighbours in both joined.
std::vector<Axis> axes_of(const std::vector<int64_t>& dims, const std::vector<int64_t>& perm) {
  std::vector<size_t> strides(dims.size());
  size_t stride = 1;
  for (size_t i = dims.size(); i-- > 0; stride *= static_cast<size_t>(dims[i])) strides[i] = stride;
  std::vector<Axis> axes;
  for (const int64_t p : perm) {
    const Axis axis{static_cast<size_t>(dims[p]), strides[p]};
    if (axis.count == 1) continue;
    if (!axes.empty() && axes.back().stride == axis.stride * axis.count) {
      axes.back() = {axes.back().count * axis.count, axis.stride};
    } else {
      axes.push_back(axis);
    }
  }
  return axes;
}

// Copies between a source and a contiguous result, for one element size.
template <size_t kSize>
struct Copier {
  static constexpr size_t kTile = 16;

  static void strided(const std::byte* from, size_t stride, size_t count, std::byte* out) {
    for (size_t i = 0; i < count; ++i)
      std::memcpy(out + i * kSize, from + i * stride * kSize, kSize);
  }

  // out[i * out_stride + j] = from[i + j * from_stride]. In tiles, so that every cache line of the
  // source is read once, also where its rows lie a power of two apart.
  static void matrix(const std::byte* from, size_t from_stride, size_t rows, size_t columns,
                     std::byte* out, size_t out_stride) {
    for (size_t j0 = 0; j0 < columns; j0 += kTile) {
      const size_t nj = std::min(kTile, columns - j0);
      for (size_t i0 = 0; i0 < rows; i0 += kTile) {
        const size_t ni = std::min(kTile, rows - i0);
        const std::byte* corner = from + (j0 * from_stride + i0) * kSize;
        std::byte* target = out + (i0 * out_stride + j0) * kSize;
        if (ni == kTile && nj == kTile) {
          tile(corner, from_stride, kTile, kTile, target, out_stride);  // unrolled
        } else {
          tile(corner, from_stride, ni, nj, target, out_stride);
        }
      }
    }
  }

  // matrix() for at most kTile rows and columns: through a buffer, so that both sides are touched
  // in whole lines.
  [[gnu::always_inline]] static inline void tile(const std::byte* from, size_t from_stride,
                                                 size_t rows, size_t columns, std::byte* out,
                                                 size_t out_stride) {
    std::byte buffer[kTile][kTile][kSize];
    for (size_t j = 0; j < columns; ++j) {
      const std::byte* line = from + j * from_stride * kSize;
      for (size_t i = 0; i < rows; ++i) std::memcpy(buffer[i][j], line + i * kSize, kSize);
    }
    for (size_t i = 0; i < rows; ++i) {
      std::memcpy(out + i * out_stride * kSize, buffer[i], columns * kSize);
    }
  }

  // The box spanned by `axes` (strides in elements), written contiguously. Recurses over the rank.
  static void box(const std::byte* from, std::span<const Axis> axes, std::byte* out) {
    const Axis first = axes[0];
    if (axes.size() == 1) {
      if (first.stride == 1) {
        std::memcpy(out, from, first.count * kSize);
      } else {
        strided(from, first.stride, first.count, out);
      }
      return;
    }
    size_t inner = 1;
    for (const Axis& axis : axes.subspan(1)) inner *= axis.count;
    if (first.stride == 1) {
      columns(from, first.count, inner, axes.subspan(1), 0, out);
      return;
    }
    for (size_t i = 0; i < first.count; ++i) {
      box(from + i * first.stride * kSize, axes.subspan(1), out + i * inner * kSize);
    }
  }

  // Rows lie next to each other in the source: walk the middle axes, transpose along the last.
  static void columns(const std::byte* from, size_t rows, size_t row_size,
                      std::span<const Axis> axes, size_t at, std::byte* out) {
    if (axes.size() == 1) {
      matrix(from, axes[0].stride, rows, axes[0].count, out + at * kSize, row_size);
      return;
    }
    size_t inner = 1;
    for (const Axis& axis : axes.subspan(1)) inner *= axis.count;
    for (size_t i = 0; i < axes[0].count; ++i) {
      columns(from + i * axes[0].stride * kSize, rows, row_size, axes.subspan(1), at + i * inner,
              out);
    }
  }

  // Elements [first, first + count) of the result: a partial head, whole slabs, a partial tail.
  static void range(const std::byte* from, std::span<const Axis> axes, size_t first, size_t count,
                    std::byte* out) {
    if (count == 0) return;
    if (axes.size() == 1) {
      const Axis run{count, axes[0].stride};
      box(from + first * run.stride * kSize, {&run, 1}, out);
      return;
    }
    size_t inner = 1;
    for (const Axis& axis : axes.subspan(1)) inner *= axis.count;
    size_t index = first / inner;
    if (const size_t inside = first % inner; inside != 0) {
      const size_t n = std::min(inner - inside, count);
      range(from + index * axes[0].stride * kSize, axes.subspan(1), inside, n, out);
      out += n * kSize;
      count -= n;
      ++index;
    }
    if (const size_t slabs = count / inner; slabs > 0) {
      std::vector<Axis> part(axes.begin(), axes.end());
      part[0].count = slabs;
      box(from + index * axes[0].stride * kSize, part, out);
      out += slabs * inner * kSize;
      count -= slabs * inner;
      index += slabs;
    }
    range(from + index * axes[0].stride * kSize, axes.subspan(1), 0, count, out);
  }
};

class TransposedStorage final : public ElementStorage {
 public:
  TransposedStorage(StoragePtr source, size_t element_size, std::vector<int64_t> dims,
                    std::vector<int64_t> perm)
      : ElementStorage(std::move(source), element_size, product(dims)),
        dims(std::move(dims)),
        perm(std::move(perm)),
        axes_(axes_of(this->dims, this->perm)) {}

  const std::vector<int64_t> dims;  // of the source
  const std::vector<int64_t> perm;
  const StoragePtr& source() const { return source_; }

  std::vector<int64_t> result_dims() const {
    std::vector<int64_t> out;
    for (const int64_t p : perm) out.push_back(dims[p]);
    return out;
  }

  void release() const override {
    {
      const std::lock_guard lock(mutex_);
      computed_ = nullptr;
    }
    source_->release();
  }

 protected:
  void read_elements(size_t first, size_t count, std::byte* out) const override {
    const std::byte* from = source_->view().data();
    std::shared_ptr<const std::vector<std::byte>> computed;
    if (from == nullptr) {
      computed = compute_source();
      from = computed->data();
    }
    switch (element_size_) {
      case 1:
        return Copier<1>::range(from, axes_, first, count, out);
      case 2:
        return Copier<2>::range(from, axes_, first, count, out);
      case 4:
        return Copier<4>::range(from, axes_, first, count, out);
      case 8:
        return Copier<8>::range(from, axes_, first, count, out);
      default:
        return Copier<16>::range(from, axes_, first, count, out);
    }
  }

 private:
  // A source that is not in memory is computed once and kept until release(). This is the rare
  // case: lazy_transpose() moves transpositions below the other lazy storages where it can.
  std::shared_ptr<const std::vector<std::byte>> compute_source() const {
    const std::lock_guard lock(mutex_);
    if (computed_ == nullptr) {
      auto bytes = std::make_shared<std::vector<std::byte>>(source_->size());
      source_->read(0, *bytes);
      computed_ = std::move(bytes);
    }
    return computed_;
  }

  const std::vector<Axis> axes_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const std::vector<std::byte>> computed_;
};

// --- scaling -----------------------------------------------------------------------------------

class ScaledStorage final : public ElementStorage {
 public:
  ScaledStorage(StoragePtr source, DType dtype, std::vector<int64_t> dims, size_t axis,
                std::vector<double> factors)
      : ElementStorage(std::move(source), byte_size(dtype), product(dims)),
        dtype(dtype),
        dims(std::move(dims)),
        axis(axis),
        factors(std::move(factors)) {
    for (size_t i = axis + 1; i < this->dims.size(); ++i)
      inner_ *= static_cast<size_t>(this->dims[i]);
  }

  const DType dtype;
  const std::vector<int64_t> dims;
  const size_t axis;
  const std::vector<double> factors;
  const StoragePtr& source() const { return source_; }

 protected:
  void read_elements(size_t first, size_t count, std::byte* out) const override {
    source_->read(first * element_size_, {out, count * element_size_});
    while (count > 0) {
      const size_t run = std::min(inner_ - first % inner_, count);
      const double factor = factors[first / inner_ % factors.size()];
      dtype == DType::kFloat ? scale<float>(out, run, factor) : scale<double>(out, run, factor);
      out += run * element_size_;
      first += run;
      count -= run;
    }
  }

 private:
  template <typename T>
  static void scale(std::byte* at, size_t count, double factor) {
    for (size_t i = 0; i < count; ++i, at += sizeof(T)) {
      T x;
      std::memcpy(&x, at, sizeof(T));
      x = static_cast<T>(x * factor);
      std::memcpy(at, &x, sizeof(T));
    }
  }

  size_t inner_ = 1;
};

}  // namespace

StoragePtr lazy_transpose(StoragePtr source, size_t element_size, std::vector<int64_t> dims,
                          std::vector<int64_t> perm) {
  CHECK(source != nullptr && element_size > 0);
  const std::vector<Axis> axes = axes_of(dims, perm);
  const bool moves = axes.size() > 1 || (axes.size() == 1 && axes[0].stride != 1);
  if (!moves || source->size() == 0) return source;

  if (auto* inner = dynamic_cast<const TransposedStorage*>(source.get());
      inner != nullptr && inner->result_dims() == dims) {
    for (int64_t& p : perm) p = inner->perm[p];
    return lazy_transpose(inner->source(), element_size, inner->dims, std::move(perm));
  }
  if (auto* inner = dynamic_cast<const ScaledStorage*>(source.get());
      inner != nullptr && inner->dims == dims) {
    const auto axis = std::find(perm.begin(), perm.end(), static_cast<int64_t>(inner->axis));
    std::vector<int64_t> result_dims;
    for (const int64_t p : perm) result_dims.push_back(dims[p]);
    const size_t result_axis = static_cast<size_t>(axis - perm.begin());
    return lazy_scale(
        lazy_transpose(inner->source(), element_size, std::move(dims), std::move(perm)),
        inner->dtype, std::move(result_dims), result_axis, inner->factors);
  }
  if (auto cast = lazy_cast_source(*source)) {
    return lazy_cast(
        lazy_transpose(cast->source, byte_size(cast->from), std::move(dims), std::move(perm)),
        cast->from, cast->to);
  }
  return std::make_shared<TransposedStorage>(std::move(source), element_size, std::move(dims),
                                             std::move(perm));
}

StoragePtr lazy_scale(StoragePtr source, DType dtype, std::vector<int64_t> dims, size_t axis,
                      std::vector<double> factors) {
  CHECK(source != nullptr && (dtype == DType::kFloat || dtype == DType::kDouble));
  return std::make_shared<ScaledStorage>(std::move(source), dtype, std::move(dims), axis,
                                         std::move(factors));
}

std::vector<std::string> transpose_strings(const std::vector<std::string>& strings,
                                           const std::vector<int64_t>& dims,
                                           const std::vector<int64_t>& perm) {
  // The positions are transposed as int64 elements, then looked up.
  std::vector<int64_t> positions(strings.size());
  std::iota(positions.begin(), positions.end(), int64_t{0});
  const Tensor moved = Tensor::of(DType::kInt64, dims, positions).transposed(perm);
  std::vector<std::string> out;
  for (const int64_t i : moved.values<int64_t>()) out.push_back(strings[i]);
  return out;
}

}  // namespace onnxport
