// `onnxport simplify`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "onnxport/simplify.h"

namespace onnxport::cli {

struct SimplifyOptions {
  SimplifyConfig config;
  std::string source, output, report_path, max_growth;
  std::string trace_rules;  // "": not asked for; "true": of all
  std::vector<std::string> input_shapes;
  bool no_check = false, list_rules = false;
  bool json = false, quiet = false;
};

void add_simplify(CLI::App& app, SimplifyOptions& o);
int run_simplify(SimplifyOptions& o);

}  // namespace onnxport::cli
