#include "verify/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

namespace onnxport::verify {
namespace {

void send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(1);  // nobody listens any more
    text.remove_prefix(static_cast<size_t>(n));
  }
}

[[noreturn]] void be_child(int fd, const std::function<void(const Send&)>& work) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  for (const int signal : {SIGFPE, SIGSEGV, SIGABRT, SIGBUS, SIGILL}) {
    std::signal(signal, SIG_DFL);
  }
  try {
    work([fd](std::string_view text) { send_all(fd, text); });
  } catch (...) {
    _exit(1);
  }
  _exit(0);  // without the exit handlers, which are the parent's
}

// There is something to read, or the end of it, before so many seconds are over.
bool heard_within(int fd, double seconds) {
  if (seconds <= 0) return true;
  const auto last = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    const std::chrono::duration<double, std::milli> left = last - std::chrono::steady_clock::now();
    if (left.count() <= 0) return false;
    pollfd wanted{fd, POLLIN, 0};
    const int n = poll(&wanted, 1, static_cast<int>(std::min(left.count() + 1, 60'000.0)));
    if (n > 0 || (n < 0 && errno != EINTR)) return true;
  }
}

}  // namespace

Result<ChildEnd> in_child(const std::function<void(const Send&)>& work, const ChildLimits& limits) {
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
    be_child(ends[1], work);
  }
  close(ends[1]);
  ChildEnd end;
  std::array<char, 65536> block{};
  {
    // The child's number is its own until it is waited for: nobody else can be hit.
    const std::stop_callback kill_it(limits.cancel, [child] { kill(child, SIGKILL); });
    while (!(end.late = !heard_within(ends[0], limits.silence))) {
      const ssize_t n = read(ends[0], block.data(), block.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      end.text.append(block.data(), static_cast<size_t>(n));
    }
  }
  close(ends[0]);
  if (end.late) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    end.crashed = true;
    const int signal = WTERMSIG(status);
    end.how = "signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  } else if (WEXITSTATUS(status) != 0) {
    end.crashed = true;
    end.how = "exit status " + std::to_string(WEXITSTATUS(status));
  }
  return end;
}

}  // namespace onnxport::verify
