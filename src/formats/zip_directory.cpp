// The format: PKWARE's APPNOTE.TXT. It lets an archive say most things twice: an entry's name,
// method and sizes stand before its data (local header), often behind it too (data descriptor), and
// in the directory (central record), where the numbers may stand in an extra field instead; the
// directory's place stands in the end record and in the zip64 one, which a locator points to. Each
// reader believes another of these, looks for the end record in its own way and forgives other
// things. Here all of them must agree, and no byte may belong to nothing.
#include "formats/zip_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

namespace onnxport::formats {

namespace {

using Bytes = std::span<const std::byte>;

constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;

// General purpose flags.
constexpr uint16_t kEncrypted = 0x0001;
constexpr uint16_t kHasDescriptor = 0x0008;
constexpr uint16_t kDeflateLevel = 0x0006;
constexpr uint16_t kUtf8 = 0x0800;

constexpr uint16_t kExtraUnicodeName = 0x7075;  // another name than the one in the record
constexpr size_t kMaxName = 4096;

Error bad(std::string_view entry, const std::string& why) {
  return Error{why, fmt::format("archive entry `{}`", entry)};
}

// What is wrong with the file as a whole.
Error wrong(const std::string& what) {
  return Error{what + ": it is damaged, or was changed after it was saved; copy or save it again",
               ""};
}

Error in_parts() {
  return Error{"is a part of a zip archive over several files; put them together first", ""};
}

Error contradicts(std::string_view entry, const char* what) {
  return bad(entry, fmt::format("its local header contradicts the zip directory ({}): the file is "
                                "damaged, copy or save it again",
                                what));
}

// Little-endian numbers, one after another. Whoever reads has seen that there are enough bytes.
class Fields {
 public:
  explicit Fields(Bytes bytes) : bytes_(bytes) {}
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }
  void skip(size_t n) { bytes_ = bytes_.subspan(n); }
  Bytes take(size_t n) {
    Bytes out = bytes_.first(n);
    skip(n);
    return out;
  }
  std::string_view text(size_t n) {
    Bytes out = take(n);
    return {reinterpret_cast<const char*>(out.data()), out.size()};
  }
  size_t left() const { return bytes_.size(); }

