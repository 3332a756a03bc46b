// A zip archive over bytes in memory (a mapped file, or an entry of another archive). A stored
// entry is a view of those bytes; a deflated one is inflated into owned memory, within a limit.
//
// Only archives in one form are read, that which torch and Python's zipfile write, because two
// readers understand any other in two ways (docs/pt2.md has the rules): from its first byte to its
// last the file consists of the entries, one behind the other, their directory, the zip64 records
// where there are any, and the end record. What the headers say twice they say alike. Refused,
// naming the entry: encryption, compression other than deflate, names that lead elsewhere, two
// names that differ in case only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::formats {

struct ZipLimits {
  size_t max_entries = 1'000'000;
  size_t max_inflated = size_t{1} << 30;  // bytes of one deflated entry
};

struct ZipEntry {
  std::string name;
  bool stored = true;
  size_t offset = 0;  // of its data in the archive
  size_t stored_size = 0;
  size_t size = 0;
  uint32_t crc = 0;
};

class Zip {
 public:
  // Reads the directory and the local headers, not the data.
  Zip(Zip&&) = default;
  Zip& operator=(Zip&&) = default;
  static Result<Zip> open(std::shared_ptr<const Storage> bytes, const ZipLimits& limits = {});

  const std::vector<ZipEntry>& entries() const { return entries_; }
  const ZipEntry* find(std::string_view name) const;
  const std::shared_ptr<const Storage>& bytes() const { return bytes_; }  // of the whole archive

  // The entry's bytes; `entry` is one of entries(). kCheck compares them with the directory's
  // checksum, which reads all of them.
  enum class Crc { kCheck, kSkip };
  Result<std::shared_ptr<const Storage>> read(const ZipEntry& entry, Crc crc) const;
  // The checksum alone, a block at a time: pages of a mapped file go back as soon as they are read.
  Status check(const ZipEntry& entry) const;
  // Copies the entry into memory, compares its checksum, and gives that copy from now on: what is
  // looked at and what is used are then the same bytes, even if the file changes in between.
  Status hold(const ZipEntry& entry);

 private:
  Zip() = default;
  Status sort_names();
  Result<std::shared_ptr<const Storage>> read_file(const ZipEntry& entry, Crc crc) const;
  size_t index_of(const ZipEntry& entry) const;

  std::shared_ptr<const Storage> bytes_;
  ZipLimits limits_;
  std::vector<ZipEntry> entries_;
  std::vector<uint32_t> by_name_;  // entries in the order of their names, whatever their case
  std::vector<std::shared_ptr<const Storage>> held_;  // by entry; empty while nothing is held
};

// An archive that is a file, mapped: its stored entries give pages back when they are released.
Result<Zip> open_zip(const std::string& path);

// True when the bytes begin like a zip archive does.
bool looks_like_zip(std::span<const std::byte> bytes);

}  // namespace onnxport::formats
