// The wall around a process that works on what a stranger's file holds: what it has open it keeps,
// and nothing else of the machine is within its reach.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace onnxport::sandbox {

enum class Mode {
  kAuto,     // as much of the wall as the kernel has; what is missing is told
  kRequire,  // all of it, or an error
  kOff,      // only the limits
};

// 0: none.
struct Limits {
  uint64_t memory = 0;   // bytes of memory that the process may ask for (RLIMIT_DATA)
  uint64_t seconds = 0;  // of processor time, all threads together
};

// How a stranger's file is worked on.
struct Policy {
  Mode mode = Mode::kAuto;
  Limits limits;
};

// The same, for a process that may have at most so many bytes more than this one has.
Policy at_most_more(Policy policy, uint64_t bytes);

// The parts of the wall.
struct Parts {
  bool landlock = true;  // the kernel's own rules on files, network and signals (Landlock)
  bool seccomp = true;   // which system calls there are (seccomp)
};

// The parts that this kernel has. Asked once.
Parts available();

// Gives up, for this thread and all that it starts, and for good: opening, making, removing,
// renaming or looking up files; sockets; starting programs or processes (threads are allowed);
// other processes, their memory and signals to them; shared memory with a name; devices; new
// rights. Memory, processor time, the size and the number of files are limited. Call it before
// there is a second thread: it binds only those that are started later.
//
// Descriptors other than `keep` and 0 to 2 are closed, and those three lead nowhere. The error says
// which part could not be put up; then nothing of a stranger's may be touched.
Status raise_wall(const Parts& parts, const Limits& limits, const std::vector<int>& keep);

// What a report says of it: "landlock, seccomp", "seccomp (this kernel has no landlock)", "off".
std::string description(Mode mode);

}  // namespace onnxport::sandbox
