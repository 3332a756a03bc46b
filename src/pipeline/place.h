// The folder beside the output in which a file is built, checked and verified before it gets its
// name.
#pragma once

#include <string>

#include "base/result.h"

namespace onnxport {

// A hidden folder beside `output`, removed with the object with all that is in it. In it the file
// already has its own name, so that a reference to external data beside it stays right.
class BuildFolder {
 public:
  static Result<BuildFolder> beside(const std::string& output);
  ~BuildFolder();
  BuildFolder(BuildFolder&& other) noexcept;
  BuildFolder& operator=(BuildFolder&&) = delete;

  const std::string& file() const { return file_; }  // where to write
  // Renames the file, and its .data if there is one, to `output`'s place; the old ones go.
  Status publish();

 private:
  BuildFolder(std::string folder, std::string file, std::string output);
  std::string folder_, file_, output_;
};

// Removes every build folder of this process: for a program that is about to be stopped by a
// signal.
void remove_build_folders();

}  // namespace onnxport
