// The folder beside the output in which a file is built, checked and verified before it gets its
// name.
#pragma once

#include <cstdint>
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
  // The same file name in a subfolder: for what is made on the way and not published.
  std::string scratch_file() const;
  Status make_scratch() const;  // the subfolder
  // Of all that will be published.
  uint64_t bytes() const;
  // Renames the file, and all that stands beside it, to `output`'s place; the old ones go. What
  // stands beside it has a name that begins with the stem of the file's: nothing else of the
  // output's folder can be hit.
  Status publish();

 private:
  StagingFolder(std::string folder, std::string file, std::string output);
  std::string folder_, file_, output_;
};

// Removes every staging folder of this process: for a program that is about to be stopped by a
// signal.
void remove_staging_folders();

}  // namespace onnxport
