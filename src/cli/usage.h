// What is said when the command line is wrong; the exit code is 2 then.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/terminal.h"

namespace onnxport::cli {

// The message, and where the options of `command` are listed. Returns the exit code.
int usage_error(const Screen& screen, const std::string& message, const std::string& command);

// The same for what CLI11 does not take.
int parse_error(const Screen& screen, const CLI::App& app, const CLI::ParseError& error);

}  // namespace onnxport::cli
