// Files: mapped for reading, written atomically. Errors name the path and what to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"

namespace onnxport {

// A whole file, mapped read-only. Shared by the Storages over its ranges, which keep it alive.
// The file must not shrink while it is mapped: the kernel would then kill the process on access.
class MappedFile : public std::enable_shared_from_this<MappedFile> {
 public:
  // Never waits: what is no regular file (a pipe, a device) is refused, links are followed.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  // The same of a file that a stranger's file names: wherever its links lead, it must lie inside
  // one of `folders`.
  static Result<std::shared_ptr<const MappedFile>> open_inside(
      const std::string& path, const std::vector<std::string>& folders);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  size_t size() const { return bytes_.size(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  // A view of [offset, offset + size), which must lie inside the file. Its release() gives the
  // whole pages of the range back to the kernel; they are read again when touched.
  Result<std::shared_ptr<const Storage>> storage(uint64_t offset, uint64_t size) const;
  void release(size_t offset, size_t size) const;

 private:
  MappedFile(std::string path, std::span<const std::byte> bytes)
      : path_(std::move(path)), bytes_(bytes) {}
  std::string path_;
  std::span<const std::byte> bytes_;
};

// "a folder", "a named pipe", "a device", ...: what `path` leads to, links followed, where that is
// no regular file; empty where it is one, or nothing at all.
std::string special_file_at(const std::string& path);

// Writes a file that has no name yet (where the file system has no such files: a temporary beside
// `path`); commit() flushes it to the disk and puts it at `path`. Without a successful commit()
// nothing is left of it, not even of a process that was killed, and what was at `path` stays. What
// is no regular file is not replaced.
class AtomicFile {
 public:
  static Result<std::unique_ptr<AtomicFile>> create(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Status write(std::span<const std::byte> bytes);  // buffered
  Status write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  uint64_t written() const { return written_; }
  // Flushes to the disk, which is where a full one shows; commit() then has only the rename to do.
  // Two files that belong together are both flushed before either is renamed.
  Status flush();
  Status commit();

 private:
  AtomicFile(std::string path, std::string temporary, int fd);
  static Result<std::unique_ptr<AtomicFile>> create_named(const std::string& path);
  Status link();  // gives the file without a name its name, or a temporary one
  Status drain();
  Status write_through(std::span<const std::byte> bytes);
  Error failed(const char* action) const;

  std::string path_;
  std::string temporary_;  // empty: the file has no name
  int fd_;
  uint64_t written_ = 0;
  bool flushed_ = false;
  std::vector<std::byte> buffer_;
};

// The whole file in memory; an error when it is larger than `max_bytes`.
Result<std::string> read_file(const std::string& path, size_t max_bytes = size_t{1} << 30);
// Atomically, as AtomicFile does.
Status write_file(const std::string& path, std::string_view text);

}  // namespace onnxport
