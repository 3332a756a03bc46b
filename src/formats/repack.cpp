#include "formats/repack.h"

#include <algorithm>
#include <string>
#include <utility>

#include "formats/slice.h"
#include "formats/zip_directory.h"

namespace onnxport::formats {

namespace {

// Bytes one behind the other: headers of ours, and entries.
class Chain final : public Storage {
 public:
  void add(std::shared_ptr<const Storage> part) {
    if (part->size() == 0) return;
    parts_.push_back({size_, std::move(part)});
    size_ += parts_.back().bytes->size();
  }

  size_t size() const override { return size_; }
  std::span<const std::byte> view() const override { return {}; }
  void read(size_t offset, std::span<std::byte> out) const override {
    for_each_part(offset, out.size(), [&](const Storage& part, size_t from, size_t n) {
      part.read(from, out.first(n));
      out = out.subspan(n);
    });
  }
  void release_range(size_t offset, size_t size) const override {
    for_each_part(offset, size,
                  [](const Storage& part, size_t from, size_t n) { part.release_range(from, n); });
  }

 private:
  struct Part {
    size_t begin;
    std::shared_ptr<const Storage> bytes;
  };

  // f(part, where in it, how many bytes) for each that these bytes lie in.
  template <typename F>
  void for_each_part(size_t offset, size_t size, F f) const {
    CHECK(offset <= size_ && size <= size_ - offset);
    auto part = std::upper_bound(parts_.begin(), parts_.end(), offset,
                                 [](size_t at, const Part& p) { return at < p.begin; });
    while (size > 0) {
      const Part& here = *std::prev(part++);
      const size_t from = offset - here.begin;
      const size_t n = std::min(size, here.bytes->size() - from);
      f(*here.bytes, from, n);
      offset += n;
      size -= n;
    }
  }

  std::vector<Part> parts_;
  size_t size_ = 0;
};

// The records. Every number that may have 64 bits has them, in the extra field for that, whether it
// needs them or not: no reader has to decide.
class Records {
 public:
  std::string local(const ZipEntry& entry) {
    number(zip::kLocal, 4);
    common(entry);
    number(extra_size(2), 2);
    text_ += entry.name;
    extra(entry, {});
    return std::exchange(text_, "");
  }

  std::string central(const ZipEntry& entry, size_t local) {
    number(zip::kCentral, 4);
    number(kVersion, 2);
    common(entry);
    number(extra_size(3), 2);
    number(0, 2 + 2 + 2 + 4);  // comment, disk, attributes
    number(zip::kMax32, 4);
    text_ += entry.name;
    extra(entry, {local});
    return std::exchange(text_, "");
  }

  std::string end(size_t entries, size_t offset, size_t size) {
    number(zip::kEnd64, 4);
    number(zip::kEnd64Size - 12, 8);
    number(kVersion, 2);
    number(kVersion, 2);
    number(0, 4 + 4);  // disks
    number(entries, 8);
    number(entries, 8);
    number(size, 8);
    number(offset, 8);
    number(zip::kLocator64, 4);
    number(0, 4);
    number(offset + size, 8);
    number(1, 4);
    number(zip::kEnd, 4);
    number(0, 2 + 2);
    number(std::min<size_t>(entries, zip::kMax16), 2);
    number(std::min<size_t>(entries, zip::kMax16), 2);
    number(std::min<size_t>(size, zip::kMax32), 4);
    number(std::min<size_t>(offset, zip::kMax32), 4);
    number(0, 2);
    return std::exchange(text_, "");
  }

 private:
  static constexpr uint16_t kVersion = 45;  // zip64
  static constexpr uint16_t kUtf8 = 0x0800;
  static constexpr size_t extra_size(size_t numbers) { return 4 + 8 * numbers; }

  void number(uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) {
      text_ += static_cast<char>(i < 8 ? value >> (8 * i) & 0xff : 0);
    }
  }
  // From the version to the length of the name: alike in both headers.
  void common(const ZipEntry& entry) {
    number(kVersion, 2);
    number(kUtf8, 2);
    number(0, 2 + 4);  // stored; no date
    number(entry.crc, 4);
    number(zip::kMax32, 4);
    number(zip::kMax32, 4);
    number(entry.name.size(), 2);
  }
  void extra(const ZipEntry& entry, std::initializer_list<size_t> more) {
    number(zip::kExtra64, 2);
    number(8 * (2 + more.size()), 2);
    number(entry.size, 8);
    number(entry.size, 8);
    for (size_t value : more) number(value, 8);
  }

  std::string text_;
};

std::shared_ptr<const Storage> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return owned({bytes.begin(), bytes.end()});
}

}  // namespace

Result<std::shared_ptr<const Storage>> repack(const Zip& zip,
                                              const std::vector<const ZipEntry*>& entries) {
  auto archive = std::make_shared<Chain>();
  Records records;
  std::string directory;
  for (const ZipEntry* entry : entries) {
    directory += records.central(*entry, archive->size());
    archive->add(bytes_of(records.local(*entry)));
    TRY_ASSIGN(auto bytes, zip.read(*entry, Zip::Crc::kSkip));
    archive->add(std::move(bytes));
  }
  const size_t at = archive->size();
  directory += records.end(entries.size(), at, directory.size());
  archive->add(bytes_of(directory));
  return std::shared_ptr<const Storage>(std::move(archive));
}

}  // namespace onnxport::formats
