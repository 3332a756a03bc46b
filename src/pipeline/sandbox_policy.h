// How a configuration wants the processes that run what a file says.
#pragma once

#include "onnxport/config.h"
#include "onnxport/report.h"
#include "pipeline/session.h"
#include "sandbox/wall.h"

namespace onnxport::pipeline {

// `Config`: ExportConfig or SimplifyConfig, whose settings have been checked; `limits`: of the run.
template <typename Config>
sandbox::Policy sandbox_policy(const Config& config, const RunLimits& limits) {
  using sandbox::Mode;
  const Mode mode = config.sandbox == "off"       ? Mode::kOff
                    : config.sandbox == "require" ? Mode::kRequire
                                                  : Mode::kAuto;
  return {mode, {.memory = limits.memory}};
}

// Tells in the report what of the wall there is; a note where that is not all.
void report_sandbox(const sandbox::Policy& policy, ReportBase& report);

}  // namespace onnxport::pipeline
