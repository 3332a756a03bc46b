// A Report as text for a screen.
#include <fmt/format.h>

#include "onnxport/report.h"
#include "report/footer.h"
#include "report/shown.h"

namespace onnxport {
namespace {

const char* nothing_was(const Report& r) {
  return r.writes ? "nothing was written" : "nothing was compared";
}

std::string verdict_line(const Report& r) {
  if (r.outcome == Outcome::kRefused) return std::string("Failed ✗  ") + nothing_was(r);
  if (r.outcome == Outcome::kCancelled) return std::string("Cancelled ✗  ") + nothing_was(r);
  const char* verdict = r.outcome == Outcome::kDiffers ? "Failed ✗"
                        : r.verified                   ? "Passed ✓"
                                                       : "Written (not verified)";
  return fmt::format("{}  {}  {:.2f} MB, {} nodes, opset {}", verdict, r.output_path,
                     static_cast<double>(r.file_bytes) / 1e6, r.nodes, r.opset);
}

std::string output_line(const OutputReport& o) {
  std::string line =
      fmt::format("  {} {}  max abs {:.2e}, max rel {:.2e}, values to {:.3g}", o.passed ? "✓" : "✗",
                  o.name, o.max_abs_difference, o.max_rel_difference, o.scale);
  if (o.float32_difference) {
    line += fmt::format(" (float32 itself loses {:.2e})", *o.float32_difference);
  }
  if (!o.reason.empty()) line += "\n      " + o.reason;
  return line + "\n";
}

std::string text_of(const Report& r) {
  std::string out = verdict_line(r) + "\n";
  if (r.outcome == Outcome::kRefused || r.outcome == Outcome::kCancelled) {
    return out + "  " + r.error + "\n";
  }
  if (!r.error.empty()) out += "  " + r.error + "\n";
  for (const TensorReport& input : r.inputs) out += "  in   " + input.text() + "\n";
  for (const TensorReport& output : r.outputs) out += "  out  " + output.text() + "\n";
  for (const OutputReport& o : r.comparison) out += output_line(o);
  if (r.first_divergence) out += "  first difference: " + r.first_divergence->text() + "\n";
  if (r.verified) {
    out += fmt::format("  verified in {} runs: ONNX Runtime {} against PyTorch {}\n", r.runs.size(),
                       r.onnxruntime_version, r.torch_version);
  }
  return out + footer(r.stages, r.notes);
}

}  // namespace

std::string Report::text() const { return text_of(report::shown(*this)); }

}  // namespace onnxport
