// The folder beside the output in which a file is built, checked and verified before it gets its
// name.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/hidden_folder.h"
#include "base/result.h"

namespace onnxport {

// A hidden folder beside `output`, removed with the object with all that is in it. In it the file
// already has its own name, so that a reference to external data beside it stays right.
class StagingFolder {
 public:
  static Result<StagingFolder> beside(const std::string& output);

  const std::string& file() const { return file_; }  // where to write
  // The same file name in a subfolder: for what is made on the way and not published.
  std::string scratch_file() const;
  Status make_scratch() const;  // the subfolder
  // Of all that will be published.
  uint64_t bytes() const;
  // Renames the file, and all that stands beside it, to `output`'s place; the old ones go. What
  // stands beside it has a name that begins with the stem of the file's: nothing else of the
  // output's folder can be hit. Of two processes that publish into one folder, one waits: what
  // belongs together is never mixed.
  Status publish();

 private:
  StagingFolder(HiddenFolder folder, std::string file, std::string output)
      : folder_(std::move(folder)), file_(std::move(file)), output_(std::move(output)) {}
  HiddenFolder folder_;
  std::string file_, output_;
};

}  // namespace onnxport
