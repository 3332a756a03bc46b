#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

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

}  // namespace

Screen look(bool quiet) {
  Screen screen;
  screen.quiet = quiet;
  screen.terminal = isatty(STDERR_FILENO) != 0;
  screen.color_err = screen.terminal && colors_wanted();
  screen.color_out = isatty(STDOUT_FILENO) != 0 && colors_wanted();
  return screen;
}

Progress progress(const Screen& screen) {
  if (screen.quiet) return {};
  return [screen](const std::string& stage, bool finished, double seconds) {
    if (finished) {
      fmt::print(stderr, "{}{:<9}{:>8.2f} s\n", screen.terminal ? "\r\x1b[K" : "", stage, seconds);
    } else if (screen.terminal) {
      fmt::print(stderr, "{:<9}...", stage);
    }
    std::fflush(stderr);
  };
}

std::string colored(const std::string& report_text, bool passed, bool color) {
  size_t end = report_text.find("  ");
  if (!color || end == std::string::npos) return report_text;
  return std::string(kBold) + (passed ? kGreen : kRed) + report_text.substr(0, end) + kPlain +
         report_text.substr(end);
}

void print_error(const Screen& screen, const std::string& message) {
  fmt::print(stderr, "{}error:{} {}\n", screen.color_err ? std::string(kBold) + kRed : "",
             screen.color_err ? kPlain : "", message);
}

}  // namespace onnxport::cli
