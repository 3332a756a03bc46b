// Whether a simplified file is right: onnx.checker accepts it as it accepts the original, and both
// compute the same.
#pragma once

#include <string>

#include "base/result.h"
#include "onnxport/simplify.h"
#include "pipeline/session.h"
#include "pipeline/simplify_build.h"
#include "verify/agreement.h"

namespace onnxport::pipeline {

class SimplifyProof {
 public:
  // All must live as long as this.
  SimplifyProof(const std::string& source, const SimplifyConfig& config, Session& session,
                const SimplifyBuild& build, SimplifyReport& report)
      : source_(source), config_(config), session_(session), build_(build), report_(report) {}

  // Why the staged file is not right; empty when it is. The error is one of the proof itself.
  Result<std::string> find_problem();
  // What the last find_problem() saw, for the report.
  void report_agreement();

 private:
  Status check(std::string& problem);
  Status compare(std::string& problem);

  const std::string& source_;
  const SimplifyConfig& config_;
  Session& session_;
  const SimplifyBuild& build_;
  SimplifyReport& report_;
  bool original_checked_ = false, original_valid_ = true;
  bool comparable_ = true;
  verify::Agreement agreement_;
};

}  // namespace onnxport::pipeline
