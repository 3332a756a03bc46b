#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/in_a_folder_test.h"

namespace onnxport {
namespace {

namespace fs = std::filesystem;

class File : public InAFolder {
 protected:
  size_t entries() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }
};

TEST_F(File, ReadsBackWhatWasWritten) {
  ASSERT_TRUE(write_file(path("a"), "hello").ok());
  EXPECT_EQ(*read_file(path("a")), "hello");
  auto mapped = MappedFile::open(path("a"));
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ((*mapped)->text(), "hello");
}

TEST_F(File, WritesMoreThanItsBuffer) {
  auto file = AtomicFile::create(path("a"));
  ASSERT_TRUE(file.ok());
  std::string expected;
  for (const size_t size :
       {size_t{10}, size_t{1} << 20, (size_t{1} << 20) - 1, size_t{3} << 20, size_t{1}}) {
    const std::string part(size, static_cast<char>('a' + expected.size() % 26));
    ASSERT_TRUE((*file)->write(part).ok());
    expected += part;
  }
  EXPECT_EQ((*file)->written(), expected.size());
  ASSERT_TRUE((*file)->commit().ok());
  EXPECT_TRUE(*read_file(path("a")) == expected);
}

TEST_F(File, LeavesTheOldFileUnlessCommitted) {
  ASSERT_TRUE(write_file(path("a"), "old").ok());
  {
    auto file = AtomicFile::create(path("a"));
    ASSERT_TRUE((*file)->write("new").ok());
    ASSERT_TRUE((*file)->flush().ok());
  }
  EXPECT_EQ(*read_file(path("a")), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(File, SaysWhatIsWrongAndWhere) {
  const Error missing = MappedFile::open(path("none")).error();
  EXPECT_EQ(missing.where, path("none"));
  EXPECT_NE(missing.message.find("no such file"), std::string::npos);
  EXPECT_NE(MappedFile::open(folder_.string()).error().message.find("folder"), std::string::npos);
  EXPECT_FALSE(write_file(folder_.string(), "x").ok());
  EXPECT_FALSE(write_file(path("no/such/folder"), "x").ok());
  ASSERT_TRUE(write_file(path("a"), "hello").ok());
  EXPECT_FALSE(read_file(path("a"), 4).ok());
  EXPECT_FALSE(MappedFile::open("/dev/null").ok());
}

// An open() would wait for a writer, a device has no end.
TEST_F(File, NeverWaitsForWhatIsNoRegularFile) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  fs::create_symlink("pipe", path("link"));
  for (const std::string& special : {path("pipe"), path("link"), std::string("/dev/zero")}) {
    for (const Error& error :
         {MappedFile::open(special).error(), read_file(special).error(),
          MappedFile::open_inside(special, {folder_.string(), "/dev"}).error()}) {
      EXPECT_EQ(error.where, special);
      EXPECT_NE(error.message.find("not a regular file"), std::string::npos) << error.message;
    }
    EXPECT_NE(write_file(special, "x").error().message.find("would replace"), std::string::npos);
  }
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
}

TEST_F(File, LinksLeadOnlyInsideTheFolders) {
  fs::create_directories(path("in/sub"));
  fs::create_directory(path("in-not"));
  for (const char* name : {"in/data", "in/sub/data", "in-not/data", "secret"}) {
    ASSERT_TRUE(write_file(path(name), name).ok());
  }
  auto opened = [&](const std::string& target, const std::string& folder = "in") {
    fs::remove(path("in/link"));
    fs::create_symlink(target, path("in/link"));
    auto file = MappedFile::open_inside(path("in/link"), {path(folder)});
    return file.ok() ? std::string((*file)->text()) : file.error().str();
  };
  EXPECT_EQ(opened("data"), "in/data");
  EXPECT_EQ(opened("sub/data"), "in/sub/data");
  EXPECT_EQ(opened("sub/../../in/data"), "in/data");
  EXPECT_EQ(opened(path("in/data")), "in/data");
  EXPECT_EQ(opened("../secret", "."), "secret");
  for (const std::string& out :
       {std::string("../secret"), path("secret"), std::string("/etc/passwd"),
        std::string("../in-not/data"), std::string("sub/../../secret")}) {
    EXPECT_NE(opened(out).find("leads out of the model's folder"), std::string::npos) << out;
  }
  EXPECT_NE(opened("none").find("no such file"), std::string::npos);
  EXPECT_NE(opened("sub").find("folder"), std::string::npos);
  fs::remove(path("in/link"));
  fs::create_directory_symlink("..", path("in/up"));
  EXPECT_FALSE(MappedFile::open_inside(path("in/up/secret"), {path("in")}).ok());
  EXPECT_TRUE(MappedFile::open_inside(path("in/up/in/data"), {path("in")}).ok());
}

TEST_F(File, HasNoNameUntilItIsCommitted) {
  auto file = AtomicFile::create(path("a"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->write("new").ok());
  ASSERT_TRUE((*file)->flush().ok());
  const int probe = ::open(folder_.c_str(), O_WRONLY | O_TMPFILE, 0600);
  if (probe < 0) GTEST_SKIP() << "this file system knows no files without a name";
  ::close(probe);
  EXPECT_EQ(entries(), 0u);
  ASSERT_TRUE(write_file(path("a"), "meanwhile").ok());
  ASSERT_TRUE((*file)->commit().ok());
  EXPECT_EQ(*read_file(path("a")), "new");
  EXPECT_EQ(entries(), 1u);
  struct stat info {};
  ASSERT_EQ(::stat(path("a").c_str(), &info), 0);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  EXPECT_EQ(info.st_mode & 0777, 0666 & ~mask);
}

// A limit on the size of files stands in for the full disk: write() fails in the same place.
TEST_F(File, LeavesNothingBehindWhenWritingFails) {
  ASSERT_TRUE(write_file(path("a"), "old").ok());
  struct rlimit old {};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { 4096, old.rlim_max };
  ::setrlimit(RLIMIT_FSIZE, &small);
  const Status status = write_file(path("a"), std::string(100000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().where, path("a"));
  EXPECT_EQ(*read_file(path("a")), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(File, RefusesFoldersItMayNotWrite) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ::chmod(folder_.c_str(), 0500);
  const Status status = write_file(path("a"), "x");
  ::chmod(folder_.c_str(), 0700);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("permission"), std::string::npos);
}

TEST_F(File, GivesStoragesInsideItsRange) {
  ASSERT_TRUE(write_file(path("a"), std::string(10000, 'x') + "yz").ok());
  auto file = *MappedFile::open(path("a"));
  auto storage = file->storage(9999, 3);
  ASSERT_TRUE(storage.ok());
  std::string text(3, ' ');
  (*storage)->read(0, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(text, "xyz");
  EXPECT_FALSE(file->storage(9999, 4).ok());
  EXPECT_FALSE(file->storage(1, UINT64_MAX).ok());
  EXPECT_FALSE(file->storage(UINT64_MAX, 1).ok());
  auto all = *file->storage(0, 10002);
  all->release();  // the pages come back when they are read
  EXPECT_EQ(static_cast<char>(all->view()[5000]), 'x');
}

TEST_F(File, MapsAnEmptyFile) {
  ASSERT_TRUE(write_file(path("a"), "").ok());
  auto file = *MappedFile::open(path("a"));
  EXPECT_EQ(file->size(), 0u);
  EXPECT_TRUE(file->storage(0, 0).ok());
  EXPECT_EQ(*read_file(path("a")), "");
}

}  // namespace
}  // namespace onnxport
