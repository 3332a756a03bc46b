#include "options/rule_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/nearest.h"
#include "onnxport/config.h"
#include "simplify/rule.h"
#include "simplify/simplify.h"

namespace onnxport {

std::vector<SimplifyRule> simplify_rules() {
  std::vector<SimplifyRule> rules;
  for (const simplify::Rule* rule : simplify::all_rules()) {
    rules.push_back({rule->name, rule->op_types, !rule->rounding});
  }
  for (const simplify::Step& step : simplify::steps()) rules.push_back({step.name, {}, true});
  std::sort(rules.begin(), rules.end(),
            [](const SimplifyRule& a, const SimplifyRule& b) { return a.name < b.name; });
  return rules;
}

namespace options {

Status check_rule_names(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::vector<std::string> known;
  for (const SimplifyRule& rule : simplify_rules()) known.push_back(rule.name);
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::vector<std::string> found = near(name, known);
    return Error{fmt::format("there is no rule `{}`; {}", name,
                             found.empty() ? "`onnxport simplify --list-rules` lists them"
                                           : fmt::format("near names: {}", fmt::join(found, ", "))),
                 ""};
  }
  return {};
}

}  // namespace options
}  // namespace onnxport
