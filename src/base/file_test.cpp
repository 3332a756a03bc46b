#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

namespace onnxport {
namespace {

namespace fs = std::filesystem;

// A folder of its own for each test.
class File : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "onnxport-file-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  size_t entries() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }
  fs::path folder_;
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
