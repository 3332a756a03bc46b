// The proof of an export and of `verify`, and what it writes into their report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "onnxport/export.h"
#include "pipeline/session.h"
#include "pipeline/source.h"
#include "verify/verify.h"

namespace onnxport::pipeline {

// What is proven besides what the configuration says: see verify::Options.
struct Claim {
  int64_t fixed_batch = 0;
  std::vector<std::optional<verify::ValueRange>> ranges;
};

// Runs the file at `onnx_path` against the source. The report gets the verdict: kPassed or
// kDiffers, with every run, output and the first difference.
Status prove(Source& source, const std::string& onnx_path, const Claim& claim,
             const ExportConfig& config, const Session& session, Report& report);

// As if there had been no proof.
void forget_proof(Report& report);

}  // namespace onnxport::pipeline
