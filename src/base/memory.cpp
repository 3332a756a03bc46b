#include "base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <limits>

namespace onnxport {
namespace {

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

// The first number in a file; kNone where there is none ("max").
uint64_t number_in(const char* path) {
  uint64_t value = 0;
  return std::ifstream(path) >> value ? value : kNone;
}

uint64_t meminfo(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;) {
    uint64_t kilobytes = 0;
    if (word == key && file >> kilobytes) return kilobytes * 1024;
  }
  return kNone;
}

// What a container may still take.
uint64_t left_of(const char* limit, const char* used) {
  const uint64_t most = number_in(limit);
  if (most == kNone) return kNone;
  const uint64_t taken = number_in(used);
  return taken == kNone || taken > most ? most : most - taken;
}

uint64_t machine() {
  const long pages = sysconf(_SC_PHYS_PAGES);  // NOLINT(google-runtime-int)
  const long size = sysconf(_SC_PAGESIZE);     // NOLINT(google-runtime-int)
  if (pages <= 0 || size <= 0) return kNone;
  return static_cast<uint64_t>(pages) * static_cast<uint64_t>(size);
}

uint64_t in_all() {
  return std::min({machine(), number_in("/sys/fs/cgroup/memory.max"),
                   number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
}

}  // namespace

uint64_t free_memory() {
  const uint64_t free =
      std::min({meminfo("MemAvailable:"), machine(),
                left_of("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
                left_of("/sys/fs/cgroup/memory/memory.limit_in_bytes",
                        "/sys/fs/cgroup/memory/memory.usage_in_bytes")});
  return free == kNone ? 0 : free;
}

uint64_t default_memory() {
  // Less is of no use: the libraries of the proof take half of it. A file cache counts as taken in
  // a container, and goes when it must.
  constexpr uint64_t kLeast = uint64_t{1} << 30;
  const uint64_t free = free_memory();
  if (free == 0) return std::min(in_all(), uint64_t{4} << 30);
  return std::min(in_all(), std::max(free / 4 * 3, kLeast));
}

void limit_memory([[maybe_unused]] uint64_t bytes) {
#if !defined(__SANITIZE_ADDRESS__)
  rlimit limit{};
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return;
  const auto most = static_cast<rlim_t>(bytes);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= most) return;
  limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? most : std::min(most, limit.rlim_max);
  setrlimit(RLIMIT_DATA, &limit);
#endif
}

uint64_t taken_memory() {
  // statm: size, resident, shared, text, lib, data and stack, in pages
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  for (int field = 0; field < 6 && file >> pages; ++field) {
  }
  const long size = sysconf(_SC_PAGESIZE);  // NOLINT(google-runtime-int)
  return file && size > 0 ? pages * static_cast<uint64_t>(size) : 0;
}

std::string out_of_memory() {
  rlimit limit{};
  if (getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return "out of memory";
  return "out of memory: this process may take " + bytes_text(limit.rlim_cur) + " (--memory)";
}

std::string bytes_text(uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g %s", value, kUnits.at(unit));
  return text.data();
}

}  // namespace onnxport
