// The folder beside the output in which a file is built, checked and verified before it gets its
// name.
#pragma once

#include <string>

#include "base/result.h"

namespace onnxport {

// A hidden folder beside `output`, removed with the object with all that is in it. In it the file
// already has its own name, so that a reference to external data beside it stays right.
class StagingFolder {
 public:
  static Result<StagingFolder> beside(const std::string& output);
  ~StagingFolder();
  StagingFolder(StagingFolder&& other) noexcept;
  StagingFolder& operator=(StagingFolder&&) = delete;

  const std::string& file() const { return file_; }  // where to write
  // Renames the file, and its .data if there is one, to `output`'s place; the old ones go.
  Status publish();

 private:
  StagingFolder(std::string folder, std::string file, std::string output);
  std::string folder_, file_, output_;
};

// Removes every staging folder of this process: for a program that is about to be stopped by a
// signal.
void remove_staging_folders();

}  // namespace onnxport