 private:
  uint64_t number(size_t n) {
    uint64_t out = 0;
    for (size_t i = n; i-- > 0;) out = out << 8 | static_cast<uint64_t>(bytes_[i]);
    skip(n);
    return out;
  }
  Bytes bytes_;
};

// --- the end ------------------------------------------------------------------------------------

struct Directory {
  uint64_t entries = 0;
  uint64_t size = 0;
  uint64_t offset = 0;
};

// The record that ends the archive: its last 22 bytes, since a comment behind it would be a second
// place to look for it.
Result<Directory> read_end(Bytes archive) {
  Fields end(archive.size() < zip::kEndSize ? Bytes() : archive.last(zip::kEndSize));
  if (end.left() == 0 || end.u32() != zip::kEnd) {
    return Error{looks_like_zip(archive)
                     ? "begins like a zip archive but has no directory at its end: it is truncated "
                       "or damaged, or something was added to it; copy or save it again"
                     : "is not a zip archive",
                 ""};
  }
  const uint16_t disk = end.u16();
  const uint16_t directory_disk = end.u16();
  const uint16_t entries_here = end.u16();
  Directory out;
  out.entries = end.u16();
  out.size = end.u32();
  out.offset = end.u32();
  if (disk != 0 || directory_disk != 0 || entries_here != out.entries) {
    return in_parts();
  }
  if (end.u16() != 0) return wrong("a comment is announced at the end of the archive");
  return out;
}

// The zip64 records between directory and end record; nullopt where there are none.
Result<std::optional<Directory>> read_end64(Bytes archive) {
  constexpr size_t kBehind = zip::kLocator64Size + zip::kEndSize;
  if (archive.size() < kBehind) return std::optional<Directory>();
  Fields locator(archive.last(kBehind));
  if (locator.u32() != zip::kLocator64) return std::optional<Directory>();
  const uint32_t disk = locator.u32();
  const uint64_t at = locator.u64();
  const uint32_t disks = locator.u32();
  if (disk != 0 || disks > 1 || archive.size() < kBehind + zip::kEnd64Size ||
      at != archive.size() - kBehind - zip::kEnd64Size) {
    return wrong("the zip64 record does not stand where its locator says");
  }
  Fields end(archive.subspan(at));
  const bool signed_here = end.u32() == zip::kEnd64;
  if (!signed_here || end.u64() != zip::kEnd64Size - 12) {
    return wrong("the zip64 record is not one that can be read");
  }
  end.skip(4);  // versions
  const uint32_t this_disk = end.u32();
  const uint32_t directory_disk = end.u32();
  const uint64_t entries_here = end.u64();
  Directory out;
  out.entries = end.u64();
  out.size = end.u64();
  out.offset = end.u64();
  if (this_disk != 0 || directory_disk != 0 || entries_here != out.entries) {
    return in_parts();
  }
  return std::optional<Directory>(out);
}

// Where the directory is. It ends where the zip64 record, or the end record, begins.
Result<Directory> find_directory(Bytes archive) {
  TRY_ASSIGN(Directory out, read_end(archive));
  TRY_ASSIGN(const std::optional<Directory> out64, read_end64(archive));
  uint64_t end = archive.size() - zip::kEndSize;
  if (out64) {
    // A number that is too large for the end record stands there as the largest one.
    if (out.entries != std::min<uint64_t>(out64->entries, zip::kMax16) ||
        out.size != std::min<uint64_t>(out64->size, zip::kMax32) ||
        out.offset != std::min<uint64_t>(out64->offset, zip::kMax32)) {
      return wrong("the end record and the zip64 record name two directories");
    }
    out = *out64;
    end -= zip::kLocator64Size + zip::kEnd64Size;
  }
  if (out.size > end || out.offset != end - out.size) {
    return wrong(
        fmt::format("the zip directory is said to be {} bytes at {}, but it is not what ends at {}",
                    out.size, out.offset, end));
  }
  if (out.entries == 0) return Error{"is an empty zip archive", ""};
  return out;
}

// --- entries ------------------------------------------------------------------------------------

struct Record {
  ZipEntry entry;
  uint64_t local = 0;  // where the local header is
  uint16_t flags = 0;
};

// Names that no reader can take for another place or another name.
Status check_name(std::string_view name) {
  if (name.empty()) return bad(name, "has no name");
  if (name.size() > kMaxName) {
    return bad(
        std::string(name.substr(0, 64)) + "...",
        fmt::format("has a name of {} bytes, at most {} are accepted", name.size(), kMaxName));
  }
  const bool unprintable = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (unprintable) return bad(name, "has control characters in its name");
  if (name.find('\\') != std::string_view::npos) {
    return bad(name, "has a backslash in its name; save it again with `/` between folders");
  }
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    const bool folder = part.empty() && begin == name.size();  // "a/" has no last part
    if (part == "." || part == ".." || (part.empty() && !folder)) {
      return bad(name, "has a name that leads elsewhere");
    }
    begin = end + 1;
  }
  return {};
}

// Numbers of 64 bits stand in an extra field, in this order, in place of those that are the largest
// of 32 bits. `exact`: it holds nothing else.
Status read_extra(std::string_view name, Bytes bytes, std::initializer_list<uint64_t*> numbers,
                  bool exact) {
  const auto waits = [](const uint64_t* n) { return *n == zip::kMax32; };
  const size_t needed =
      8 * static_cast<size_t>(std::count_if(numbers.begin(), numbers.end(), waits));
  bool seen = false;
  Fields extra(bytes);
  while (extra.left() > 0) {
    if (extra.left() < 4) return bad(name, "has an extra field that is cut off");
    const uint16_t id = extra.u16();
    const uint16_t size = extra.u16();
    if (size > extra.left()) return bad(name, "has an extra field that is cut off");
    Fields field(extra.take(size));
    if (id == kExtraUnicodeName) return bad(name, "has a second name in an extra field");
    if (id != zip::kExtra64) continue;
    if (seen) return bad(name, "has two zip64 fields");
    seen = true;
    if (size < needed || (exact && size > needed)) {
      return bad(name,
                 fmt::format("has a zip64 field of {} bytes where {} are needed", size, needed));
    }
    for (uint64_t* n : numbers) {
      if (waits(n)) *n = field.u64();
    }
  }
  if (needed > 0 && !seen) return bad(name, "lacks its zip64 field");
  return {};
}

