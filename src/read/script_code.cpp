#include "read/script_code.h"

#include <utility>
#include <vector>

#include "read/script_calls.h"
#include "read/script_expansion.h"

namespace onnxport::read {

Status check_script_code(std::span<const CodeEntry> entries) {
  CodeNames names;
  TRY(names.read(entries));
  std::vector<FunctionCalls> calls;
  calls.reserve(names.functions().size());
  for (const CodeFunction& function : names.functions()) {
    auto found = find_calls(names, function);
    if (!found.ok()) {
      return std::move(found).error().at("archive entry `" + function.entry->name + "`");
    }
    calls.push_back(std::move(*found));
  }
  return check_expansion(names, calls);
}

}  // namespace onnxport::read
