// A Report as one page.
#include <fmt/format.h>

#include "onnxport/report.h"
#include "report/describe.h"
#include "report/html_page.h"
#include "report/shown.h"

namespace onnxport {
namespace {

using page::escape;

std::string verdict(const Report& r) {
  std::string stopped = page::stopped_verdict(r, r.writes ? "written" : "compared");
  if (!stopped.empty()) return stopped;
  if (r.outcome == Outcome::kDiffers) return "Failed ✗ — differs from PyTorch";
  return r.verified ? "Passed ✓" : "Written, not verified";
}

std::string facts_section(const Report& r) {
  std::string nodes = std::to_string(r.nodes);
  if (r.nodes_before_simplify > r.nodes) nodes += fmt::format(" (of {})", r.nodes_before_simplify);
  return page::facts_section(
      r, {{"Opset", std::to_string(r.opset)},
          {"Size", fmt::format("{:.2f} MB", static_cast<double>(r.file_bytes) / 1e6)},
          {"Nodes", nodes},
          {"Parameters", fmt::format("{:.2f} M", static_cast<double>(r.parameters) / 1e6)},
          {"Runs compared", std::to_string(r.runs.size())}});
}

std::string problem_section(const Report& r) {
  std::string out = page::error_section(r.error);
  if (r.first_divergence) {
    out += "<h2>Where it starts to differ</h2>\n<pre>" + escape(r.first_divergence->text()) +
           "</pre>\n";
  }
  return out;
}

std::string comparison_section(const Report& r) {
  if (r.comparison.empty()) return "";
  std::string out =
      "<h2>Against PyTorch</h2>\n<div class=\"scroll\"><table>\n<tr><th>Output</th>"
      "<th class=\"n\">Max absolute</th><th class=\"n\">Max relative</th>"
      "<th class=\"n\">Values to</th><th class=\"n\">float32 itself</th><th></th></tr>\n";
  for (const OutputReport& o : r.comparison) {
    out += fmt::format(
        "<tr><td><code>{}</code></td><td class=\"n\">{:.2e}</td><td class=\"n\">{:.2e}"
        "</td><td class=\"n\">{:.3g}</td><td class=\"n\">{}</td>{}</tr>\n",
        escape(o.name), o.max_abs_difference, o.max_rel_difference, o.scale,
        o.float32_difference ? fmt::format("{:.2e}", *o.float32_difference) : "",
        page::verdict_cell(o.passed, o.reason));
  }
  return out + "</table></div>\n" + page::runs_list(r.runs, report::proof_run_text);
}

}  // namespace

std::string Report::html() const {
  const Report r = report::shown(*this);
  const std::string body =
      page::heading(r, verdict(r)) + facts_section(r) + problem_section(r) + comparison_section(r) +
      page::ports_section(r) +
      page::bars_section("Time", page::rows_of(r.stages), "{:.2f} s", false) +
      page::bars_section("Operators", page::rows_of(r.operators), "{:.0f}", true) +
      page::bars_section("Simplifications", page::rows_of(r.rules_fired), "{:.0f}", true) +
      page::notes_section(r.notes);
  return page::html_document(r, body, report::versions_text(r, r.torch_version));
}

}  // namespace onnxport
