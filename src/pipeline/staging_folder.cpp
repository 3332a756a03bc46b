#include "pipeline/staging_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

namespace onnxport {
namespace fs = std::filesystem;

namespace {

constexpr const char* kScratch = ".scratch";

struct Living {
  std::mutex mutex;
  std::set<std::string> folders;
};

Living& living() {
  static auto* made = new Living;  // also for a thread that outlives main
  return *made;
}

void remove(const std::string& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
}

}  // namespace

StagingFolder::StagingFolder(std::string folder, std::string file, std::string output)
    : folder_(std::move(folder)), file_(std::move(file)), output_(std::move(output)) {
  std::scoped_lock lock(living().mutex);
  living().folders.insert(folder_);
}

StagingFolder::StagingFolder(StagingFolder&& other) noexcept
    : folder_(std::exchange(other.folder_, "")),
      file_(std::move(other.file_)),
      output_(std::move(other.output_)) {}

StagingFolder::~StagingFolder() {
  if (folder_.empty()) return;
  remove(folder_);
  std::scoped_lock lock(living().mutex);
  living().folders.erase(folder_);
}

void remove_staging_folders() {
  std::scoped_lock lock(living().mutex);
  for (const std::string& folder : living().folders) remove(folder);
}

Result<StagingFolder> StagingFolder::beside(const std::string& output) {
  fs::path target(output);
  std::error_code error;
  if (target.filename().empty() || fs::is_directory(target, error)) {
    return Error{"is a folder; name the file to write, such as model.onnx", output};
  }
  fs::path parent = target.parent_path().empty() ? fs::path(".") : target.parent_path();
  if (!fs::is_directory(parent, error)) {
    return Error{"there is no folder " + parent.string() + " to write into; make it first", output};
  }
  std::string folder = (parent / ".onnxport-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return Error{"cannot write into " + parent.string() + ": " + std::strerror(errno), output};
  }
  return StagingFolder(folder, (fs::path(folder) / target.filename()).string(), output);
}

std::string StagingFolder::scratch_file() const {
  return (fs::path(folder_) / kScratch / fs::path(file_).filename()).string();
}

Status StagingFolder::make_scratch() const {
  const fs::path folder = fs::path(folder_) / kScratch;
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) return Error{"cannot be made: " + error.message(), folder.string()};
  return {};
}

uint64_t StagingFolder::bytes() const {
  std::error_code error;
  uint64_t total = 0;
  for (auto it = fs::recursive_directory_iterator(folder_, error);
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
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (name == kScratch || entry.path() == fs::path(file_)) continue;
    if (!name.starts_with(stem)) {
      return Error{"has a name that does not begin with `" + stem + "`, so it is not published",
                   name};
    }
    beside.push_back(entry.path());
  }
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
