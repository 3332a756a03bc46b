#include "formats/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <numeric>

#include "formats/slice.h"
#include "formats/zip_directory.h"

namespace onnxport::formats {

namespace {

Error bad(const std::string& entry, const std::string& why) {
  return Error{why, "archive entry `" + entry + "`"};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// -1, 0 or 1: the order of two names, whatever their case. libtorch's zip reader (and a file system
// or two) takes two names of one order for the same.
int compare_names(std::string_view a, std::string_view b) {
  const size_t n = std::min(a.size(), b.size());
  for (size_t i = 0; i < n; ++i) {
    const char x = lower(a[i]);
    const char y = lower(b[i]);
    if (x != y) return x < y ? -1 : 1;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

Result<std::shared_ptr<const Storage>> inflate_entry(const ZipEntry& entry,
                                                     std::span<const std::byte> in) {
  std::vector<std::byte> out(entry.size);
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return bad(entry.name, "zlib cannot start");
  size_t in_at = 0;
  size_t out_at = 0;
  int state = Z_OK;
  constexpr size_t kChunk = size_t{1} << 30;  // zlib counts in 32 bits
  Bytef none = 0;
  while (state == Z_OK) {
    size_t in_n = std::min(kChunk, in.size() - in_at);
    size_t out_n = std::min(kChunk, out.size() - out_at);
    z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data() + in_at));
    z.avail_in = static_cast<uInt>(in_n);
    z.next_out = out_n == 0 ? &none : reinterpret_cast<Bytef*>(out.data() + out_at);
    z.avail_out = static_cast<uInt>(out_n);
    state = inflate(&z, Z_NO_FLUSH);
    in_at += in_n - z.avail_in;
    out_at += out_n - z.avail_out;
    if (in_n == z.avail_in && out_n == z.avail_out && state == Z_OK) break;  // no progress
  }
  inflateEnd(&z);
  if (state != Z_STREAM_END || out_at != out.size()) {
    return bad(entry.name,
               fmt::format("its compressed data is damaged or does not make the {} bytes "
                           "that it claims",
                           entry.size));
  }
  return owned(std::move(out));
}

uLong crc_of(uLong before, std::span<const std::byte> bytes) {
  return crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

Status compare_sums(const ZipEntry& entry, uLong sum) {
  if (sum == entry.crc) return {};
  return bad(entry.name, fmt::format("its checksum is {:08x}, the zip directory says {:08x}: the "
                                     "file is damaged, copy or save it again",
                                     sum, entry.crc));
}

}  // namespace

bool looks_like_zip(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && std::memcmp(bytes.data(), "PK\x03\x04", 4) == 0;
}

Result<Zip> Zip::open(std::shared_ptr<const Storage> bytes, const ZipLimits& limits) {
  Zip zip;
  zip.bytes_ = std::move(bytes);
  zip.limits_ = limits;
  TRY_ASSIGN(zip.entries_, read_zip_directory(zip.bytes_->view(), limits.max_entries));
  TRY(zip.sort_names());
  return zip;
}

Status Zip::sort_names() {
  by_name_.resize(entries_.size());
  std::iota(by_name_.begin(), by_name_.end(), uint32_t{0});
  const auto name = [&](uint32_t i) -> const std::string& { return entries_[i].name; };
  std::sort(by_name_.begin(), by_name_.end(),
            [&](uint32_t a, uint32_t b) { return compare_names(name(a), name(b)) < 0; });
  for (size_t i = 1; i < by_name_.size(); ++i) {
    const std::string& before = name(by_name_[i - 1]);
    const std::string& after = name(by_name_[i]);
    if (before == after) return bad(after, "is in the archive twice");
    if (compare_names(before, after) == 0) {
      return bad(after, "differs from the entry `" + before +
                            "` in upper and lower case only, which some readers take for the same");
    }
  }
  return {};
}

const ZipEntry* Zip::find(std::string_view name) const {
  const auto it = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](uint32_t i, std::string_view n) { return compare_names(entries_[i].name, n) < 0; });
  return it == by_name_.end() || entries_[*it].name != name ? nullptr : &entries_[*it];
}

size_t Zip::index_of(const ZipEntry& entry) const {
  const auto index = static_cast<size_t>(&entry - entries_.data());
  CHECK(index < entries_.size());
  return index;
}

Status Zip::hold(const ZipEntry& entry) {
  const size_t index = index_of(entry);
  if (held_.empty()) held_.resize(entries_.size());
  if (held_[index] != nullptr) return {};
  TRY_ASSIGN(auto bytes, read_file(entry, Crc::kSkip));
  // A deflated entry has been inflated into memory of its own already.
  if (entry.stored) bytes = owned({bytes->view().begin(), bytes->view().end()});
  TRY(compare_sums(entry, crc_of(0, bytes->view())));
  held_[index] = std::move(bytes);
  return {};
}

Result<std::shared_ptr<const Storage>> Zip::read(const ZipEntry& entry, Crc crc) const {
  const size_t index = index_of(entry);
  if (!held_.empty() && held_[index] != nullptr) return held_[index];
  return read_file(entry, crc);
}

Result<std::shared_ptr<const Storage>> Zip::read_file(const ZipEntry& entry, Crc crc) const {
  auto part = slice(bytes_, entry.offset, entry.stored_size);
  if (!part.ok()) return std::move(part).error().at("archive entry `" + entry.name + "`");
  std::shared_ptr<const Storage> out = std::move(part).value();
  if (!entry.stored) {
    if (entry.size > limits_.max_inflated) {
      return bad(entry.name, fmt::format("inflates to {} bytes, more than the limit of {}",
                                         entry.size, limits_.max_inflated));
    }
    TRY_ASSIGN(out, inflate_entry(entry, out->view()));
  }
  if (crc == Crc::kCheck) TRY(compare_sums(entry, crc_of(0, out->view())));
  return out;
}

Result<Zip> open_zip(const std::string& path) {
  TRY_ASSIGN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  return Zip::open(whole_file(std::move(file)));
}

Status Zip::check(const ZipEntry& entry) const {
  constexpr size_t kBlock = size_t{8} << 20;
  if (!entry.stored) {
    TRY_ASSIGN([[maybe_unused]] auto inflated, read(entry, Crc::kCheck));
    return {};
  }
  TRY_ASSIGN(const auto bytes, read(entry, Crc::kSkip));
  const std::span<const std::byte> view = bytes->view();
  uLong sum = 0;
  for (size_t at = 0; at < view.size(); at += kBlock) {
    const auto block = view.subspan(at, std::min(kBlock, view.size() - at));
    sum = crc_of(sum, block);
    bytes->release_range(at, block.size());
  }
  return compare_sums(entry, sum);
}

}  // namespace onnxport::formats
