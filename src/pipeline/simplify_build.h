// The simplified file, staged; made from the original as often as the search of a wrong rule asks.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/result.h"
#include "onnx/graph.h"
#include "onnxport/simplify.h"
#include "pipeline/session.h"
#include "simplify/simplify.h"

namespace onnxport::pipeline {

// What is done to the model in one attempt.
struct Attempt {
  size_t max_applications = SIZE_MAX;
  bool trace = false;
};

class SimplifyBuild {
 public:
  // All must live as long as this.
  SimplifyBuild(const std::string& source, const SimplifyConfig& config, Session& session,
                SimplifyReport& report)
      : source_(source),
        config_(config),
        session_(session),
        report_(report),
        skip_(config.skip.begin(), config.skip.end()) {}

  // The original for the first time; the report gets what it was like.
  Status read();
  // The file anew, with what is left of the rules. Folding that makes it grow too much is given up:
  // then nothing is folded that takes more place than what it replaces.
  Status make(const Attempt& attempt);
  // Leaves the rule out from now on; false when it is left out already.
  bool leave_out(const std::string& rule) { return skip_.insert(rule).second; }

  const onnx::Model& model() const { return model_; }
  const simplify::Summary& summary() const { return summary_; }
  // Of the last attempt that was traced or had a limit.
  const simplify::Application& last_application() const { return last_; }
  // Outputs of the original that random numbers reach.
  const std::set<std::string>& random_outputs() const { return random_outputs_; }
  // Lets go of the mapped original, before its place is taken.
  void close() { model_ = {}; }

 private:
  Result<onnx::Model> read_source() const;
  simplify::Options options(const Attempt& attempt);
  bool is_traced(const simplify::Application& a) const;
  Status simplify(const Attempt& attempt);
  Status write();

  const std::string& source_;
  const SimplifyConfig& config_;
  Session& session_;
  SimplifyReport& report_;
  std::set<std::string> skip_;
  onnx::Model model_;
  bool unchanged_ = false;  // the model as it was read
  uint64_t bytes_before_ = 0;
  int64_t max_growth_ = 0, fold_growth_ = 0;
  simplify::Summary summary_;
  simplify::Application last_;
  std::set<std::string> random_outputs_;
};

}  // namespace onnxport::pipeline
