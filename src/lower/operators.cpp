#include "lower/operators.h"

#include <algorithm>

#include "lower/rule.h"

namespace onnxport::lower {

int64_t SupportedOperator::since() const {
  int64_t least = INT64_MAX;
  for (const SupportedOverload& overload : overloads) least = std::min(least, overload.since);
  return least;
}

std::vector<SupportedOperator> supported_operators() {
  std::vector<SupportedOperator> out;
  for (const Rule* rule : all_rules()) {
    if (out.empty() || out.back().name != rule->schema.name) out.push_back({rule->schema.name, {}});
    SupportedOverload overload{rule->schema.overload, rule->schema_text, kLeastOpset, {}};
    for (const OpsetNeed& need : rule->needs) {
      if (need.whole) {
        overload.since = std::max(overload.since, need.opset);
      } else {
        overload.parts.push_back(need);
      }
    }
    out.back().overloads.push_back(std::move(overload));
  }
  return out;
}

}  // namespace onnxport::lower
