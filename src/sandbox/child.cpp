#include "sandbox/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <limits>
#include <new>

namespace onnxport::sandbox {
namespace {

void send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(1);  // nobody listens any more
    text.remove_prefix(static_cast<size_t>(n));
  }
}

// How a child ends that has something to say of itself; no library uses these.
constexpr int kNoWall = 113;
constexpr int kNoMemory = 114;

Status put_up_wall(const ChildOptions& options, int fd) {
  if (options.warm_up) options.warm_up();
  const Parts parts = options.policy.mode == Mode::kOff ? Parts{false, false} : available();
  return raise_wall(parts, options.policy.limits, {fd});
}

[[noreturn]] void be_child(int fd, const std::function<void(const Send&)>& work,
                           const ChildOptions& options) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGFPE, SIGSEGV, SIGABRT, SIGBUS, SIGILL}) {
    std::signal(signal, SIG_DFL);
  }
  try {
    if (const Status wall = put_up_wall(options, fd); !wall.ok()) {
      send_all(fd, wall.error().message);
      _exit(kNoWall);
    }
    work([fd](std::string_view text) { send_all(fd, text); });
  } catch (const std::bad_alloc&) {
    _exit(kNoMemory);
  } catch (...) {
    _exit(1);
  }
  _exit(0);  // without the exit handlers, which are the parent's
}

// Processor time that the child has taken; as if it were all there is where nobody can say.
double processor_seconds(pid_t child) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    return std::numeric_limits<double>::infinity();
  }
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// There is something to read, or the end of it, before so many seconds are over. On a busy machine
// they are those that the child was let run; one that only sleeps is not waited for much longer.
bool heard_within(int fd, pid_t child, double seconds) {
  if (seconds <= 0) return true;
  constexpr double kPatience = 8;  // times as long on the clock
  const auto start = std::chrono::steady_clock::now();
  const double processor_start = processor_seconds(child);
  for (;;) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    double left = seconds - passed.count();
    if (left <= 0) {
      left = std::min(seconds - (processor_seconds(child) - processor_start),
                      kPatience * seconds - passed.count());
    }
    if (!(left > 0)) return false;
    pollfd wanted{fd, POLLIN, 0};
    const int n = poll(&wanted, 1, static_cast<int>(std::min(left * 1000 + 1, 60'000.0)));
    if (n > 0 || (n < 0 && errno != EINTR)) return true;
  }
}

std::string how_it_ended(int status, const Limits& limits) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGXCPU || (signal == SIGKILL && limits.seconds > 0)) {
      return fmt::format("more than {} s of processor time", limits.seconds);
    }
    return fmt::format("signal {} ({})", signal, strsignal(signal));
  }
  if (WEXITSTATUS(status) != kNoMemory) return fmt::format("exit status {}", WEXITSTATUS(status));
  if (limits.memory == 0) return "no memory left";
  return fmt::format("more than {:.1f} GB of memory", static_cast<double>(limits.memory) / 1e9);
}

}  // namespace

Result<ChildEnd> in_child(const std::function<void(const Send&)>& work,
                          const ChildOptions& options) {
  const Parts have = available();
  if (options.policy.mode == Mode::kRequire && !(have.landlock && have.seccomp)) {
    return Error{"--sandbox require: " + description(Mode::kAuto) + " is all that there is here",
                 ""};
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Error{std::string("no pipe can be made: ") + std::strerror(errno), ""};
  }
  const pid_t child = fork();
  if (child < 0) {
    const int why = errno;
    close(ends[0]);
    close(ends[1]);
    return Error{std::string("no process can be made: ") + std::strerror(why), ""};
  }
  if (child == 0) {
    close(ends[0]);
    be_child(ends[1], work, options);
  }
  close(ends[1]);
  ChildEnd end;
  bool too_much = false;
  std::array<char, 65536> block{};
  {
    // The child's number is its own until it is waited for: nobody else can be hit.
    const std::stop_callback kill_it(options.cancel, [child] { kill(child, SIGKILL); });
    while (!too_much && !(end.late = !heard_within(ends[0], child, options.silence))) {
      const ssize_t n = read(ends[0], block.data(), block.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      end.text.append(block.data(), static_cast<size_t>(n));
      too_much = end.text.size() > options.most;
    }
  }
  close(ends[0]);
  if (end.late || too_much) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoWall) return Error{end.text, ""};
  end.crashed = WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
  if (too_much) {
    end.crashed = true;
    end.how = fmt::format("an answer of more than {} bytes", options.most);
  } else if (end.crashed) {
    end.how = how_it_ended(status, options.policy.limits);
  }
  return end;
}

}  // namespace onnxport::sandbox
