#include "cli/simplify_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "cli/report_file.h"
#include "cli/usage.h"
#include "onnxport/export.h"
#include "onnxport/simplify.h"
#include "pipeline/files.h"

namespace onnxport::cli {
namespace {

int list_rules() {
  size_t width = 0;
  for (const SimplifyRule& rule : simplify_rules()) width = std::max(width, rule.name.size());
  for (const SimplifyRule& rule : simplify_rules()) {
    print(fmt::format(
        "{:<{}}  {:<8}  {}\n", rule.name, width, rule.exact ? "exact" : "rounding",
        rule.operators.empty() ? "any" : fmt::format("{}", fmt::join(rule.operators, ", "))));
  }
  return 0;
}

void show(const SimplifyReport& report, const options::Settings& s, const Screen& screen) {
  if (s.json) {
    print_json(report.json());
  } else if (!report.passed()) {
    print_verdict(screen, "Failed ✗  nothing was written\n", false);
    print_error(screen, report.error);
  } else if (!s.quiet) {
    print_verdict(screen, report.text(), report.passed());
  }
  // A rule that is wrong is a bug of this program: said even where nothing else is.
  if (s.quiet || s.json || !report.passed()) {
    for (const WrongRule& w : report.wrong_rules) {
      print_note(fmt::format("note: rule {} is wrong on node {} and was left out: {}", w.rule,
                             printable_line(w.node), w.reason));
    }
  }
}

}  // namespace

int run_simplify(const options::Settings& s) {
  if (s.list_rules) return list_rules();
  const Screen screen = look(s.quiet || s.json);
  if (s.source.empty()) return usage_error(screen, "name the ONNX file to simplify", "simplify");
  const Status files = pipeline::check_files(
      with_own_files(pipeline::files_of_simplify(s.source, s.output, s.simplify), s), s.source);
  if (!files.ok()) {
    SimplifyReport report;
    report.source_path = s.source;
    report.onnxport_version = version();
    report.error = files.error().str();
    show(report, s, screen);
    return report.exit_code();
  }
  const SimplifyReport report = simplify_model(s.source, s.output, s.simplify, progress(screen));
  show(report, s, screen);
  return write_report(report, s, screen);
}

}  // namespace onnxport::cli
