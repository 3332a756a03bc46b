#include "cli/simplify_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "cli/arguments.h"
#include "cli/terminal.h"
#include "cli/usage.h"

namespace onnxport::cli {
namespace {

constexpr int kFailed = 1;

Status read_options(SimplifyOptions& o) {
  if (o.source.empty()) return Error{"name the ONNX file to simplify", ""};
  for (const std::string& text : o.input_shapes) TRY(add_input_shape(text, o.config));
  if (!o.max_growth.empty()) TRY(set_max_growth(o.max_growth, o.config));
  o.config.check = !o.no_check;
  o.config.trace = !o.trace_rules.empty();
  if (o.trace_rules != "true") o.config.trace_only = o.trace_rules;
  if (!o.report_path.empty() && !o.report_path.ends_with(".json") &&
      !o.report_path.ends_with(".html")) {
    return Error{"name a file that ends in .json or .html", "--report " + o.report_path};
  }
  return {};
}

int list_rules() {
  size_t width = 0;
  for (const SimplifyRule& rule : simplify_rules()) width = std::max(width, rule.name.size());
  for (const SimplifyRule& rule : simplify_rules()) {
    fmt::print("{:<{}}  {:<8}  {}\n", rule.name, width, rule.exact ? "exact" : "rounding",
               rule.operators.empty() ? "any" : fmt::format("{}", fmt::join(rule.operators, ", ")));
  }
  return 0;
}

int show(const SimplifyReport& report, const SimplifyOptions& o, const Screen& screen) {
  if (o.json) {
    fmt::print("{}", report.json());
  } else if (!report.passed()) {
    fmt::print("{}", colored("Failed ✗  nothing was written\n", false, screen.color_out));
    std::fflush(stdout);
    print_error(screen, report.error);
  } else if (!o.quiet) {
    fmt::print("{}", colored(report.text(), report.passed(), screen.color_out));
  }
  // A rule that is wrong is a bug of this program: said even where nothing else is.
  if (o.quiet || o.json || !report.passed()) {
    for (const WrongRule& w : report.wrong_rules) {
      fmt::print(stderr, "note: rule {} is wrong on node {} and was left out: {}\n", w.rule, w.node,
                 w.reason);
    }
  }
  std::fflush(stdout);
  if (!o.report_path.empty()) {
    const bool page = o.report_path.ends_with(".html");
    auto written = write_file(o.report_path, page ? report.html() : report.json());
    if (!written.ok()) {
      print_error(screen, "the report could not be written: " + written.error().str());
      return kFailed;
    }
  }
  return report.exit_code();
}

}  // namespace

void add_simplify(CLI::App& app, SimplifyOptions& o) {
  CLI::App& c = *app.add_subcommand(
      "simplify", "Simplify an ONNX file, and prove that it still computes the same");
  c.add_option("model", o.source, "an ONNX file");
  c.add_option("-o,--output", o.output,
               "the ONNX file to write; the default is MODEL.simplified.onnx beside it");
  c.add_option("--input-shape", o.input_shapes,
               "fix dynamic sizes: 1,3,224,224 (inputs in order) or name:1,3,224,224, -1 keeps a "
               "size; repeat it for several inputs")
      ->allow_extra_args(false);
  c.add_flag("--overwrite", o.config.overwrite,
             "the output may replace the original; without -o it does");
  c.add_option("--skip", o.config.skip, "a rule to leave out; repeat it for several")
      ->allow_extra_args(false);
  c.add_flag("--exact", o.config.exact, "leave out the rules that change the rounding of floats");
  c.add_option("--max-growth", o.max_growth,
               "how much larger folding may make the file: 65536, 64K, 1M or 2%; the default is 1%")
      ->allow_extra_args(false);
  c.add_flag("--no-check", o.no_check,
             "leave out onnx.checker and the comparison with the original");
  c.add_option("--tolerance", o.config.tolerance,
               "largest difference allowed, relative to an output's largest value")
      ->check(check_number)
      ->capture_default_str();
  c.add_flag("--trace-rules", o.trace_rules,
             "print each application of a rule, in order, and why rules leave the nodes that are "
             "left; --trace-rules=NAME only those of this rule or this node");
  c.add_flag("--list-rules", o.list_rules, "print the names of all rules");
  c.add_option("--report", o.report_path, "write a report: .json or .html");
  c.add_flag("--json", o.json, "print the report as JSON");
  c.add_flag("-q,--quiet", o.quiet, "print only failures");
}

int run_simplify(SimplifyOptions& o) {
  if (o.list_rules) return list_rules();
  const Screen screen = look(o.quiet || o.json);
  auto wrong_use = [&](const std::string& message) {
    return usage_error(screen, message, "simplify");
  };
  if (auto status = read_options(o); !status.ok()) return wrong_use(status.error().str());
  if (std::string problem = check_simplify_config(o.config); !problem.empty()) {
    return wrong_use(problem);
  }
  return show(simplify_model(o.source, o.output, o.config, progress(screen)), o, screen);
}

}  // namespace onnxport::cli
