#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

namespace onnxport {
namespace fs = std::filesystem;
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

std::string kind_of(mode_t mode) {
  if (S_ISREG(mode)) return "";
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Status check_regular(mode_t mode, const std::string& path) {
  if (S_ISREG(mode)) return {};
  if (S_ISDIR(mode)) return system_error(path, "cannot open", EISDIR);
  return Error{"cannot open: it is " + kind_of(mode) +
                   ", not a regular file; write what it gives into a file first",
               path};
}

// Flags of every file that is read: opening a pipe must not wait for a writer, nor a terminal
// become this process's own.
constexpr int kRead = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// Opened before anything is done, opening alone makes some devices act: so the kind is looked at
// first. What is behind the descriptor is looked at again in regular_size().
Result<int> open_to_read(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return system_error(path, "cannot open", errno);
  TRY(check_regular(info.st_mode, path));
  const int fd = ::open(path.c_str(), kRead);
  if (fd < 0) return system_error(path, "cannot open", errno);
  return fd;
}

// The size of the regular file behind `fd`.
Result<size_t> regular_size(const Descriptor& fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(path, "cannot open", errno);
  TRY(check_regular(info.st_mode, path));
  return static_cast<size_t>(info.st_size);
}

// `path`, which has no links, opened part by part from the root, so that no link that is made
// meanwhile is followed.
Result<int> open_without_links(const fs::path& path) {
  int at = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  const fs::path parts = path.relative_path();
  for (auto part = parts.begin(); at >= 0 && part != parts.end(); ++part) {
    const Descriptor folder(at);
    const bool last = std::next(part) == parts.end();
    at = ::openat(folder.get(), part->c_str(),
                  O_NOFOLLOW | (last ? kRead : O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  if (at < 0) return system_error(path.string(), "cannot open", errno);
  return at;
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  const auto [inner, outer] = std::mismatch(path.begin(), path.end(), folder.begin(), folder.end());
  return outer == folder.end() && inner != path.end();
}

// The whole of the regular file behind `fd`; it is mapped where it has any bytes.
Result<std::span<const std::byte>> map(const Descriptor& fd, const std::string& path) {
  TRY_ASSIGN(const size_t size, regular_size(fd, path));
  if (size == 0) return std::span<const std::byte>();
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) return system_error(path, "cannot map into memory", errno);
  return std::span<const std::byte>(static_cast<const std::byte*>(address), size);
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
  TRY_ASSIGN(const int opened, open_to_read(path));
  const Descriptor fd(opened);
  TRY_ASSIGN(const std::span<const std::byte> bytes, map(fd, path));
  return std::shared_ptr<const MappedFile>(new MappedFile(path, bytes));
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open_inside(
    const std::string& path, const std::vector<std::string>& folders) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return system_error(path, "cannot open", error.value());
  const bool inside = std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
    std::error_code none;
    const fs::path root = fs::canonical(folder.empty() ? "." : folder, none);
    return !none && is_inside(real, root);
  });
  if (!inside) {
    return Error{"is a link that leads out of the model's folder, to " + real.string() +
                     "; only files inside are read: put the file itself there",
                 path};
  }
  struct stat info {};
  if (::lstat(real.c_str(), &info) == 0) TRY(check_regular(info.st_mode, path));
  TRY_ASSIGN(const int opened, open_without_links(real));
  const Descriptor fd(opened);
  TRY_ASSIGN(const std::span<const std::byte> bytes, map(fd, path));
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

std::string special_file_at(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? kind_of(info.st_mode) : "";
}

// --- AtomicFile --------------------------------------------------------------------------------

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {
  buffer_.reserve(kBufferSize);
}

namespace {

// The name under which a process's own descriptor can be linked; /proc may be missing.
std::string name_of_descriptor(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// The process and a counter make the name unique; O_EXCL, or link(), proves it.
constexpr int kTries = 100;
std::string temporary_name(const std::string& path) {
  static std::atomic<uint64_t> count{0};
  return path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

Error no_name(const std::string& path) {
  return Error{"cannot write: every temporary name is taken; remove old " + path + ".tmp-* files",
               path};
}

}  // namespace

Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::string& path) {
  const std::string special = special_file_at(path);
  if (special == "a folder") return system_error(path, "cannot write", EISDIR);
  if (!special.empty()) {
    return Error{"cannot write: it is " + special + ", which a file would replace", path};
  }
#ifdef O_TMPFILE
  const int fd = ::open(folder_of(path).c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
  if (fd >= 0 && ::access(name_of_descriptor(fd).c_str(), F_OK) == 0) {
    return std::unique_ptr<AtomicFile>(new AtomicFile(path, "", fd));
  }
  if (fd >= 0) ::close(fd);
#endif
  return create_named(path);
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::create_named(const std::string& path) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::string temporary = temporary_name(path);
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return std::unique_ptr<AtomicFile>(new AtomicFile(path, std::move(temporary), fd));
    if (errno != EEXIST) return system_error(path, "cannot write", errno);
  }
  return no_name(path);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

// link() replaces nothing: what is there is replaced by a rename from a temporary name.
Status AtomicFile::link() {
  const std::string own = name_of_descriptor(fd_);
  auto link_to = [&](const std::string& name) {
    return ::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  };
  if (link_to(path_)) return {};
  for (int attempt = 0; errno == EEXIST && attempt < kTries; ++attempt) {
    std::string temporary = temporary_name(path_);
    if (!link_to(temporary)) continue;
    temporary_ = std::move(temporary);
    return {};
  }
  return errno == EEXIST ? no_name(path_) : failed("cannot write");
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
  if (temporary_.empty()) TRY(link());
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0) return failed("cannot write");
  if (!temporary_.empty()) {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed("cannot replace");
    temporary_.clear();
  }
  // The name itself survives a power cut only once the folder is on the disk; best effort.
  const Descriptor folder_fd(::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder_fd.get() >= 0) ::fsync(folder_fd.get());
  return {};
}

// --- whole files -------------------------------------------------------------------------------

Result<std::string> read_file(const std::string& path, size_t max_bytes) {
  TRY_ASSIGN(const int opened, open_to_read(path));
  const Descriptor fd(opened);
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
