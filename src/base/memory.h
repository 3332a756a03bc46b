// The machine's memory, and how much of it this process may take.
#pragma once

#include <cstdint>
#include <string>

namespace onnxport {

// Bytes that the machine or the container (control groups 1 and 2) could still give without
// swapping; 0 when neither says.
uint64_t free_memory();

// Three quarters of what is free, for whoever was not told; at least 1 GiB, never more than the
// machine has.
uint64_t default_memory();

// This process and all that it starts may ask for at most so many bytes (RLIMIT_DATA; mapped files
// do not count): then `new` throws, where the kernel would end the process without a word. A limit
// that is lower already stays. Does nothing under AddressSanitizer, whose shadow is memory too.
void limit_memory(uint64_t bytes);

// What this process has asked for already, as limit_memory() counts.
uint64_t taken_memory();

// "out of memory: this process may take 4 GiB (--memory)"
std::string out_of_memory();

// "4 GiB", "1.5 MiB"
std::string bytes_text(uint64_t bytes);

}  // namespace onnxport
