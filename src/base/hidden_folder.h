// A folder in which a run builds what nobody else is to see yet.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace onnxport {

// `.onnxport-PID-XXXXXX` in `parent`, removed with the object with all that is in it.
//
// A process that is killed cannot remove its own. So a process holds a lock (flock) on each of its
// folders, and make() removes those in `parent` that nobody holds: what a dead process left. Where
// the file system has no locks they stay.
class HiddenFolder {
 public:
  static Result<HiddenFolder> make(const std::string& parent);
  ~HiddenFolder();
  HiddenFolder(HiddenFolder&& other) noexcept;
  HiddenFolder& operator=(HiddenFolder&&) = delete;

  const std::string& path() const { return path_; }

 private:
  HiddenFolder(std::string path, int lock);

  std::string path_;
  int lock_;     // a descriptor of the folder; its end is the end of the lock
  pid_t owner_;  // a forked process must not remove it
};

// Removes every folder of this process: for a program that is about to be stopped by a signal.
void remove_hidden_folders();

}  // namespace onnxport
