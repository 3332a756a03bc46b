#include "pipeline/staging_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

namespace onnxport {
namespace fs = std::filesystem;

namespace {

constexpr const char* kScratch = ".scratch";

constexpr auto kPatience = std::chrono::seconds(10);

// Held while files are put in place: of the folder itself, so that nothing is left of it. Where the
// file system has no locks, or somebody keeps one, it goes without.
class PublishLock {
 public:
  explicit PublishLock(const fs::path& folder)
      : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
           std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  ~PublishLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  PublishLock(const PublishLock&) = delete;
  PublishLock& operator=(const PublishLock&) = delete;

 private:
  int fd_;
};

fs::path folder_of(const fs::path& file) {
  return file.parent_path().empty() ? fs::path(".") : file.parent_path();
}

}  // namespace

Result<StagingFolder> StagingFolder::beside(const std::string& output) {
  fs::path target(output);
  std::error_code error;
  if (target.filename().empty() || fs::is_directory(target, error)) {
    return Error{"is a folder; name the file to write, such as model.onnx", output};
  }
  const fs::path parent = folder_of(target);
  if (!fs::is_directory(parent, error)) {
    return Error{"there is no folder " + parent.string() + " to write into; make it first", output};
  }
  auto folder = HiddenFolder::make(parent.string());
  if (!folder.ok()) return Error{folder.error().str(), output};
  std::string file = (fs::path(folder->path()) / target.filename()).string();
  return StagingFolder(std::move(*folder), std::move(file), output);
}

std::string StagingFolder::scratch_file() const {
  return (fs::path(folder_.path()) / kScratch / fs::path(file_).filename()).string();
}

Status StagingFolder::make_scratch() const {
  const fs::path folder = fs::path(folder_.path()) / kScratch;
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) return Error{"cannot be made: " + error.message(), folder.string()};
  return {};
}

uint64_t StagingFolder::bytes() const {
  std::error_code error;
  uint64_t total = 0;
  for (auto it = fs::recursive_directory_iterator(folder_.path(), error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it->path().filename() == kScratch) it.disable_recursion_pending();
    if (it->is_regular_file(error)) total += it->file_size(error);
  }
  return total;
}

Status StagingFolder::publish() {
  const fs::path target(output_);
  const std::string stem = fs::path(file_).stem().string();
  std::error_code error;
  std::vector<fs::path> beside;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path(), error)) {
    const std::string name = entry.path().filename().string();
    if (name == kScratch || entry.path() == fs::path(file_)) continue;
    if (!name.starts_with(stem)) {
      return Error{"has a name that does not begin with `" + stem + "`, so it is not published",
                   name};
    }
    beside.push_back(entry.path());
  }
  const PublishLock lock(folder_of(target));
  // The data first: an old .onnx with new data is caught by its checks, the reverse order would
  // leave a new .onnx without any.
  for (const fs::path& path : beside) {
    if (!error) fs::rename(path, target.parent_path() / path.filename(), error);
  }
  if (!error) fs::rename(file_, output_, error);
  if (error) return Error{"cannot be put in place: " + error.message(), output_};
  return {};
}

}  // namespace onnxport
