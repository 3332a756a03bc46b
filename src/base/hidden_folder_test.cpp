#include "base/hidden_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/in_a_folder_test.h"

namespace onnxport {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

class Hidden : public InAFolder {
 protected:
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      out.insert(entry.path().filename().string());
    }
    return out;
  }

  // A process that makes a folder with a file in it, says so and waits to be killed.
  pid_t holder() const {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const auto folder = HiddenFolder::make(folder_.string());
      std::ofstream(folder->path() + "/half") << "written";
      ::write(ends[1], "x", 1);
      for (;;) ::pause();
    }
    char ready = 0;
    EXPECT_EQ(::read(ends[0], &ready, 1), 1);
    ::close(ends[0]);
    ::close(ends[1]);
    return child;
  }
};

TEST_F(Hidden, IsGoneWithItsObject) {
  {
    auto folder = HiddenFolder::make(folder_.string());
    ASSERT_TRUE(folder.ok());
    std::ofstream(folder->path() + "/file") << "x";
    const HiddenFolder moved = std::move(*folder);
    EXPECT_EQ(names().size(), 1u);
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Hidden, AForkedProcessRemovesNothing) {
  auto folder = HiddenFolder::make(folder_.string());
  const pid_t child = ::fork();
  if (child == 0) {
    { const HiddenFolder mine = std::move(*folder); }
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(fs::exists(folder->path()));
}

TEST_F(Hidden, WhatAKilledProcessLeftIsRemovedAndNothingElse) {
  const pid_t dead = holder();
  const pid_t alive = holder();
  ASSERT_EQ(::kill(dead, SIGKILL), 0);
  ASSERT_EQ(::waitpid(dead, nullptr, 0), dead);
  fs::create_directory(folder_ / ".onnxport-notours");
  fs::create_directory(folder_ / ".onnxport-12-toolong7");
  fs::create_directory(folder_ / "target");
  std::ofstream(folder_ / "target" / "precious") << "x";
  fs::create_directory_symlink("target", folder_ / ".onnxport-12-abcdef");
  std::ofstream(folder_ / ".onnxport-13-abcdef") << "a file";
  ASSERT_EQ(names().size(), 7u);
  {
    const auto folder = HiddenFolder::make(folder_.string());
    ASSERT_TRUE(folder.ok());
    EXPECT_EQ(names().size(), 7u);  // one less, and this one
    EXPECT_TRUE(fs::exists(folder_ / "target" / "precious"));
    EXPECT_TRUE(fs::exists(folder_ / ".onnxport-notours"));
  }
  ::kill(alive, SIGKILL);
  ::waitpid(alive, nullptr, 0);
  EXPECT_EQ(names().size(), 6u);  // once in a process: a folder may be large
}

TEST_F(Hidden, CannotBeMadeWhereNothingIs) {
  const auto folder = HiddenFolder::make((folder_ / "no").string());
  ASSERT_FALSE(folder.ok());
  EXPECT_NE(folder.error().str().find("cannot write into"), std::string::npos);
}

}  // namespace
}  // namespace onnxport
