#include "torchscript/builtin.h"

#include <algorithm>
#include <unordered_map>

namespace onnxport::torchscript {
namespace {

struct Entry {
  Builtin apply;
  bool recorded;
};

std::unordered_map<std::string, std::vector<Entry>>& registry() {
  static std::unordered_map<std::string, std::vector<Entry>> entries;
  return entries;
}

bool apply(Evaluator& e, Call& call, bool only_recorded) {
  auto found = registry().find(call.name);
  if (found == registry().end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Entry& entry) {
    return (entry.recorded || !only_recorded) && entry.apply(e, call);
  });
}

}  // namespace

bool internal::add_builtin(const char* name, Builtin apply, bool recorded) {
  registry()[name].push_back({apply, recorded});
  return true;
}

bool apply_builtin(Evaluator& e, Call& call) { return apply(e, call, false); }

bool apply_recorded_builtin(Evaluator& e, Call& call) { return apply(e, call, true); }

std::vector<std::string> builtin_names() {
  std::vector<std::string> out;
  for (const auto& [name, entries] : registry()) out.push_back(name);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace onnxport::torchscript
