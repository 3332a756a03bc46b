#include "cli/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/printable.h"

namespace onnxport::cli {
namespace {

constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kBold = "\x1b[1m";
constexpr const char* kPlain = "\x1b[0m";

bool colors_wanted() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return !dumb && (no_color == nullptr || *no_color == '\0');
}

struct Stream {
  int fd;
  int problem = 0;  // of the first write that failed; nothing is written after it

  void write(std::string_view text) {
    while (!text.empty() && problem == 0) {
      const ssize_t n = ::write(fd, text.data(), text.size());
      if (n >= 0) {
        text.remove_prefix(static_cast<size_t>(n));
      } else if (errno == EAGAIN) {  // whoever made it may have made it so that it does not wait
        pollfd ready{fd, POLLOUT, 0};
        ::poll(&ready, 1, -1);
      } else if (errno != EINTR) {
        problem = errno;
      }
    }
  }
};

Stream& out() {
  static Stream stream{STDOUT_FILENO};
  return stream;
}
Stream& err() {
  static Stream stream{STDERR_FILENO};
  return stream;
}

}  // namespace

void open_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // For reading alone: what is written there fails, as on the closed one. The lowest free number
    // is the one that is missing.
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDONLY);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // of a file over the limit write() tells, too
  const int own = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (own >= 0 && nowhere >= 0 && ::dup2(nowhere, STDOUT_FILENO) >= 0) out().fd = own;
  if (nowhere > STDERR_FILENO) ::close(nowhere);
}

int close_streams(int code) {
  // Who stops reading knows it.
  if (out().problem != 0 && out().problem != EPIPE) {
    print_error(look(false),
                fmt::format("the output could not be written: {}", std::strerror(out().problem)));
  }
  const bool failed = out().problem != 0 || err().problem != 0;
  return code == 0 && failed ? 1 : code;
}

Screen look(bool quiet) {
  Screen screen;
  screen.quiet = quiet;
  screen.terminal = isatty(err().fd) != 0;
  screen.color_err = screen.terminal && colors_wanted();
  screen.color_out = isatty(out().fd) != 0 && colors_wanted();
  return screen;
}

Progress progress(const Screen& screen) {
  if (screen.quiet) return {};
  return [screen](const std::string& stage, bool finished, double seconds) {
    if (finished) {
      err().write(
          fmt::format("{}{:<9}{:>8.2f} s\n", screen.terminal ? "\r\x1b[K" : "", stage, seconds));
    } else if (screen.terminal) {
      err().write(fmt::format("{:<9}...", stage));
    }
  };
}

void print(const std::string& text) { out().write(printable_page(text)); }

void print_verdict(const Screen& screen, const std::string& report_text, bool passed) {
  const std::string text = printable_page(report_text);
  const size_t end = text.find("  ");
  if (!screen.color_out || end == std::string::npos) return out().write(text);
  out().write(std::string(kBold) + (passed ? kGreen : kRed) + text.substr(0, end) + kPlain +
              text.substr(end));
}

void print_json(const std::string& json) { out().write(json); }

void print_error(const Screen& screen, const std::string& message) {
  err().write(fmt::format("{}error:{} {}\n", screen.color_err ? std::string(kBold) + kRed : "",
                          screen.color_err ? kPlain : "", printable_message(message)));
}

void print_note(const std::string& text) { err().write(printable_message(text) + "\n"); }

}  // namespace onnxport::cli
