#include "formats/slice.h"

#include <fmt/format.h>

namespace onnxport::formats {

namespace {

class Slice final : public Storage {
 public:
  Slice(std::shared_ptr<const Storage> base, std::shared_ptr<const MappedFile> file,
        std::span<const std::byte> bytes)
      : base_(std::move(base)), file_(std::move(file)), bytes_(bytes) {}
  size_t size() const override { return bytes_.size(); }
  std::span<const std::byte> view() const override { return bytes_; }
  void read(size_t offset, std::span<std::byte> out) const override {
    CHECK(offset <= bytes_.size() && out.size() <= bytes_.size() - offset);
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }
  void release() const override { release_range(0, bytes_.size()); }
  void release_range(size_t offset, size_t size) const override {
    if (file_ == nullptr || bytes_.empty()) return;
    CHECK(offset <= bytes_.size() && size <= bytes_.size() - offset);
    file_->release(static_cast<size_t>(bytes_.data() - file_->bytes().data()) + offset, size);
  }
  const std::shared_ptr<const MappedFile>& file() const { return file_; }

 private:
  std::shared_ptr<const Storage> base_;  // keeps the bytes alive, unless a file does
  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> bytes_;
};

}  // namespace

std::shared_ptr<const Storage> whole_file(std::shared_ptr<const MappedFile> file) {
  std::span<const std::byte> bytes = file->bytes();
  return std::make_shared<Slice>(nullptr, std::move(file), bytes);
}

Result<std::shared_ptr<const Storage>> slice(std::shared_ptr<const Storage> base, size_t offset,
                                             size_t size) {
  std::span<const std::byte> all = base->view();
  if (offset > all.size() || size > all.size() - offset) {
    return Error{fmt::format("needs bytes {} to {}, but there are only {}", offset,
                             static_cast<double>(offset) + static_cast<double>(size), all.size()),
                 ""};
  }
  const auto* parent = dynamic_cast<const Slice*>(base.get());
  std::shared_ptr<const MappedFile> file = parent != nullptr ? parent->file() : nullptr;
  if (file != nullptr) base = nullptr;
  return std::shared_ptr<const Storage>(
      std::make_shared<Slice>(std::move(base), std::move(file), all.subspan(offset, size)));
}

std::shared_ptr<const Storage> owned(std::vector<std::byte> bytes) {
  const auto size = static_cast<int64_t>(bytes.size());
  return Tensor::owned(DType::kUint8, {size}, std::move(bytes)).storage;
}

}  // namespace onnxport::formats
