// How a configuration wants the processes that run what a file says.
#pragma once

#include "onnxport/config.h"
#include "onnxport/report.h"
#include "pipeline/session.h"
#include "sandbox/wall.h"

namespace onnxport::pipeline {

// `Config`: ExportConfig or SimplifyConfig, whose settings have been checked.
template <typename Config>
sandbox::Policy sandbox_policy(const Config& config) {
  using sandbox::Mode;
  const Mode mode = config.sandbox == "off"       ? Mode::kOff
                    : config.sandbox == "require" ? Mode::kRequire
                                                  : Mode::kAuto;
  return {mode, {.memory = limits_of(config).memory}};
}

// Tells in the report what of the wall there is; a note where that is not all.
void report_sandbox(const sandbox::Policy& policy, ReportBase& report);

}  // namespace onnxport::pipeline
