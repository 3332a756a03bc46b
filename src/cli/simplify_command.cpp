#include "cli/simplify_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "onnxport/simplify.h"

namespace onnxport::cli {
namespace {

constexpr int kFailed = 1;

int list_rules() {
  size_t width = 0;
  for (const SimplifyRule& rule : simplify_rules()) width = std::max(width, rule.name.size());
  for (const SimplifyRule& rule : simplify_rules()) {
    fmt::print("{:<{}}  {:<8}  {}\n", rule.name, width, rule.exact ? "exact" : "rounding",
               rule.operators.empty() ? "any" : fmt::format("{}", fmt::join(rule.operators, ", ")));
  }
  return 0;
}

int show(const SimplifyReport& report, const options::Settings& s, const Screen& screen) {
  if (s.json) {
    fmt::print("{}", report.json());
  } else if (!report.passed()) {
    fmt::print("{}", colored("Failed ✗  nothing was written\n", false, screen.color_out));
    std::fflush(stdout);
    print_error(screen, report.error);
  } else if (!s.quiet) {
    fmt::print("{}", colored(report.text(), report.passed(), screen.color_out));
  }
  // A rule that is wrong is a bug of this program: said even where nothing else is.
  if (s.quiet || s.json || !report.passed()) {
    for (const WrongRule& w : report.wrong_rules) {
      fmt::print(stderr, "note: rule {} is wrong on node {} and was left out: {}\n", w.rule, w.node,
                 w.reason);
    }
  }
  std::fflush(stdout);
  if (!s.report_path.empty()) {
    const bool page = s.report_path.ends_with(".html");
    auto written = write_file(s.report_path, page ? report.html() : report.json());
    if (!written.ok()) {
      print_error(screen, "the report could not be written: " + written.error().str());
      return kFailed;
    }
  }
  return report.exit_code();
}

}  // namespace

int run_simplify(const options::Settings& s) {
  if (s.list_rules) return list_rules();
  const Screen screen = look(s.quiet || s.json);
  if (s.source.empty()) return usage_error(screen, "name the ONNX file to simplify", "simplify");
  return show(simplify_model(s.source, s.output, s.simplify, progress(screen)), s, screen);
}

}  // namespace onnxport::cli
