// The command. Exit codes: 0 written and verified (or what was asked is so), 1 refused or differs,
// 2 usage.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "base/file.h"
#include "cli/arguments.h"
#include "cli/limits.h"
#include "cli/signals.h"
#include "cli/simplify_command.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "onnx/check.h"
#include "onnxport/export.h"
#include "pipeline/facts.h"

namespace onnxport::cli {
namespace {

constexpr int kFailed = 1;
struct Options {
  ExportConfig config;
  std::string source, output, onnx_path;
  std::string config_path, report_path;
  std::vector<std::string> input_shapes, dynamic_axes, input_values, input_types;
  std::string input_names, output_names;
  bool no_simplify = false, no_verify = false, no_check = false;
  bool json = false, quiet = false;
};

// The configuration file first, then what the command line says besides.
Status read_options(Options& o, const CLI::App& command) {
  ExportConfig config;
  if (!o.config_path.empty()) {
    std::string problem = load_config(o.config_path, config);
    if (!problem.empty()) return Error{problem, ""};
  }
  auto given = [&](const char* name) {
    const CLI::Option* option = command.get_option_no_throw(name);
    return option != nullptr && option->count() > 0;
  };
  if (given("--opset")) config.opset_version = o.config.opset_version;
  if (given("--tolerance")) config.tolerance = o.config.tolerance;
  if (given("--seeds")) config.seeds = o.config.seeds;
  if (given("--run-limit")) config.run_limit = o.config.run_limit;
  if (given("--format")) config.format = o.config.format;
  if (given("--static")) config.static_shapes = true;
  if (given("--allow-nan")) config.allow_nan = true;
  if (o.no_simplify) config.simplify = false;
  if (given("--exact")) config.exact = true;
  if (given("--skip")) config.skip = o.config.skip;
  SimplifyConfig rules;
  rules.skip = config.skip;
  if (std::string problem = check_simplify_config(rules); !problem.empty()) {
    return Error{problem, ""};
  }
  if (o.no_verify) config.verify = false;
  if (o.no_check) config.check = false;
  if (!o.input_shapes.empty()) {
    config.input_shapes.clear();
    config.named_input_shapes.clear();
  }
  if (!o.dynamic_axes.empty()) config.dynamic_axes.reset();
  for (const std::string& text : o.input_shapes) TRY(add_input_shape(text, config));
  for (const std::string& text : o.dynamic_axes) TRY(add_dynamic_axes(text, config));
  for (const std::string& text : o.input_values) TRY(add_input_value(text, config));
  for (const std::string& text : o.input_types) TRY(add_input_type(text, config));
  if (given("--input-names")) {
    TRY_ASSIGN(config.input_names, names(o.input_names));
  }
  if (given("--output-names")) {
    TRY_ASSIGN(config.output_names, names(o.output_names));
  }
  if (config.static_shapes && config.dynamic_axes) {
    return Error{"--static and --dynamic-axes exclude each other", ""};
  }
  if (config.opset_version < 13 || config.opset_version > newest_opset()) {
    return Error{fmt::format("opset {} is not supported: 13 to {} are", config.opset_version,
                             newest_opset()),
                 "--opset"};
  }
  if (!(config.tolerance >= 0)) return Error{"must be 0 or more", "--tolerance"};
  if (!(config.run_limit >= 0)) return Error{"must be 0 (no limit) or more", "--run-limit"};
  if (config.seeds < 1) return Error{"must be 1 or more", "--seeds"};
  if (!o.report_path.empty() && !o.report_path.ends_with(".json") &&
      !o.report_path.ends_with(".html")) {
    return Error{"name a file that ends in .json or .html", "--report " + o.report_path};
  }
  o.config = std::move(config);
  return {};
}

// The report on the screen and in the file that was asked for. `refused`: what that means.
int show(const Report& report, const Options& o, const Screen& screen, const char* refused) {
  if (o.json) {
    fmt::print("{}", report.json());
  } else if (report.outcome == Outcome::kRefused) {
    fmt::print("{}", colored(fmt::format("Failed ✗  {}\n", refused), false, screen.color_out));
    std::fflush(stdout);
    print_error(screen, report.error);
  } else if (!o.quiet || !report.passed()) {
    fmt::print("{}", colored(report.text(), report.passed(), screen.color_out));
  }
  std::fflush(stdout);
  if (!o.report_path.empty()) {
    bool page = o.report_path.ends_with(".html");
    auto written = write_file(o.report_path, page ? report.html() : report.json());
    if (!written.ok()) {
      print_error(screen, "the report could not be written: " + written.error().str());
      return kFailed;
    }
  }
  return report.exit_code();
}

int run_export(Options& o, const CLI::App& command) {
  Screen screen = look(o.quiet || o.json);
  if (auto status = read_options(o, command); !status.ok()) {
    return usage_error(screen, status.error().str(), command.get_name());
  }
  return show(export_model(o.source, o.output, o.config, progress(screen)), o, screen,
              "nothing was written");
}

int run_verify(Options& o, const CLI::App& command) {
  Screen screen = look(o.quiet || o.json);
  if (auto status = read_options(o, command); !status.ok()) {
    return usage_error(screen, status.error().str(), command.get_name());
  }
  return show(verify_model(o.source, o.onnx_path, o.config, progress(screen)), o, screen,
              "nothing was compared");
}

int run_check(const Options& o) {
  Screen screen = look(o.quiet);
  auto status = onnx::check_file(o.source);
  if (!status.ok()) {
    fmt::print("{}", colored("Failed ✗  " + o.source + "\n", false, screen.color_out));
    std::fflush(stdout);
    print_error(screen, status.error().str());
    return kFailed;
  }
  if (!o.quiet) {
    fmt::print("{}", colored("Passed ✓  " + o.source + " is valid ONNX\n", true, screen.color_out));
  }
  return 0;
}

int run_inspect(Options& o, const CLI::App& command) {
  if (auto status = read_options(o, command); !status.ok()) {
    return usage_error(look(false), status.error().str(), command.get_name());
  }
  auto facts = facts::of_file(o.source, o.config);
  if (!facts.ok()) {
    print_error(look(false), facts.error().str());
    return kFailed;
  }
  fmt::print("{}", o.json ? facts::json(*facts, o.source) : facts::text(*facts, o.source));
  return 0;
}

void add_verify_options(CLI::App& command, Options& o) {
  command
      .add_option("--tolerance", o.config.tolerance,
                  "largest difference allowed, relative to the output's scale where that is over 1")
      ->check(check_number)
      ->capture_default_str();
  command.add_option("--seeds", o.config.seeds, "random inputs to compare on")
      ->check(check_whole_number)
      ->capture_default_str();
  command
      .add_option("--run-limit", o.config.run_limit,
                  "seconds for one run of a model with a loop that may not end; 0: no limit")
      ->check(check_number)
      ->capture_default_str();
  command.add_flag("--allow-nan", o.config.allow_nan,
                   "accept NaN where PyTorch's own output has it");
  command.add_option("--report", o.report_path, "write a report: .json or .html");
  command.add_flag("--json", o.json, "print the report as JSON");
  command.add_flag("-q,--quiet", o.quiet, "print only failures");
}

void add_input_options(CLI::App& command, Options& o) {
  command
      .add_option("--input-shape", o.input_shapes,
                  "1,3,224,224 (inputs in order) or name:1,3,224,224; repeat it for several inputs")
      ->allow_extra_args(false);
  command
      .add_option("--dynamic-axes", o.dynamic_axes,
                  "input:0=batch_size,2=height, or JSON; the default is axis 0 as batch_size")
      ->allow_extra_args(false);
  command.add_flag("--static", o.config.static_shapes,
                   "no dynamic axis: sizes of --input-shape, batch 1 without it");
  command
      .add_option("--input-value", o.input_values,
                  "name=16000: an input of a TorchScript file that is no tensor; it becomes a "
                  "constant")
      ->allow_extra_args(false);
  command
      .add_option("--input-type", o.input_types,
                  "name=int64: element type of an input of a TorchScript file; the default is "
                  "float32")
      ->allow_extra_args(false);
}

void add_export(CLI::App& app, Options& o) {
  CLI::App& c = *app.add_subcommand("export", "Turn a PyTorch model into a verified ONNX file");
  c.add_option("model", o.source, "the model: a .pt2 or a TorchScript file")->required();
  c.add_option("-o,--output", o.output, "the ONNX file to write")->required();
  c.add_option("--opset", o.config.opset_version,
               fmt::format("ONNX operator set, 13 to {}", newest_opset()))
      ->check(check_whole_number)
      ->capture_default_str();
  add_input_options(c, o);
  c.add_option("--input-names", o.input_names, "names in the file, separated by commas");
  c.add_option("--output-names", o.output_names, "names in the file, separated by commas");
  c.add_option("--config", o.config_path, "settings as a JSON file; options win over it");
  c.add_option("--format", o.config.format, "what to write")->capture_default_str();
  c.add_flag("--no-simplify", o.no_simplify, "write the graph as it was lowered");
  c.add_flag("--exact", o.config.exact,
             "simplify without the rules that change the rounding of floats");
  c.add_option(
       "--skip", o.config.skip,
       "a rule of the simplifier to leave out, see `onnxport simplify --list-rules`; repeat "
       "it for several")
      ->allow_extra_args(false);
  c.add_flag("--no-check", o.no_check, "leave out ONNX's own checker");
  c.add_flag("--no-verify", o.no_verify, "leave out the comparison with PyTorch");
  add_verify_options(c, o);
}

void add_others(CLI::App& app, Options& o) {
  CLI::App& verify = *app.add_subcommand("verify", "Compare an ONNX file with the PyTorch model");
  verify.add_option("model", o.source, "the model: a .pt2 or a TorchScript file")->required();
  verify.add_option("onnx", o.onnx_path, "the ONNX file")->required();
  add_input_options(verify, o);
  add_verify_options(verify, o);

  CLI::App& check = *app.add_subcommand("check", "Run ONNX's own checker, full check");
  check.add_option("file", o.source, "an ONNX file")->required();
  check.add_flag("-q,--quiet", o.quiet, "print only failures");

  CLI::App& inspect =
      *app.add_subcommand("inspect", "Show what is in an .onnx, .pt2 or TorchScript file");
  inspect.add_option("file", o.source, "an .onnx, .pt2 or TorchScript file")->required();
  add_input_options(inspect, o);
  inspect.add_flag("--json", o.json, "as JSON");
}

int run(int argc, char** argv) {
  Options o;
  CLI::App app(
      "onnxport: turns a trained PyTorch model into an ONNX file that is proven to compute "
      "the same.");
  app.set_version_flag("--version", fmt::format("onnxport {}", version()));
  app.require_subcommand(1);
  app.failure_message([](const CLI::App*, const CLI::Error&) { return std::string(); });
  add_export(app, o);
  add_others(app, o);
  SimplifyOptions simplify;
  add_simplify(app, simplify);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    return parse_error(look(false), app, e);
  }
  const CLI::App& command = *app.get_subcommands().front();
  if (command.get_name() == "export") return run_export(o, command);
  if (command.get_name() == "verify") return run_verify(o, command);
  if (command.get_name() == "check") return run_check(o);
  if (command.get_name() == "inspect") return run_inspect(o, command);
  return run_simplify(simplify);
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
