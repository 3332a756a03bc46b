// A zip archive over bytes in memory (a mapped file, or an entry of another archive). A stored
// entry is a view of those bytes; a deflated one is inflated into owned memory, within a limit.
//
// Refused, naming the entry: encryption, compression other than deflate, a local header that
// contradicts the directory, data outside the archive, entries that overlap, two of one name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
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

  // The entry's bytes. kCheck compares them with the directory's checksum, which reads all of them.
  enum class Crc { kCheck, kSkip };
  Result<std::shared_ptr<const Storage>> read(const ZipEntry& entry, Crc crc) const;
  // The checksum alone, a block at a time: pages of a mapped file go back as soon as they are read.
  Status check(const ZipEntry& entry) const;

 private:
  Zip() = default;
  std::shared_ptr<const Storage> bytes_;
  ZipLimits limits_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, size_t> by_name_;  // views of the entries' names
};

// An archive that is a file, mapped: its stored entries give pages back when they are released.
Result<Zip> open_zip(const std::string& path);

// True when the bytes begin like a zip archive does.
bool looks_like_zip(std::span<const std::byte> bytes);

}  // namespace onnxport::formats
