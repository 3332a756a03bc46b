#include "base/files_of_run.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <tuple>

#include "base/file.h"

namespace onnxport {
namespace fs = std::filesystem;

namespace {

// The file itself, or, of one that is not there, its folder and its name in it.
using Identity = std::tuple<dev_t, ino_t, std::string>;

fs::path parent_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

std::optional<Identity> identity(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return Identity{info.st_dev, info.st_ino, ""};
  if (::stat(parent_of(path).c_str(), &info) != 0) return std::nullopt;
  return Identity{info.st_dev, info.st_ino, fs::path(path).filename().string()};
}

// /dev/stdout is a link in the kernel's folder: it would be replaced, not written through.
// /dev/shm is a folder like any other.
bool is_the_kernels(const fs::path& folder) {
  std::error_code error;
  const std::string real = fs::canonical(folder, error).string() + "/";
  if (error || real.starts_with("/dev/shm/")) return false;
  return real.starts_with("/dev/") || real.starts_with("/proc/") || real.starts_with("/sys/");
}

Status check_written(const NamedFile& file) {
  const std::string special = special_file_at(file.path);
  if (special == "a folder") {
    return Error{file.what + " is a folder; name the file to write", file.path};
  }
  if (!special.empty()) {
    return Error{file.what + " would replace " + special +
                     ", which is no regular file; name a file that is new, or a regular one",
                 file.path};
  }
  const fs::path parent = parent_of(file.path);
  std::error_code error;
  if (!fs::is_directory(parent, error)) {
    return Error{"there is no folder " + parent.string() + " to write into; make it first",
                 file.path};
  }
  if (is_the_kernels(parent)) {
    return Error{
        file.what + " cannot be written into " + parent.string() + "; name a file elsewhere",
        file.path};
  }
  return {};
}

Error replaces(const NamedFile& written, const NamedFile& other) {
  return Error{written.what + " would replace " + other.what + "; " + other.remedy, written.path};
}

}  // namespace

Status check_files(const FilesOfRun& files) {
  std::vector<std::pair<const NamedFile*, Identity>> taken;
  auto taker = [&](const Identity& id) -> const NamedFile* {
    for (const auto& [file, known] : taken) {
      if (known == id) return file;
    }
    return nullptr;
  };
  for (const NamedFile& file : files.read) {
    if (file.path.empty()) continue;
    if (const auto id = identity(file.path)) taken.emplace_back(&file, *id);
  }
  for (const NamedFile& file : files.written) {
    if (file.path.empty()) continue;
    TRY(check_written(file));
    const auto id = identity(file.path);
    if (!id) continue;
    if (const NamedFile* other = taker(*id)) return replaces(file, *other);
    taken.emplace_back(&file, *id);
  }
  return {};
}

}  // namespace onnxport
