// minizip reads the directory and the local headers through callbacks on memory, so that it never
// sees a byte outside the archive. Data is never read through it: a stored entry is a slice, a
// deflated one goes straight from the slice into zlib.
#include "formats/zip.h"

#include <fmt/format.h>
#include <minizip/unzip.h>
#include <zlib.h>

#include <algorithm>
#include <numeric>

#include "formats/slice.h"

namespace onnxport::formats {

namespace {

// The stream that minizip reads: a position in a span.
struct Memory {
  std::span<const std::byte> bytes;
  uint64_t at = 0;
};

Memory& memory(voidpf stream) { return *static_cast<Memory*>(stream); }

voidpf open_memory(voidpf opaque, const void*, int) { return opaque; }
uLong read_memory(voidpf, voidpf stream, void* out, uLong size) {
  Memory& m = memory(stream);
  if (m.at >= m.bytes.size()) return 0;
  size_t n = std::min<size_t>(size, m.bytes.size() - m.at);
  std::memcpy(out, m.bytes.data() + m.at, n);
  m.at += n;
  return static_cast<uLong>(n);
}
uLong write_memory(voidpf, voidpf, const void*, uLong) { return 0; }
ZPOS64_T tell_memory(voidpf, voidpf stream) { return memory(stream).at; }
long seek_memory(voidpf, voidpf stream, ZPOS64_T offset, int origin) {
  Memory& m = memory(stream);
  uint64_t base = origin == ZLIB_FILEFUNC_SEEK_CUR   ? m.at
                  : origin == ZLIB_FILEFUNC_SEEK_END ? m.bytes.size()
                                                     : 0;
  if (offset > m.bytes.size() || base > m.bytes.size() - offset) return -1;
  m.at = base + offset;
  return 0;
}
int close_memory(voidpf, voidpf) { return 0; }
int error_memory(voidpf, voidpf) { return 0; }

struct CloseUnzip {
  void operator()(unzFile file) const { unzClose(file); }
};
using UnzipPtr = std::unique_ptr<void, CloseUnzip>;

constexpr int kDeflate = 8;
constexpr int kEncrypted = 1;

Error bad(const std::string& entry, const std::string& why) {
  return Error{why, "archive entry `" + entry + "`"};
}

// True if the record that ends a zip archive (22 bytes, then a comment of the length that it says)
// ends exactly at the end of the bytes. A cut file may hold such a record elsewhere: that of a zip
// in it.
bool ends_like_zip(std::span<const std::byte> bytes) {
  constexpr size_t kRecord = 22;
  constexpr size_t kMaxComment = 65535;
  if (bytes.size() < kRecord) return false;
  for (size_t comment = 0; comment <= std::min(kMaxComment, bytes.size() - kRecord); ++comment) {
    const std::byte* at = bytes.data() + bytes.size() - kRecord - comment;
    if (std::memcmp(at, "PK\x05\x06", 4) != 0) continue;
    if ((static_cast<size_t>(at[20]) | static_cast<size_t>(at[21]) << 8) == comment) return true;
  }
  return false;
}

// The entry that minizip stands on.
Result<ZipEntry> current_entry(unzFile unzip, size_t archive_size) {
  unz_file_info64 info;
  if (unzGetCurrentFileInfo64(unzip, &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK) {
    return Error{"the zip directory is damaged; copy or save the file again", ""};
  }
  ZipEntry entry;
  entry.name.resize(info.size_filename);
  unzGetCurrentFileInfo64(unzip, &info, entry.name.data(), info.size_filename, nullptr, 0, nullptr,
                          0);
  if ((info.flag & kEncrypted) != 0) return bad(entry.name, "is encrypted");
  if (info.compression_method != 0 && info.compression_method != kDeflate) {
    return bad(entry.name, fmt::format("uses compression method {}; only stored and deflated "
                                       "entries can be read",
                                       info.compression_method));
  }
  entry.stored = info.compression_method == 0;
  entry.stored_size = info.compressed_size;
  entry.size = info.uncompressed_size;
  entry.crc = static_cast<uint32_t>(info.crc);
  if (entry.stored && entry.stored_size != entry.size) {
    return bad(entry.name,
               fmt::format("says it is {} bytes stored as {}", entry.size, entry.stored_size));
  }
  int method = 0;
  int level = 0;
  if (unzOpenCurrentFile2(unzip, &method, &level, 1) != UNZ_OK) {
    return bad(entry.name,
               "its local header is missing or contradicts the zip directory; the file "
               "is damaged, copy or save it again");
  }
  entry.offset = unzGetCurrentFileZStreamPos64(unzip);
  unzCloseCurrentFile(unzip);
  if (entry.offset > archive_size || entry.stored_size > archive_size - entry.offset) {
    return bad(entry.name,
               fmt::format("its {} bytes at {} lie outside the archive of {} bytes; the "
                           "file is damaged, copy or save it again",
                           entry.stored_size, entry.offset, archive_size));
  }
  return entry;
}

Status check_overlaps(const std::vector<ZipEntry>& entries) {
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return entries[a].offset < entries[b].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const ZipEntry& before = entries[order[i - 1]];
    const ZipEntry& after = entries[order[i]];
    if (before.offset + before.stored_size > after.offset) {
      return bad(after.name, "overlaps the data of entry `" + before.name + "`");
    }
  }
  return {};
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
  Memory stream{zip.bytes_->view()};
  zlib_filefunc64_def functions{};
  functions.zopen64_file = open_memory;
  functions.zread_file = read_memory;
  functions.zwrite_file = write_memory;
  functions.ztell64_file = tell_memory;
  functions.zseek64_file = seek_memory;
  functions.zclose_file = close_memory;
  functions.zerror_file = error_memory;
  functions.opaque = &stream;
  UnzipPtr unzip(ends_like_zip(stream.bytes) ? unzOpen2_64("", &functions) : nullptr);
  if (unzip == nullptr) {
    return Error{
        looks_like_zip(stream.bytes)
            ? "begins like a zip archive but has no directory at its end: it is truncated or "
              "damaged; copy or save it again"
            : "is not a zip archive",
        ""};
  }
  unz_global_info64 info;
  if (unzGetGlobalInfo64(unzip.get(), &info) != UNZ_OK)
    return Error{"the zip directory is damaged", ""};
  if (info.number_entry > limits.max_entries) {
    return Error{fmt::format("the zip directory has {} entries, more than the limit of {}",
                             info.number_entry, limits.max_entries),
                 ""};
  }
  // A directory record takes 46 bytes at least: a count that cannot be true is not allocated for.
  zip.entries_.reserve(std::min<size_t>(info.number_entry, stream.bytes.size() / 46));
  int state = info.number_entry == 0 ? UNZ_END_OF_LIST_OF_FILE : unzGoToFirstFile(unzip.get());
  for (; state == UNZ_OK; state = unzGoToNextFile(unzip.get())) {
    if (zip.entries_.size() >= info.number_entry) break;
    TRY_ASSIGN(ZipEntry entry, current_entry(unzip.get(), stream.bytes.size()));
    zip.entries_.push_back(std::move(entry));
  }
  if (zip.entries_.size() != info.number_entry) {
    return Error{
        fmt::format("the zip directory promises {} entries but {} can be read; the file is "
                    "damaged, copy or save it again",
                    info.number_entry, zip.entries_.size()),
        ""};
  }
  TRY(check_overlaps(zip.entries_));
  for (size_t i = 0; i < zip.entries_.size(); ++i) {
    if (!zip.by_name_.emplace(zip.entries_[i].name, i).second) {
      return bad(zip.entries_[i].name, "is in the archive twice");
    }
  }
  return zip;
}

const ZipEntry* Zip::find(std::string_view name) const {
  auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &entries_[it->second];
}

Result<std::shared_ptr<const Storage>> Zip::read(const ZipEntry& entry, Crc crc) const {
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
