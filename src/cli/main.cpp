// The command. Exit codes: 0 written and verified (or what was asked is so), 1 refused or differs,
// 2 usage.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <deque>

#include "base/file.h"
#include "cli/arguments.h"
#include "cli/limits.h"
#include "cli/operators_command.h"
#include "cli/signals.h"
#include "cli/simplify_command.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "onnx/check.h"
#include "onnxport/export.h"
#include "pipeline/facts.h"
#include "report/facts_report.h"

namespace onnxport::cli {
namespace {

using options::Settings;

constexpr int kFailed = 1;

// The report on the screen and in the file that was asked for. `refused`: what that means.
int show(const Report& report, const Settings& s, const Screen& screen, const char* refused) {
  if (s.json) {
    fmt::print("{}", report.json());
  } else if (report.outcome == Outcome::kRefused) {
    fmt::print("{}", colored(fmt::format("Failed ✗  {}\n", refused), false, screen.color_out));
    std::fflush(stdout);
    print_error(screen, report.error);
  } else if (!s.quiet || !report.passed()) {
    fmt::print("{}", colored(report.text(), report.passed(), screen.color_out));
  }
  std::fflush(stdout);
  if (!s.report_path.empty()) {
    bool page = s.report_path.ends_with(".html");
    auto written = write_file(s.report_path, page ? report.html() : report.json());
    if (!written.ok()) {
      print_error(screen, "the report could not be written: " + written.error().str());
      return kFailed;
    }
  }
  return report.exit_code();
}

int run_export(const Settings& s) {
  const Screen screen = look(s.quiet || s.json);
  return show(export_model(s.source, s.output, s.config, progress(screen)), s, screen,
              "nothing was written");
}

int run_verify(const Settings& s) {
  const Screen screen = look(s.quiet || s.json);
  return show(verify_model(s.source, s.onnx_path, s.config, progress(screen)), s, screen,
              "nothing was compared");
}

int run_check(const Settings& s) {
  Screen screen = look(s.quiet);
  auto status = onnx::check_file(s.source);
  if (!status.ok()) {
    fmt::print("{}", colored("Failed ✗  " + s.source + "\n", false, screen.color_out));
    std::fflush(stdout);
    print_error(screen, status.error().str());
    return kFailed;
  }
  if (!s.quiet) {
    fmt::print("{}", colored("Passed ✓  " + s.source + " is valid ONNX\n", true, screen.color_out));
  }
  return 0;
}

int run_inspect(const Settings& s) {
  auto facts = facts::of_file(s.source, s.config);
  if (!facts.ok()) {
    print_error(look(false), facts.error().str());
    return kFailed;
  }
  fmt::print("{}",
             s.json ? report::facts_json(*facts, s.source) : report::facts_text(*facts, s.source));
  return 0;
}

struct Command {
  options::Command which;
  const char* description;
  int (*run)(const Settings& settings);
};
constexpr Command kCommands[] = {
    {options::kExport, "Turn a PyTorch model into a verified ONNX file", run_export},
    {options::kVerify, "Compare an ONNX file with the PyTorch model", run_verify},
    {options::kCheck, "Run ONNX's own checker, full check", run_check},
    {options::kInspect, "Show what is in an .onnx, .pt2 or TorchScript file", run_inspect},
    {options::kSimplify, "Simplify an ONNX file, and prove that it still computes the same",
     run_simplify},
};

int run(int argc, char** argv) {
  CLI::App app(
      "onnxport: turns a trained PyTorch model into an ONNX file that is proven to compute "
      "the same.");
  app.set_version_flag("--version", fmt::format("onnxport {}", version()));
  app.require_subcommand(1);
  app.failure_message([](const CLI::App*, const CLI::Error&) { return std::string(); });
  std::deque<Arguments> commands;
  for (const Command& command : kCommands) {
    commands.emplace_back(app, command.which, command.description);
  }
  OperatorsOptions operators;
  add_operators(app, operators);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    return parse_error(look(false), app, e);
  }
  if (app.got_subcommand("operators")) return run_operators(operators);
  for (size_t i = 0; i < commands.size(); ++i) {
    if (!commands[i].was_called()) continue;
    const auto settings = commands[i].read();
    if (settings.ok()) return kCommands[i].run(*settings);
    return usage_error(look(false), settings.error().str(), commands[i].command().get_name());
  }
  return kFailed;  // require_subcommand(1)
}

}  // namespace
}  // namespace onnxport::cli

int main(int argc, char** argv) {
  onnxport::cli::clean_up_on_signals();
  onnxport::cli::limit_memory();
  try {
    return onnxport::cli::run(argc, argv);
  } catch (const std::exception& e) {  // out of memory, above all
    onnxport::cli::print_error(onnxport::cli::look(false), e.what());
    return onnxport::cli::kFailed;
  }
}