Status check_central(const Record& record, uint16_t method) {
  const ZipEntry& entry = record.entry;
  if ((record.flags & kEncrypted) != 0) return bad(entry.name, "is encrypted");
  if (method != kStored && method != kDeflated) {
    return bad(entry.name, fmt::format("uses compression method {}; only stored and deflated "
                                       "entries can be read",
                                       method));
  }
  if ((record.flags & ~(kHasDescriptor | kDeflateLevel | kUtf8)) != 0) {
    return bad(entry.name,
               fmt::format("has flags {:#06x}, of which not all are known", record.flags));
  }
  if (entry.stored && entry.stored_size != entry.size) {
    return bad(entry.name,
               fmt::format("says it is {} bytes stored as {}", entry.size, entry.stored_size));
  }
  if (entry.name.ends_with('/') && entry.size != 0) {
    return bad(entry.name, "is a folder that holds data");
  }
  return {};
}

Result<Record> read_central(Fields& directory) {
  const auto cut = [] { return wrong("the zip directory is cut off"); };
  if (directory.left() < zip::kCentralSize) return cut();
  if (directory.u32() != zip::kCentral) return wrong("the zip directory is broken");
  Record record;
  directory.skip(4);  // versions
  record.flags = directory.u16();
  const uint16_t method = directory.u16();
  directory.skip(4);  // date and time
  record.entry.crc = directory.u32();
  uint64_t stored_size = directory.u32();
  uint64_t size = directory.u32();
  const uint16_t name_size = directory.u16();
  const uint16_t extra_size = directory.u16();
  const uint16_t comment_size = directory.u16();
  const uint16_t disk = directory.u16();
  directory.skip(6);  // attributes
  record.local = directory.u32();
  if (size_t{name_size} + extra_size > directory.left()) return cut();
  record.entry.name = directory.text(name_size);
  TRY(check_name(record.entry.name));
  TRY(read_extra(record.entry.name, directory.take(extra_size),
                 {&size, &stored_size, &record.local}, true));
  if (comment_size != 0 || disk != 0) {
    return bad(record.entry.name, "has a comment, or lies in another file");
  }
  record.entry.stored = method == kStored;
  record.entry.stored_size = stored_size;
  record.entry.size = size;
  TRY(check_central(record, method));
  return record;
}

// What stands behind the data of an entry whose local header was written before its size was known:
// the numbers, in 32 or 64 bits.
bool is_descriptor(const ZipEntry& entry, Bytes bytes) {
  Fields fields(bytes);
  if (bytes.size() != 16 && bytes.size() != 24) return false;
  if (fields.u32() != zip::kDescriptor || fields.u32() != entry.crc) return false;
  if (bytes.size() == 24) return fields.u64() == entry.stored_size && fields.u64() == entry.size;
  return fields.u32() == entry.stored_size && fields.u32() == entry.size;
}

