#include "base/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>

namespace onnxport {
namespace {

TEST(Memory, IsTold) {
  EXPECT_GT(free_memory(), 0U);
  EXPECT_GE(default_memory(), free_memory() / 2);
  EXPECT_GT(taken_memory(), uint64_t{1} << 20);
}

TEST(Memory, IsWrittenForPeople) {
  EXPECT_EQ(bytes_text(0), "0 bytes");
  EXPECT_EQ(bytes_text(999), "999 bytes");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(uint64_t{4} << 30), "4 GiB");
}

#if !defined(__SANITIZE_ADDRESS__)
// In a fork: a limit cannot be taken back.
TEST(Memory, WhatIsOverTheLimitThrows) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    limit_memory(taken_memory() + (uint64_t{64} << 20));
    bool thrown = false;
    try {
      char* volatile room = new char[size_t{256} << 20];  // which the compiler cannot leave out
      delete[] room;
    } catch (const std::bad_alloc&) {
      thrown = true;
    }
    const bool told = out_of_memory().find("this process may take ") != std::string::npos;
    limit_memory(uint64_t{1} << 40);  // no more than before
    const bool stays = out_of_memory().find("TiB") == std::string::npos;
    _exit((thrown ? 0 : 1) + (told ? 0 : 2) + (stays ? 0 : 4));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}
#endif

}  // namespace
}  // namespace onnxport
