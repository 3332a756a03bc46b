// Shared by the fuzz targets: the readers map files, so the bytes go to a file in memory.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace onnxport::fuzz {

// Calls read(path) with the path of a file that holds the bytes.
template <typename F>
void with_file(const uint8_t* bytes, size_t size, F read) {
  static const int kFile = memfd_create("fuzz", 0);
  if (kFile < 0 || ftruncate(kFile, 0) != 0) return;
  size_t done = 0;
  while (done < size) {
    const ssize_t n = pwrite(kFile, bytes + done, size - done, static_cast<off_t>(done));
    if (n <= 0) return;
    done += static_cast<size_t>(n);
  }
  read("/proc/self/fd/" + std::to_string(kFile));
}

}  // namespace onnxport::fuzz
