// What a report holds as data, in words.
#pragma once

#include <string>
#include <vector>

#include "onnxport/report.h"

namespace onnxport::report {

// "passed", "differs", "refused", "cancelled": the `outcome` of JSON.
const char* outcome_word(Outcome outcome);

// "seed 0, [2, 3, 224, 224]: 1.2e-06", of an export's or a verification's run.
std::string proof_run_text(const RunReport& run);
// "random, float32[2, 3, 32, 32]: equal", of a comparison with an original file.
std::string comparison_run_text(const RunReport& run);

// "onnxport 0.1.0, PyTorch 2.13.0, ONNX Runtime 1.32.0"; what is empty is left out.
std::string versions_text(const ReportBase& report, const std::string& torch_version = "");

}  // namespace onnxport::report
