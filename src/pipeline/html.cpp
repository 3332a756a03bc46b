// A Report as one page.
#include <fmt/format.h>

#include "onnxport/export.h"
#include "pipeline/page.h"

namespace onnxport {
namespace {

using page::escape;
using page::fact;

const char* verdict(const Report& r) {
  if (r.outcome == Outcome::kRefused) return "Failed ✗ — nothing was written";
  if (r.outcome == Outcome::kDiffers) return "Failed ✗ — differs from PyTorch";
  return r.verified ? "Passed ✓" : "Written, not verified";
}

std::string facts_section(const Report& r) {
  if (r.outcome == Outcome::kRefused) return "";
  std::string nodes = std::to_string(r.nodes);
  if (r.nodes_before_simplify > r.nodes) nodes += fmt::format(" (of {})", r.nodes_before_simplify);
  return "<dl class=\"facts\">\n" + fact("Opset", std::to_string(r.opset)) +
         fact("Size", fmt::format("{:.2f} MB", static_cast<double>(r.file_bytes) / 1e6)) +
         fact("Nodes", nodes) +
         fact("Parameters", fmt::format("{:.2f} M", static_cast<double>(r.parameters) / 1e6)) +
         page::time_fact(r.stages) + fact("Runs compared", std::to_string(r.runs.size())) +
         "</dl>\n";
}

std::string problem_section(const Report& r) {
  std::string out = page::error_section(r.error);
  if (!r.first_divergence.empty()) {
    out += "<h2>Where it starts to differ</h2>\n<pre>" + escape(r.first_divergence) + "</pre>\n";
  }
  return out;
}

std::string comparison_section(const Report& r) {
  if (r.outputs.empty()) return "";
  std::string out =
      "<h2>Against PyTorch</h2>\n<div class=\"scroll\"><table>\n<tr><th>Output</th>"
      "<th class=\"n\">Max absolute</th><th class=\"n\">Max relative</th>"
      "<th class=\"n\">Values to</th><th class=\"n\">float32 itself</th><th></th></tr>\n";
  for (const OutputReport& o : r.outputs) {
    out += fmt::format(
        "<tr><td><code>{}</code></td><td class=\"n\">{:.2e}</td><td class=\"n\">{:.2e}"
        "</td><td class=\"n\">{:.3g}</td><td class=\"n\">{}</td>{}</tr>\n",
        escape(o.name), o.max_abs_difference, o.max_rel_difference, o.scale,
        o.float32_difference ? fmt::format("{:.2e}", *o.float32_difference) : "",
        page::verdict_cell(o.passed, o.reason));
  }
  return out + "</table></div>\n" + page::runs_list(r.runs);
}

}  // namespace

std::string Report::html() const {
  std::string versions = "onnxport " + onnxport_version;
  if (!torch_version.empty()) versions += ", PyTorch " + torch_version;
  if (!onnxruntime_version.empty()) versions += ", ONNX Runtime " + onnxruntime_version;
  const std::string body =
      page::heading(passed(), verdict(*this), source_path, output_path) + facts_section(*this) +
      problem_section(*this) + comparison_section(*this) +
      page::ports_section(inputs, output_types) +
      page::bars_section("Time", page::rows_of(stages), "{:.2f} s", false) +
      page::bars_section("Operators", page::rows_of(operators), "{:.0f}", true) +
      page::bars_section("Simplifications", page::rows_of(rules_fired), "{:.0f}", true) +
      page::notes_section(notes);
  return page::html_document(output_path.empty() ? source_path : output_path, body, versions);
}

}  // namespace onnxport
