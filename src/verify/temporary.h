// A file in the temporary folder that is gone with the object.
#pragma once

#include <string>

namespace onnxport::verify {

class TemporaryFile {
 public:
  TemporaryFile();
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }  // empty when none could be made

 private:
  std::string path_;
};

}  // namespace onnxport::verify