// The local header, the data and what follows it, which must fill the bytes from `record.local` to
// `end`, where `next` begins. Sets where the data begins.
Status read_local(Bytes archive, Record& record, uint64_t end, std::string_view next) {
  ZipEntry& entry = record.entry;
  const auto outside = [&] {
    const char* how =
        entry.stored_size > archive.size() ? "lie outside the archive and overlap" : "overlap";
    return bad(entry.name, fmt::format("its {} bytes {} {}: the file is damaged, copy or save it "
                                       "again",
                                       entry.stored_size, how, next));
  };
  if (end - record.local < zip::kLocalSize) return outside();
  Fields local(archive.subspan(record.local, end - record.local));
  if (local.u32() != zip::kLocal) return contradicts(entry.name, "there is none");
  local.skip(2);  // version
  if (local.u16() != record.flags) return contradicts(entry.name, "other flags");
  if (local.u16() != (entry.stored ? kStored : kDeflated)) {
    return contradicts(entry.name, "another compression");
  }
  local.skip(4);  // date and time
  const uint32_t crc = local.u32();
  uint64_t stored_size = local.u32();
  uint64_t size = local.u32();
  const uint16_t name_size = local.u16();
  const uint16_t extra_size = local.u16();
  if (local.left() < size_t{name_size} + extra_size) return outside();
  if (local.text(name_size) != entry.name) return contradicts(entry.name, "another name");
  TRY(read_extra(entry.name, local.take(extra_size), {&size, &stored_size}, false));
  const bool described = (record.flags & kHasDescriptor) != 0;
  const bool unknown = described && crc == 0 && size == 0 && stored_size == 0;
  if (!unknown && (crc != entry.crc || size != entry.size || stored_size != entry.stored_size)) {
    return contradicts(entry.name, "other sizes or another checksum");
  }
  entry.offset = end - local.left();
  if (entry.stored_size > local.left()) return outside();
  local.skip(entry.stored_size);
  if (described ? !is_descriptor(entry, local.take(local.left())) : local.left() != 0) {
    return bad(entry.name,
               "what follows its data is neither the next entry nor what its header announces: the "
               "file is damaged, copy or save it again");
  }
  return {};
}

// The entries, one behind the other, fill the file up to the directory.
Status read_locals(Bytes archive, uint64_t directory, std::vector<Record>& records) {
  std::vector<uint32_t> order(records.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  const auto before = [&](uint32_t a, uint32_t b) { return records[a].local < records[b].local; };
  if (!std::is_sorted(order.begin(), order.end(), before)) {
    std::sort(order.begin(), order.end(), before);
  }
  if (records[order[0]].local != 0) {
    return wrong("something stands before the first entry of the archive");
  }
  for (size_t i = 0; i < order.size(); ++i) {
    Record& record = records[order[i]];
    const uint64_t end = i + 1 < order.size() ? records[order[i + 1]].local : directory;
    const std::string next = i + 1 < order.size()
                                 ? "entry `" + records[order[i + 1]].entry.name + "`"
                                 : "the zip directory";
    if (end > directory) return bad(records[order[i + 1]].entry.name, "lies outside the archive");
    if (record.local >= end) return bad(record.entry.name, "overlaps " + next);
    TRY(read_local(archive, record, end, next));
  }
  return {};
}

}  // namespace

Result<std::vector<ZipEntry>> read_zip_directory(Bytes archive, size_t max_entries) {
  TRY_ASSIGN(const Directory place, find_directory(archive));
  if (place.entries > max_entries) {
    return Error{fmt::format("the zip directory has {} entries, more than the limit of {}",
                             place.entries, max_entries),
                 ""};
  }
  if (place.entries > place.size / zip::kCentralSize) {
    return wrong(fmt::format("the zip directory promises {} entries in {} bytes", place.entries,
                             place.size));
  }
  std::vector<Record> records;
  records.reserve(place.entries);
  Fields directory(archive.subspan(place.offset, place.size));
  for (uint64_t i = 0; i < place.entries; ++i) {
    TRY_ASSIGN(Record record, read_central(directory));
    records.push_back(std::move(record));
  }
  if (directory.left() != 0) {
    return wrong(fmt::format("the zip directory goes on behind the {} entries that it promises",
                             place.entries));
  }
  TRY(read_locals(archive, place.offset, records));
  std::vector<ZipEntry> entries;
  entries.reserve(records.size());
  for (Record& record : records) entries.push_back(std::move(record.entry));
  return entries;
}

}  // namespace onnxport::formats
