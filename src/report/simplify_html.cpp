// A SimplifyReport as one page.
#include <fmt/format.h>

#include <algorithm>

#include "onnxport/report.h"
#include "report/describe.h"
#include "report/html_page.h"
#include "report/operator_diff.h"
#include "report/shown.h"

namespace onnxport {
namespace {

using page::escape;

std::string verdict(const SimplifyReport& r) {
  std::string stopped = page::stopped_verdict(r);
  if (!stopped.empty()) return stopped;
  return r.compared ? "Passed ✓" : "Written, not compared";
}

std::string facts_section(const SimplifyReport& r) {
  return page::facts_section(r, {{"Nodes", std::to_string(r.nodes)},
                                 {"Nodes before", std::to_string(r.nodes_before)},
                                 {"Size", size_text(r.file_bytes)},
                                 {"Size before", size_text(r.file_bytes_before)},
                                 {"Opset", std::to_string(r.opset)}});
}

std::string problem_section(const SimplifyReport& r) {
  std::string out = page::error_section(r.error);
  if (r.wrong_rules.empty()) return out;
  out +=
      "<h2>Rules that were left out</h2>\n<div class=\"scroll\"><table>\n"
      "<tr><th>Rule</th><th>Node</th><th>What it did</th></tr>\n";
  for (const WrongRule& w : r.wrong_rules) {
    out += fmt::format("<tr><td><code>{}</code></td><td>{} <code>{}</code></td><td>{}</td></tr>\n",
                       escape(w.rule), escape(w.op_type), escape(w.node), escape(w.reason));
  }
  return out + "</table></div>\n";
}

std::string operators_section(const SimplifyReport& r) {
  const std::vector<OperatorDiff> changes = operator_diff(r);
  if (!page::stopped_verdict(r).empty()) return "";
  int most = 1;
  for (const OperatorDiff& c : changes) most = std::max({most, c.before, c.after});
  auto bar = [&](int n, const char* kind) {
    if (n == 0) return std::string();
    return fmt::format("<span class=\"bar {}\" style=\"width:{:.1f}%\"></span>", kind,
                       100.0 * n / most);
  };
  std::string out =
      "<h2>Operators</h2>\n<div class=\"scroll\"><table>\n<tr><th></th><th class=\"n\">Before</th>"
      "<th class=\"n\">After</th><th class=\"n\">OperatorDiff</th><th></th></tr>\n";
  for (const OperatorDiff& c : changes) {
    out += fmt::format(
        "<tr><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td>"
        "<td class=\"n\">{:+}</td><td class=\"wide\">{}{}</td></tr>\n",
        escape(c.name), c.before, c.after, c.after - c.before, bar(c.before, "before"),
        bar(c.after, ""));
  }
  return out + fmt::format(
                   "<tr class=\"sum\"><td>All</td><td class=\"n\">{}</td><td class=\"n\">{}</td>"
                   "<td class=\"n\">{:+}</td><td></td></tr>\n</table></div>\n",
                   r.nodes_before, r.nodes,
                   static_cast<int64_t>(r.nodes) - static_cast<int64_t>(r.nodes_before));
}

std::string comparison_section(const SimplifyReport& r) {
  if (r.comparison.empty()) return "";
  std::string out =
      "<h2>Against the original</h2>\n<div class=\"scroll\"><table>\n<tr><th>Output</th>"
      "<th class=\"n\">Max absolute</th><th class=\"n\">Max relative</th>"
      "<th class=\"n\">Values to</th><th></th></tr>\n";
  for (const OutputMatch& o : r.comparison) {
    out += fmt::format("<tr><td><code>{}</code></td>", escape(o.name));
    out += o.identical ? "<td class=\"n\" colspan=\"3\">identical</td>"
                       : fmt::format(
                             "<td class=\"n\">{:.2e}</td><td class=\"n\">{:.2e}</td>"
                             "<td class=\"n\">{:.3g}</td>",
                             o.max_abs_difference, o.max_rel_difference, o.scale);
    out += page::verdict_cell(o.passed, o.reason) + "</tr>\n";
  }
  return out + "</table></div>\n" + page::runs_list(r.runs, report::comparison_run_text);
}

std::string trace_section(const SimplifyReport& r) {
  if (r.trace.empty()) return "";
  size_t width = 0;
  for (const RuleApplication& a : r.trace) width = std::max(width, a.rule.size());
  std::string out = "<h2>In order</h2>\n<pre>";
  for (const RuleApplication& a : r.trace) out += escape(trace_line(a, width)) + "\n";
  return out + "</pre>\n";
}

std::string refusals_section(const SimplifyReport& r) {
  if (r.refusals.empty()) return "";
  std::string out = "<h2>Left as they are</h2>\n<pre>";
  for (const std::string& line : refusal_lines(r)) out += escape(line) + "\n";
  return out + "</pre>\n";
}

}  // namespace

std::string SimplifyReport::html() const {
  const SimplifyReport r = report::shown(*this);
  const std::string body =
      page::heading(r, verdict(r)) + facts_section(r) + problem_section(r) + operators_section(r) +
      page::bars_section("Rules", page::rows_of(r.rules_fired), "{:.0f}", true) +
      comparison_section(r) + page::ports_section(r) +
      page::bars_section("Time", page::rows_of(r.stages), "{:.2f} s", false) + trace_section(r) +
      refusals_section(r) + page::notes_section(r.notes);
  return page::html_document(r, body, report::versions_text(r));
}

}  // namespace onnxport
