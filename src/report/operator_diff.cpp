#include "report/operator_diff.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace onnxport {

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

}  // namespace onnxport
