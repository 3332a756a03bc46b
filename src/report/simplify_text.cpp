// A SimplifyReport as text for a screen.
#include <fmt/format.h>

#include <algorithm>

#include "onnxport/report.h"
#include "report/footer.h"
#include "report/operator_diff.h"
#include "report/shown.h"

namespace onnxport {
namespace {

std::string verdict_line(const SimplifyReport& r) {
  if (r.outcome == Outcome::kRefused) return "Failed ✗  nothing was written";
  if (r.outcome == Outcome::kCancelled) return "Cancelled ✗  nothing was written";
  return fmt::format("{}  {}  {} ({} before), {} nodes ({} before), opset {}",
                     r.compared ? "Passed ✓" : "Written (not compared)", r.output_path,
                     size_text(r.file_bytes), size_text(r.file_bytes_before), r.nodes,
                     r.nodes_before, r.opset);
}

std::string operators_table(const SimplifyReport& r) {
  const std::vector<OperatorDiff> changes = operator_diff(r);
  size_t width = 9;
  for (const OperatorDiff& c : changes) width = std::max(width, c.name.size());
  auto line = [&](const std::string& name, auto before, auto after, const std::string& change) {
    return fmt::format("  {:<{}}  {:>7}  {:>7}{}\n", name, width, before, after,
                       change.empty() ? "" : fmt::format("  {:>7}", change));
  };
  std::string out = line("operators", "before", "after", "");
  for (const OperatorDiff& c : changes) {
    out += line(c.name, c.before, c.after, fmt::format("{:+}", c.after - c.before));
  }
  const auto before = static_cast<int64_t>(r.nodes_before), after = static_cast<int64_t>(r.nodes);
  out += line("all", before, after,
              after == before ? std::string("0") : fmt::format("{:+}", after - before));
  return out;
}

std::string rules_list(const SimplifyReport& r) {
  if (r.rules_fired.empty()) return "  no rule applies\n";
  std::vector<std::pair<std::string, int>> rules(r.rules_fired.begin(), r.rules_fired.end());
  std::stable_sort(rules.begin(), rules.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string out = "  rules\n";
  for (const auto& [name, times] : rules) out += fmt::format("  {:>7}  {}\n", times, name);
  return out;
}

std::string trace_list(const SimplifyReport& r) {
  if (r.trace.empty()) return "";
  size_t width = 0;
  for (const RuleApplication& a : r.trace) width = std::max(width, a.rule.size());
  std::string out = "  in order\n";
  for (const RuleApplication& a : r.trace) out += "    " + trace_line(a, width) + "\n";
  return out;
}

std::string refusals_list(const SimplifyReport& r) {
  if (r.refusals.empty()) return "";
  std::string out = "  left as they are\n";
  for (const std::string& line : refusal_lines(r)) out += "    " + line + "\n";
  return out;
}

std::string output_line(const OutputMatch& o) {
  std::string line = fmt::format("  {} {}  ", o.passed ? "✓" : "✗", o.name);
  line += o.identical ? std::string("identical")
                      : fmt::format("max abs {:.2e}, max rel {:.2e}, values to {:.3g}",
                                    o.max_abs_difference, o.max_rel_difference, o.scale);
  return line + (o.reason.empty() ? "\n" : "\n      " + o.reason + "\n");
}

std::string text_of(const SimplifyReport& r) {
  std::string out = verdict_line(r) + "\n";
  if (r.outcome == Outcome::kRefused || r.outcome == Outcome::kCancelled) {
    out += "  " + r.error + "\n";
    for (const WrongRule& w : r.wrong_rules) out += "  " + wrong_line(w) + "\n";
    return out;
  }
  for (const TensorReport& input : r.inputs) out += "  in   " + input.text() + "\n";
  for (const TensorReport& output : r.outputs) out += "  out  " + output.text() + "\n";
  out += operators_table(r) + rules_list(r) + trace_list(r) + refusals_list(r);
  for (const WrongRule& w : r.wrong_rules) out += "  " + wrong_line(w) + "\n";
  for (const OutputMatch& o : r.comparison) out += output_line(o);
  if (r.compared) {
    out += fmt::format("  compared with the original in {} run{}, ONNX Runtime {}\n", r.runs.size(),
                       r.runs.size() == 1 ? "" : "s", r.onnxruntime_version);
  }
  return out + footer(r.stages, r.notes);
}

}  // namespace

std::string SimplifyReport::text() const { return text_of(report::shown(*this)); }

}  // namespace onnxport
