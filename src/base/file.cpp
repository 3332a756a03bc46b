#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace onnxport {
namespace {

constexpr size_t kBufferSize = size_t{1} << 20;

// What the error number says, and what to do about it.
std::string reason(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "the disk is full; free some space or choose another folder";
    case EACCES:
    case EPERM:
      return "permission denied; check the permissions of the file and its folder";
    case EROFS:
      return "the file system is read-only; choose another folder";
    case ENOENT:
      return "there is no such file or folder; check the path";
    case EISDIR:
      return "this is a folder; a file was expected";
    case ENOTDIR:
      return "a part of the path is not a folder; check the path";
    case ENAMETOOLONG:
      return "the path is too long; choose a shorter one";
    case EFBIG:
      return "the file is too large for this file system or the limits of this process";
    default:
      return std::strerror(error);
  }
}

Error system_error(const std::string& path, const std::string& action, int error) {
  return Error{action + ": " + reason(error), path};
}

// An open file descriptor, closed on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// The size of the regular file behind `fd`.
Result<size_t> regular_size(const Descriptor& fd, const std::string& path) {
  if (fd.get() < 0) return system_error(path, "cannot open", errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(path, "cannot open", errno);
  if (S_ISDIR(info.st_mode)) return system_error(path, "cannot open", EISDIR);
  if (!S_ISREG(info.st_mode)) return Error{"cannot open: not a regular file", path};
  return static_cast<size_t>(info.st_size);
}

class MappedRange final : public Storage {
 public:
  MappedRange(std::shared_ptr<const MappedFile> file, size_t offset, size_t size)
      : file_(std::move(file)), offset_(offset), size_(size) {}
  size_t size() const override { return size_; }
  std::span<const std::byte> view() const override {
    return file_->bytes().subspan(offset_, size_);
  }
  void read(size_t offset, std::span<std::byte> out) const override {
    CHECK(offset <= size_ && out.size() <= size_ - offset);
    if (!out.empty()) std::memcpy(out.data(), view().data() + offset, out.size());
  }
  void release() const override { file_->release(offset_, size_); }
  void release_range(size_t offset, size_t size) const override {
    CHECK(offset <= size_ && size <= size_ - offset);
    file_->release(offset_ + offset, size);
  }

 private:
  std::shared_ptr<const MappedFile> file_;
  size_t offset_;
  size_t size_;
};

}  // namespace

// --- MappedFile --------------------------------------------------------------------------------

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  TRY_ASSIGN(const size_t size, regular_size(fd, path));
  std::span<const std::byte> bytes;
  if (size > 0) {
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (address == MAP_FAILED) return system_error(path, "cannot map into memory", errno);
    bytes = {static_cast<const std::byte*>(address), size};
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, bytes));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<std::shared_ptr<const Storage>> MappedFile::storage(uint64_t offset, uint64_t size) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset) {
    return Error{"bytes " + std::to_string(offset) + " to " + std::to_string(offset) + "+" +
                     std::to_string(size) + " lie outside the file of " +
                     std::to_string(bytes_.size()) + " bytes; it may be cut off",
                 path_};
  }
  return std::shared_ptr<const Storage>(
      std::make_shared<MappedRange>(shared_from_this(), offset, size));
}

void MappedFile::release(size_t offset, size_t size) const {
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = (offset + size) / page * page;
  if (begin >= end) return;
  ::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
}

// --- AtomicFile --------------------------------------------------------------------------------

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {
  buffer_.reserve(kBufferSize);
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return system_error(path, "cannot write", EISDIR);
  }
  // The process and a counter make the name unique; O_EXCL proves it.
  static std::atomic<uint64_t> count{0};
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string temporary =
        path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return std::unique_ptr<AtomicFile>(new AtomicFile(path, std::move(temporary), fd));
    if (errno != EEXIST) return system_error(path, "cannot write", errno);
  }
  return Error{"cannot write: every temporary name is taken; remove old " + path + ".tmp-* files",
               path};
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Error AtomicFile::failed(const char* action) const { return system_error(path_, action, errno); }

Status AtomicFile::write(std::span<const std::byte> bytes) {
  written_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBufferSize) TRY(drain());
  if (bytes.size() >= kBufferSize) return write_through(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return {};
}

Status AtomicFile::drain() {
  TRY(write_through(buffer_));
  buffer_.clear();
  return {};
}

Status AtomicFile::write_through(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), std::min(bytes.size(), size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot write");
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Status AtomicFile::flush() {
  TRY(drain());
  if (::fsync(fd_) != 0) return failed("cannot write to the disk");
  flushed_ = true;
  return {};
}

Status AtomicFile::commit() {
  if (!flushed_ || !buffer_.empty()) TRY(flush());
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0) return failed("cannot write");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed("cannot replace");
  temporary_.clear();
  // The rename itself survives a power cut only once the folder is on the disk; best effort.
  const size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  const Descriptor folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder_fd.get() >= 0) ::fsync(folder_fd.get());
  return {};
}

// --- whole files -------------------------------------------------------------------------------

Result<std::string> read_file(const std::string& path, size_t max_bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  TRY_ASSIGN(const size_t size, regular_size(fd, path));
  if (size > max_bytes) {
    return Error{"the file has " + std::to_string(size) + " bytes; at most " +
                     std::to_string(max_bytes) + " are accepted here",
                 path};
  }
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd.get(), text.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "cannot read", errno);
    if (n == 0) return Error{"the file became shorter while it was read; try again", path};
    done += static_cast<size_t>(n);
  }
  return text;
}

Status write_file(const std::string& path, std::string_view text) {
  TRY_ASSIGN(auto file, AtomicFile::create(path));
  TRY(file->write(text));
  return file->commit();
}

}  // namespace onnxport
