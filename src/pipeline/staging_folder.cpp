#include "pipeline/staging_folder.h"

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

Status StagingFolder::publish() {
  std::error_code error;
  // The data first: an old .onnx with new data is caught by its checks, the reverse order would
  // leave a new .onnx without any.
  bool external = fs::exists(file_ + ".data", error);
  if (external) fs::rename(file_ + ".data", output_ + ".data", error);
  if (!error) fs::rename(file_, output_, error);
  if (error) return Error{"cannot be put in place: " + error.message(), output_};
  return {};
}

}  // namespace onnxport
