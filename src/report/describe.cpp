#include "report/describe.h"

#include <fmt/format.h>

#include "base/printable.h"

namespace onnxport {
namespace {

std::string dims_text(const std::optional<std::vector<Dim>>& dims) {
  if (!dims) return "[?]";
  std::string out = "[";
  for (const Dim& dim : *dims) {
    if (out.size() > 1) out += ", ";
    const auto* name = std::get_if<std::string>(&dim);
    out += name != nullptr ? printable_line(*name) : std::to_string(std::get<int64_t>(dim));
  }
  return out + "]";
}

}  // namespace

std::string TensorReport::text() const {
  const std::string shown = printable_line(name);
  return dtype.empty() ? shown + ": None" : fmt::format("{}: {}{}", shown, dtype, dims_text(dims));
}

std::string DivergenceReport::text() const {
  if (value.empty()) return printable_message(reason);
  std::string out = onnx_node.empty() ? aten_op : fmt::format("node {} ({})", onnx_node, op_type);
  out += " computing `" + value + "`";
  if (!onnx_node.empty() && !aten_op.empty()) out += " from " + aten_op;
  if (!module_path.empty()) out += " in module " + module_path;
  if (!source.empty()) out += " at " + source;
  return printable_line(out, kMostOfMessage) + ": " + printable_message(reason);
}

namespace report {

const char* outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "passed";
    case Outcome::kDiffers:
      return "differs";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kCancelled:
      return "cancelled";
  }
  return "";
}

std::string proof_run_text(const RunReport& run) {
  std::string sizes;
  for (const TensorReport& input : run.inputs) {
    sizes += (sizes.empty() ? "" : ", ") + dims_text(input.dims);
  }
  return fmt::format("seed {}, {}: {:.3g}{}", run.seed, sizes, run.max_abs_difference,
                     run.passed ? "" : " (failed)");
}

std::string comparison_run_text(const RunReport& run) {
  std::string types;
  for (const TensorReport& input : run.inputs) {
    types += (types.empty() ? "" : ", ") + input.dtype + dims_text(input.dims);
  }
  return fmt::format(
      "{}, {}: {}{}", run.values, types.empty() ? "no inputs" : types,
      run.max_abs_difference == 0 ? "equal" : fmt::format("{:.3g}", run.max_abs_difference),
      run.within_noise ? ", as much as rounding changes the original" : "");
}

std::string versions_text(const ReportBase& report, const std::string& torch_version) {
  std::string out = "onnxport " + report.onnxport_version;
  if (!torch_version.empty()) out += ", PyTorch " + torch_version;
  if (!report.onnxruntime_version.empty()) out += ", ONNX Runtime " + report.onnxruntime_version;
  return out;
}

}  // namespace report
}  // namespace onnxport
