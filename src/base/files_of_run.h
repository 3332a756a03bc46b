// What a run reads and what it writes: told apart before any work is done.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace onnxport {

struct NamedFile {
  std::string what;                            // "the report"
  std::string path;                            // empty: there is none
  std::string remedy = "choose another name";  // where something would be written over it
};

struct FilesOfRun {
  std::vector<NamedFile> read;
  std::vector<NamedFile> written;
};

// Nothing that is written is a pipe, a device, a socket or a folder, stands in a folder that is not
// there or is the kernel's (/proc, /dev), or is a file that the run reads or writes besides, by
// whatever path, hard link or symbolic link. The error names both and says what to do.
Status check_files(const FilesOfRun& files);

}  // namespace onnxport
