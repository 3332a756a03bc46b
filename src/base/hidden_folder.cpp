#include "base/hidden_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <utility>

namespace onnxport {
namespace fs = std::filesystem;

namespace {

constexpr const char* kPrefix = ".onnxport-";
constexpr int kTries = 10;

struct Living {
  std::mutex mutex;
  std::set<std::string> folders;
  std::set<std::string> swept;  // parents whose dead folders were removed
};

Living& living() {
  static auto* made = new Living;  // also for a thread that outlives main
  return *made;
}

void remove(const std::string& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
}

int open_folder(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool is_at(int fd, const std::string& path) {
  struct stat there {};
  struct stat here {};
  return ::fstat(fd, &here) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

// ".onnxport-4711-x7Gh2k"
bool has_our_name(const std::string& name) {
  if (!name.starts_with(kPrefix)) return false;
  const std::string rest = name.substr(std::strlen(kPrefix));
  const size_t dash = rest.find('-');
  return dash != std::string::npos && dash > 0 && rest.size() == dash + 7 &&
         rest.find_first_not_of("0123456789") == dash;
}

// What is another user's stays; so does what is locked, and a link.
void remove_if_dead(const std::string& path) {
  const int fd = open_folder(path);
  if (fd < 0) return;
  struct stat info {};
  const bool own = ::fstat(fd, &info) == 0 && info.st_uid == ::geteuid();
  if (own && ::flock(fd, LOCK_EX | LOCK_NB) == 0 && is_at(fd, path)) remove(path);
  ::close(fd);
}

// Once in a process for each parent: it may be a folder of very many files.
void sweep(const std::string& parent) {
  {
    std::scoped_lock lock(living().mutex);
    if (!living().swept.insert(parent).second) return;
  }
  std::error_code error;
  for (auto it = fs::directory_iterator(parent, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    if (has_our_name(it->path().filename().string())) remove_if_dead(it->path().string());
  }
}

}  // namespace

HiddenFolder::HiddenFolder(std::string path, int lock)
    : path_(std::move(path)), lock_(lock), owner_(::getpid()) {
  std::scoped_lock guard(living().mutex);
  living().folders.insert(path_);
}

HiddenFolder::HiddenFolder(HiddenFolder&& other) noexcept
    : path_(std::exchange(other.path_, "")),
      lock_(std::exchange(other.lock_, -1)),
      owner_(other.owner_) {}

HiddenFolder::~HiddenFolder() {
  if (!path_.empty() && owner_ == ::getpid()) {
    remove(path_);
    std::scoped_lock guard(living().mutex);
    living().folders.erase(path_);
  }
  if (lock_ >= 0) ::close(lock_);
}

Result<HiddenFolder> HiddenFolder::make(const std::string& parent) {
  sweep(parent);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::string path =
        (fs::path(parent) / (kPrefix + std::to_string(::getpid()) + "-XXXXXX")).string();
    if (::mkdtemp(path.data()) == nullptr) {
      return Error{std::strerror(errno), "cannot write into " + parent};
    }
    const int fd = open_folder(path);
    // Between making and locking, another process may have taken it for a dead one's.
    const bool taken = fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0 && !taken && is_at(fd, path)) return HiddenFolder(std::move(path), fd);
    if (fd >= 0) ::close(fd);
  }
  return Error{"hidden folders vanish as soon as they are made", "cannot write into " + parent};
}

void remove_hidden_folders() {
  std::scoped_lock lock(living().mutex);
  for (const std::string& folder : living().folders) remove(folder);
}

}  // namespace onnxport
