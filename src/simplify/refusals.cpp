#include "simplify/refusals.h"

#include <algorithm>

#include "onnx/walk.h"
#include "simplify/match.h"

namespace onnxport::simplify {

void Refusals::add(const Refusal& refusal) {
  std::vector<Last>& rules = last_[{refusal.node, refusal.op_type}];
  const auto same = std::find_if(rules.begin(), rules.end(),
                                 [&](const Last& last) { return last.rule == refusal.rule; });
  if (same != rules.end()) {
    same->reason = refusal.reason;
  } else {
    rules.push_back({refusal.rule, refusal.reason});
  }
}

std::vector<Refusals::Group> Refusals::groups(const onnx::Model& model,
                                              const std::string& only) const {
  std::map<std::pair<std::string_view, std::string_view>, Group> found;
  for (const onnx::Graph* graph : onnx::all_graphs(model)) {
    for (const Node* node = graph->first(); node != nullptr; node = node->next) {
      const std::string name = name_of(*node);
      const auto rules = last_.find({name, node->op_type});
      if (rules == last_.end()) continue;
      for (const Last& last : rules->second) {
        if (!only.empty() && only != last.rule && only != name) continue;
        Group& group = found[{last.rule, last.reason}];
        group.rule = last.rule;
        group.reason = last.reason;
        group.nodes.push_back(name);
      }
    }
  }
  std::vector<Group> groups;
  for (auto& [key, group] : found) groups.push_back(std::move(group));
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return a.rule != b.rule ? a.rule < b.rule : a.nodes.size() > b.nodes.size();
  });
  return groups;
}

}  // namespace onnxport::simplify
