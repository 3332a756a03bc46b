#include "verify/temporary.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace onnxport::verify {

TemporaryFile::TemporaryFile() {
  std::error_code error;
  auto folder = std::filesystem::temp_directory_path(error);
  if (error) return;
  path_ = (folder / "onnxport-XXXXXX").string();
  int fd = mkstemp(path_.data());
  if (fd < 0) {
    path_.clear();
  } else {
    close(fd);
  }
}

TemporaryFile::~TemporaryFile() {
  if (path_.empty()) return;
  std::remove(path_.c_str());
  std::remove((path_ + ".data").c_str());  // external data of a large model
}

}  // namespace onnxport::verify
