// A SimplifyReport as text for a screen and as JSON for a script. simplify_html.cpp has the page.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_number.h"
#include "onnxport/simplify.h"
#include "pipeline/footer.h"
#include "pipeline/operator_diff.h"

namespace onnxport {
namespace {

using Json = nlohmann::ordered_json;

std::string verdict_line(const SimplifyReport& r) {
  if (r.outcome == Outcome::kRefused) return "Failed ✗  nothing was written";
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

}  // namespace

std::vector<OperatorDiff> operator_diff(const SimplifyReport& r) {
  std::map<std::string, OperatorDiff> all;
  for (const auto& [name, n] : r.operators_before) all[name] = {name, n, 0};
  for (const auto& [name, n] : r.operators) {
    all[name].name = name;
    all[name].after = n;
  }
  std::vector<OperatorDiff> changes;
  for (const auto& [name, change] : all) {
    if (change.before != change.after) changes.push_back(change);
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const OperatorDiff& a, const OperatorDiff& b) {
                     return a.after - a.before < b.after - b.before;
                   });
  return changes;
}

std::string size_text(uint64_t bytes) {
  if (bytes < 100'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  return fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6);
}

std::string trace_line(const RuleApplication& a, size_t width) {
  std::string what = fmt::format("{} nodes -> {}", a.removed, a.made);
  if (a.removed == 0 && a.made == 0) what = "in place";
  if (a.removed == 1) what = fmt::format("1 node -> {}", a.made);
  return fmt::format("{:<{}}  {} {}  ({})", a.rule, width, a.op_type, a.node, what);
}

std::vector<std::string> refusal_lines(const SimplifyReport& r) {
  // All of them where one rule was asked for; a graph of 1,000 nodes has many more than a page.
  const bool all = !r.refusals.empty() && r.refusals.front().rule == r.refusals.back().rule;
  const size_t shown = all ? SIZE_MAX : 3;
  std::vector<std::string> lines;
  std::string rule;
  for (const RuleRefusal& group : r.refusals) {
    if (rule != group.rule) {
      rule = group.rule;
      const auto fired = r.rules_fired.find(rule);
      const int times = fired != r.rules_fired.end() ? fired->second : 0;
      lines.push_back(fmt::format("{}: applied {} time{}", rule, times, times == 1 ? "" : "s"));
    }
    const size_t count = std::min(shown, group.nodes.size());
    const std::vector<std::string> first(group.nodes.begin(),
                                         group.nodes.begin() + static_cast<int64_t>(count));
    lines.push_back(fmt::format("{:>7}  {}: {}{}", group.nodes.size(), group.reason,
                                fmt::join(first, ", "), count < group.nodes.size() ? ", ..." : ""));
  }
  return lines;
}

std::string wrong_line(const WrongRule& w) {
  return fmt::format("rule {} is wrong on node {} ({}) and was left out: {}", w.rule, w.node,
                     w.op_type, w.reason);
}

std::string SimplifyReport::text() const {
  std::string out = verdict_line(*this) + "\n";
  if (outcome == Outcome::kRefused) {
    out += "  " + error + "\n";
    for (const WrongRule& w : wrong_rules) out += "  " + wrong_line(w) + "\n";
    return out;
  }
  for (const std::string& line : inputs) out += "  in   " + line + "\n";
  for (const std::string& line : output_types) out += "  out  " + line + "\n";
  out += operators_table(*this) + rules_list(*this) + trace_list(*this) + refusals_list(*this);
  for (const WrongRule& w : wrong_rules) out += "  " + wrong_line(w) + "\n";
  for (const OutputMatch& o : outputs) out += output_line(o);
  if (compared) {
    out += fmt::format("  compared with the original in {} run{}, ONNX Runtime {}\n", runs.size(),
                       runs.size() == 1 ? "" : "s", onnxruntime_version);
  }
  return out + footer(stages, notes);
}

std::string SimplifyReport::json() const {
  Json j;
  j["outcome"] = outcome == Outcome::kPassed ? "passed" : "refused";
  if (!error.empty()) j["error"] = error;
  j["source"] = source_path;
  j["output"] = output_path;
  j["opset"] = opset;
  j["file_bytes"] = file_bytes;
  j["file_bytes_before"] = file_bytes_before;
  j["parameters"] = parameters;
  j["parameters_before"] = parameters_before;
  j["nodes"] = nodes;
  j["nodes_before"] = nodes_before;
  j["operators"] = operators;
  j["operators_before"] = operators_before;
  j["inputs"] = inputs;
  j["outputs"] = output_types;
  j["checked"] = checked;
  j["compared"] = compared;
  j["identical"] = identical;
  j["comparison"] = Json::array();
  for (const OutputMatch& o : outputs) {
    Json item = {{"name", o.name},
                 {"passed", o.passed},
                 {"identical", o.identical},
                 {"max_abs_difference", json_number<Json>(o.max_abs_difference)},
                 {"max_rel_difference", json_number<Json>(o.max_rel_difference)},
                 {"scale", json_number<Json>(o.scale)}};
    if (!o.reason.empty()) item["reason"] = o.reason;
    j["comparison"].push_back(std::move(item));
  }
  j["runs"] = runs;
  j["rules_fired"] = rules_fired;
  j["wrong_rules"] = Json::array();
  for (const WrongRule& w : wrong_rules) {
    j["wrong_rules"].push_back(
        {{"rule", w.rule}, {"node", w.node}, {"op_type", w.op_type}, {"reason", w.reason}});
  }
  if (!trace.empty()) {
    j["trace"] = Json::array();
    for (const RuleApplication& a : trace) {
      j["trace"].push_back({{"rule", a.rule},
                            {"node", a.node},
                            {"op_type", a.op_type},
                            {"removed", a.removed},
                            {"made", a.made}});
    }
  }
  if (!refusals.empty()) {
    j["refusals"] = Json::array();
    for (const RuleRefusal& group : refusals) {
      j["refusals"].push_back(
          {{"rule", group.rule}, {"reason", group.reason}, {"nodes", group.nodes}});
    }
  }
  j["seconds"] = Json::object();
  for (const Stage& stage : stages) j["seconds"][stage.name] = stage.seconds;
  j["notes"] = notes;
  j["versions"] = {{"onnxport", onnxport_version}, {"onnxruntime", onnxruntime_version}};
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace onnxport
