#include "base/files_of_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/in_a_folder_test.h"

namespace onnxport {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FilesOfARun : public InAFolder {
 protected:
  void SetUp() override {
    InAFolder::SetUp();
    ASSERT_TRUE(write_file(path("model"), "model").ok());
  }

  // Of a run that reads the model and writes `output` and `report`.
  std::string problem(const std::string& output, const std::string& report = "") const {
    const Status status = check_files(
        {{{"the model", path("model")}}, {{"the output", output}, {"the report", report}}});
    return status.ok() ? "" : status.error().str();
  }
};

TEST_F(FilesOfARun, NewOnesAndRegularOnesAreGood) {
  EXPECT_EQ(problem(path("out")), "");
  EXPECT_EQ(problem(path("out"), path("report")), "");
  ASSERT_TRUE(write_file(path("out"), "old").ok());
  ASSERT_TRUE(write_file(path("report"), "old").ok());
  EXPECT_EQ(problem(path("out"), path("report")), "");
  fs::create_symlink("nowhere", path("dangling"));
  EXPECT_EQ(problem(path("dangling")), "");
  EXPECT_EQ(problem("/dev/shm/onnxport-no-such-file"), "");
}

TEST_F(FilesOfARun, WhatIsNoRegularFileIsNotReplaced) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path("socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ::close(socket);
  fs::create_directory(path("folder"));
  fs::create_symlink("/dev/full", path("link"));
  EXPECT_THAT(problem(path("pipe")), HasSubstr("the output would replace a named pipe"));
  EXPECT_THAT(problem(path("socket")), HasSubstr("the output would replace a socket"));
  EXPECT_THAT(problem("/dev/null"), HasSubstr("the output would replace a device"));
  EXPECT_THAT(problem(path("link")), HasSubstr("the output would replace a device"));
  EXPECT_THAT(problem(path("folder")), HasSubstr("the output is a folder"));
  EXPECT_THAT(problem(path("out"), path("pipe")), HasSubstr("the report would replace a named"));
}

TEST_F(FilesOfARun, NothingIsWrittenWhereNoFolderIsOrInTheKernelsOwn) {
  EXPECT_THAT(problem(path("no/out")), HasSubstr("there is no folder"));
  EXPECT_THAT(problem(path("model/out")), HasSubstr("there is no folder"));
  EXPECT_THAT(problem("/dev/onnxport-new"), HasSubstr("cannot be written into /dev"));
  EXPECT_THAT(problem("/proc/self/new"), HasSubstr("cannot be written into /proc/self"));
  fs::create_directory_symlink("/dev", path("devices"));
  EXPECT_THAT(problem(path("devices/new")), HasSubstr("cannot be written into"));
}

TEST_F(FilesOfARun, OneFileIsOneWhateverItsPath) {
  fs::create_hard_link(path("model"), path("hard"));
  fs::create_symlink("model", path("soft"));
  fs::create_directory_symlink(".", path("same"));
  fs::create_directory(path("sub"));
  for (const std::string& name :
       {"model", "hard", "soft", "same/model", "sub/../model", "./model"}) {
    EXPECT_THAT(problem(path(name)), HasSubstr("the output would replace the model")) << name;
    EXPECT_THAT(problem(path("out"), path(name)), HasSubstr("the report would replace the model"))
        << name;
  }
  // Neither is there yet.
  for (const std::string& name : {"out", "same/out", "sub/../out", "./out", "same/same/out"}) {
    EXPECT_THAT(problem(path("out"), path(name)), HasSubstr("the report would replace the output"))
        << name;
  }
}

}  // namespace
}  // namespace onnxport
