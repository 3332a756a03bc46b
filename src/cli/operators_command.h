// `onnxport operators`: what can be converted, from which opset on.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace onnxport::cli {

struct OperatorsOptions {
  std::string filter;  // a part of the name
  int64_t opset = 0;   // 0: from whichever
  bool json = false;
};

void add_operators(CLI::App& app, OperatorsOptions& o);
int run_operators(const OperatorsOptions& o);

}  // namespace onnxport::cli
