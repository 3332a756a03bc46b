// The command. Exit codes: 0 written and verified (or what was asked is so), 1 refused or differs,
// 2 usage.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <deque>
#include <sstream>

#include "base/files_of_run.h"
#include "base/memory.h"
#include "base/printable.h"
#include "cli/arguments.h"
#include "cli/limits.h"
#include "cli/operators_command.h"
#include "cli/report_file.h"
#include "cli/signals.h"
#include "cli/simplify_command.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "onnx/check.h"
#include "onnxport/export.h"
#include "pipeline/export_pipeline.h"
#include "pipeline/facts.h"
#include "pipeline/files.h"
#include "report/facts_report.h"

namespace onnxport::cli {
namespace {

using options::Settings;

constexpr int kFailed = 1;

// `refused`: what that means.
void show(const Report& report, const Settings& s, const Screen& screen, const char* refused) {
  if (s.json) {
    print_json(report.json());
  } else if (report.outcome == Outcome::kRefused) {
    print_verdict(screen, fmt::format("Failed ✗  {}\n", refused), false);
    print_error(screen, report.error);
  } else if (!s.quiet || !report.passed()) {
    print_verdict(screen, report.text(), report.passed());
  }
}

int run_export(const Settings& s) {
  const Screen screen = look(s.quiet || s.json);
  const char* refused = "nothing was written";
  const Status files =
      check_files(with_own_files(pipeline::files_of_export(s.source, s.output, s.config), s));
  if (!files.ok()) {
    Report report = pipeline::fresh_report(s.source, "");
    report.error = files.error().str();
    show(report, s, screen, refused);
    return kFailed;
  }
  const Report report = export_model(s.source, s.output, s.config, progress(screen));
  show(report, s, screen, refused);
  return write_report(report, s, screen);
}

int run_verify(const Settings& s) {
  const Screen screen = look(s.quiet || s.json);
  const char* refused = "nothing was compared";
  const Status files = pipeline::check_files(
      with_own_files(pipeline::files_of_verify(s.source, s.onnx_path), s), s.onnx_path);
  if (!files.ok()) {
    Report report = pipeline::fresh_report(s.source, s.onnx_path);
    report.writes = false;
    report.error = files.error().str();
    show(report, s, screen, refused);
    return kFailed;
  }
  const Report report = verify_model(s.source, s.onnx_path, s.config, progress(screen));
  show(report, s, screen, refused);
  return write_report(report, s, screen);
}

int run_check(const Settings& s) {
  Screen screen = look(s.quiet);
  auto status = onnx::check_file(s.source);
  if (!status.ok()) {
    print_verdict(screen, "Failed ✗  " + printable_line(s.source) + "\n", false);
    print_error(screen, status.error().str());
    return kFailed;
  }
  if (!s.quiet) {
    print_verdict(screen, "Passed ✓  " + printable_line(s.source) + " is valid ONNX\n", true);
  }
  return 0;
}

int run_inspect(const Settings& s) {
  auto facts = facts::of_file(s.source, s.config);
  if (!facts.ok()) {
    print_error(look(false), facts.error().str());
    return kFailed;
  }
  if (s.json) {
    print_json(report::facts_json(*facts, s.source));
  } else {
    print(report::facts_text(*facts, s.source));
  }
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
    if (e.get_exit_code() == 0) {  // --help, --version
      std::ostringstream text;
      app.exit(e, text, text);
      print(text.str());
      return 0;
    }
    return parse_error(look(false), app, e);
  }
  if (app.got_subcommand("operators")) return run_operators(operators);
  for (size_t i = 0; i < commands.size(); ++i) {
    if (!commands[i].was_called()) continue;
    const auto settings = commands[i].read();
    if (settings.ok()) {
      start_limits(kCommands[i].which, *settings);
      return kCommands[i].run(*settings);
    }
    return usage_error(look(false), settings.error().str(), commands[i].command().get_name());
  }
  return kFailed;  // require_subcommand(1)
}

}  // namespace
}  // namespace onnxport::cli

int main(int argc, char** argv) {
  using namespace onnxport::cli;
  open_streams();
  clean_up_on_signals();
  int code = kFailed;
  try {
    code = run(argc, argv);
  } catch (const std::bad_alloc&) {
    print_error(look(false), onnxport::out_of_memory());
  } catch (const std::exception& e) {
    print_error(look(false), e.what());
  }
  return close_streams(code);
}
