#include "cli/limits.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace onnxport::cli {

void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__)  // whose shadow is memory that is only asked for
  const auto pages = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES));
  const auto size = static_cast<int64_t>(sysconf(_SC_PAGESIZE));
  if (pages <= 0 || size <= 0) return;
  auto most = static_cast<rlim_t>(pages * size);
  uint64_t container = 0;  // "max" is not a number
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> container && container > 0) {
    most = std::min(most, static_cast<rlim_t>(container));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return;
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= most) return;
  limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? most : std::min(most, limit.rlim_max);
  setrlimit(RLIMIT_DATA, &limit);
#endif
}

}  // namespace onnxport::cli
