// A process behind the wall tries what a hostile file would have it do, and computes, which it may.
// With both parts, and with each alone.
#include "sandbox/wall.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "sandbox/child.h"

namespace onnxport::sandbox {
namespace {

using testing::HasSubstr;

// What the attempts are made on: all of it is there and open to the tests' own process.
struct World {
  World() {
    folder = testing::TempDir() + "onnxport_wall_" + std::to_string(getpid());
    start_again();
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    listen(listener, 8);
    socklen_t size = sizeof address;
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    shared = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    bystander = fork();
    if (bystander == 0) {
      for (;;) pause();
    }
  }
  // As if nothing had been tried.
  void start_again() const {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/secret") << "secret";
  }
  ~World() {
    kill(bystander, SIGKILL);
    waitpid(bystander, nullptr, 0);
    shmctl(shared, IPC_RMID, nullptr);
    close(listener);
    std::filesystem::remove_all(folder);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::string folder;
  int listener = -1;
  sockaddr_in address{};
  int shared = -1;
  pid_t bystander = -1;
  int value = 42;  // which the bystander has at the same address
};

bool opens(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

bool ended_well(pid_t child) {
  if (child == 0) _exit(0);
  return child > 0 && waitpid(child, nullptr, 0) == child;
}

// True where it worked.
using Attempt = std::function<bool(const World&)>;
using Attempts = std::map<std::string, Attempt>;

Attempts attempts() {
  return {
      {"read a file", [](const World& w) { return opens(w.folder + "/secret", O_RDONLY); }},
      {"read a file by openat2",
       [](const World& w) {
         std::array<uint64_t, 3> how{O_RDONLY, 0, 0};
         return syscall(SYS_openat2, AT_FDCWD, (w.folder + "/secret").c_str(), how.data(),
                        sizeof how) >= 0;
       }},
      {"write a file", [](const World& w) { return opens(w.folder + "/secret", O_WRONLY); }},
      {"empty a file",
       [](const World& w) { return truncate((w.folder + "/secret").c_str(), 0) == 0; }},
      {"make a file", [](const World& w) { return opens(w.folder + "/new", O_CREAT | O_WRONLY); }},
      {"make an unnamed file",
       [](const World& w) { return opens(w.folder, O_TMPFILE | O_WRONLY); }},
      {"make a folder",
       [](const World& w) { return mkdir((w.folder + "/made").c_str(), 0700) == 0; }},
      {"make a FIFO",
       [](const World& w) { return mkfifo((w.folder + "/fifo").c_str(), 0600) == 0; }},
      {"make a link",
       [](const World& w) { return symlink("/", (w.folder + "/link").c_str()) == 0; }},
      {"rename a file",
       [](const World& w) {
         return rename((w.folder + "/secret").c_str(), (w.folder + "/other").c_str()) == 0;
       }},
      {"remove a file", [](const World& w) { return unlink((w.folder + "/secret").c_str()) == 0; }},
      {"list a folder", [](const World&) { return opens("/", O_RDONLY | O_DIRECTORY); }},
      {"read its own environment",
       [](const World&) { return opens("/proc/self/environ", O_RDONLY); }},
      {"read another's memory map",
       [](const World& w) {
         return opens("/proc/" + std::to_string(w.bystander) + "/maps", O_RDONLY);
       }},
      {"open a device", [](const World&) { return opens("/dev/zero", O_RDONLY); }},
      {"connect",
       [](const World& w) {
         const int fd = socket(AF_INET, SOCK_STREAM, 0);
         return connect(fd, reinterpret_cast<const sockaddr*>(&w.address), sizeof w.address) == 0;
       }},
      {"listen",
       [](const World&) {
         sockaddr_in any{};
         any.sin_family = AF_INET;
         return bind(socket(AF_INET, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&any),
                     sizeof any) == 0;
       }},
      {"make a datagram socket", [](const World&) { return socket(AF_INET, SOCK_DGRAM, 0) >= 0; }},
      {"make a pair of sockets",
       [](const World&) {
         std::array<int, 2> ends{};
         return socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0;
       }},
      {"start a program",
       [](const World&) {
         const char* arguments[] = {"/bin/true", nullptr};
         const char* nothing[] = {nullptr};
         execve("/bin/true", const_cast<char**>(arguments), const_cast<char**>(nothing));
         return false;  // where it works, this process sends no more: seen below
       }},
      {"fork", [](const World&) { return ended_well(fork()); }},
      {"vfork by clone",
       [](const World&) {
         return ended_well(
             static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr)));
       }},
      {"enter a namespace", [](const World&) { return unshare(CLONE_NEWUSER) == 0; }},
      {"trace another",
       [](const World& w) { return ptrace(PTRACE_SEIZE, w.bystander, nullptr, nullptr) == 0; }},
      {"read another's memory",
       [](const World& w) {
         int there = 0;
         iovec to{&there, sizeof there};
         iovec from{const_cast<int*>(&w.value), sizeof w.value};
         return process_vm_readv(w.bystander, &to, 1, &from, 1, 0) > 0;
       }},
      {"signal another", [](const World& w) { return kill(w.bystander, 0) == 0; }},
      {"attach shared memory",
       [](const World& w) {
         return shmat(w.shared, nullptr, 0) != reinterpret_cast<void*>(-1);  // NOLINT
       }},
      {"make shared memory with a name",
       [](const World&) { return shm_open("/onnxport_wall", O_CREAT | O_RDWR, 0600) >= 0; }},
      {"look into the kernel's ring",
       [](const World&) {
         return syscall(SYS_io_uring_setup, 1, nullptr) >= 0 || errno == EFAULT;
       }},
      {"load a filter of its own",
       [](const World&) { return syscall(SYS_bpf, 0, nullptr, 0) >= 0 || errno == EINVAL; }},
      {"read the terminal", [](const World&) { return isatty(0) == 1; }},
      {"raise its limits",
       [](const World&) {
         const rlimit more{1 << 20, 1 << 20};
         return setrlimit(RLIMIT_NOFILE, &more) == 0;
       }},
  };
}

// What worked of all attempts, each in a process of its own.
std::vector<std::string> worked(const World& world, const Parts& parts) {
  std::vector<std::string> out;
  for (const auto& [name, attempt] : attempts()) {
    world.start_again();
    auto end = in_child(
        [&, &attempt = attempt](const Send& send) {
          const Status wall = raise_wall(parts, {}, {3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
          if (!wall.ok()) return send("wall: " + wall.error().message);
          send(attempt(world) ? "1" : "0");
        },
        {.policy = {Mode::kOff, {}}});
    if (!end.ok()) {
      out.push_back(name + ": " + end.error().message);
    } else if (end->text != "0") {
      out.push_back(end->text == "1" || end->text.empty() ? name : name + " " + end->text);
    }
  }
  return out;
}

class Wall : public testing::Test {
 protected:
  void SetUp() override {
    if (!available().landlock || !available().seccomp) GTEST_SKIP() << description(Mode::kAuto);
  }
};

// Otherwise those below would prove nothing.
TEST_F(Wall, WithoutItTheAttemptsWork) {
  const World world;
  const auto without = worked(world, {false, false});
  for (const char* name : {"read a file", "write a file", "make a file", "make a folder",
                           "list a folder", "read its own environment", "connect", "listen",
                           "start a program", "fork", "attach shared memory", "signal another"}) {
    EXPECT_THAT(without, testing::Contains(name));
  }
}

TEST_F(Wall, BothPartsStopEveryAttempt) {
  const World world;
  EXPECT_THAT(worked(world, {true, true}), testing::IsEmpty());
}

TEST_F(Wall, SeccompAloneStopsEveryAttempt) {
  const World world;
  EXPECT_THAT(worked(world, {false, true}), testing::IsEmpty());
}

// Landlock knows files, ports, and the processes outside of it; not what is in memory or without a
// port.
TEST_F(Wall, LandlockAloneStopsFilesPortsAndOthers) {
  const World world;
  for (const std::string& name : worked(world, {true, false})) {
    EXPECT_THAT((std::vector<std::string>{"fork", "vfork by clone", "make a datagram socket",
                                          "make a pair of sockets", "attach shared memory",
                                          "enter a namespace", "look into the kernel's ring",
                                          "load a filter of its own", "raise its limits"}),
                testing::Contains(name));
  }
}

ChildEnd behind_the_wall(const std::function<void(const Send&)>& work, const Limits& limits = {}) {
  auto end = in_child(work, {.policy = {Mode::kRequire, limits}});
  if (!end.ok()) return {end.error().message, true, "", false};
  return *end;
}

TEST_F(Wall, ComputingMemoryAndThreadsGoOn) {
  const ChildEnd end = behind_the_wall([](const Send& send) {
    std::vector<double> numbers(1 << 20, 0.5);
    double sum = 0;
    std::thread([&] {
      for (const double x : numbers) sum += x;
    }).join();
    send(std::to_string(static_cast<int64_t>(sum)));
  });
  EXPECT_EQ(end.text, "524288");
  EXPECT_FALSE(end.crashed) << end.how;
}

TEST_F(Wall, NothingItPrintsIsSeen) {
  testing::internal::CaptureStdout();
  const ChildEnd end = behind_the_wall([](const Send& send) {
    std::fputs("a model's print\n", stdout);
    std::fflush(stdout);
    send("done");
  });
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(end.text, "done");
}

TEST_F(Wall, DescriptorsOfTheParentAreClosed) {
  const int secret = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  const ChildEnd end = behind_the_wall([&](const Send& send) {
    char byte = 0;
    send(read(secret, &byte, 1) == 1 ? "read" : "closed");
  });
  close(secret);
  EXPECT_EQ(end.text, "closed");
}

TEST_F(Wall, TooMuchMemoryIsAnErrorWithTheLimit) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer's own memory does not fit a limit";
#endif
  const ChildEnd end = behind_the_wall(
      [](const Send& send) {
        std::vector<std::vector<char>> hoard;
        for (;;) {
          hoard.emplace_back(size_t{64} << 20, 'x');
          send(".");
        }
      },
      {.memory = uint64_t{1} << 30});
  EXPECT_TRUE(end.crashed);
  EXPECT_EQ(end.how, "more than 1.1 GB of memory");
}

TEST_F(Wall, TooMuchProcessorTimeIsAnErrorWithTheLimit) {
  const ChildEnd end = behind_the_wall(
      [](const Send&) {
        for (volatile uint64_t i = 0;; i = i + 1) {
        }
      },
      {.seconds = 1});
  EXPECT_TRUE(end.crashed);
  EXPECT_EQ(end.how, "more than 1 s of processor time");
}

TEST_F(Wall, ACrashIsAnErrorWithItsSignal) {
  const ChildEnd end = behind_the_wall([](const Send&) { std::abort(); });
  EXPECT_THAT(end.how, HasSubstr("signal 6"));
}

// The issue is 30 ms; the machine that tests run on may be busy.
TEST_F(Wall, ItIsUpInNoTime) {
  double fastest = 1;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    behind_the_wall([](const Send& send) { send("up"); });
    fastest = std::min(
        fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  EXPECT_LT(fastest, 0.03);
}

}  // namespace
}  // namespace onnxport::sandbox
