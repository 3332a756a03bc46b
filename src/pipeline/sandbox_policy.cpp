#include "pipeline/sandbox_policy.h"

#include <algorithm>

namespace onnxport::pipeline {

void report_sandbox(const sandbox::Policy& policy, ReportBase& report) {
  report.sandbox = sandbox::description(policy.mode);
  const sandbox::Parts parts = sandbox::available();
  if (policy.mode == sandbox::Mode::kOff || (parts.landlock && parts.seccomp)) return;
  std::string note = "not all of the sandbox: " + report.sandbox;
  if (std::find(report.notes.begin(), report.notes.end(), note) == report.notes.end()) {
    report.notes.push_back(std::move(note));
  }
}

}  // namespace onnxport::pipeline
