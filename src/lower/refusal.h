// The one way in which lowering refuses: refuse("why") throws Refused, the walk over the program
// (lower.cpp) catches it once per call and goes on with the next call. So rules, the Builder and
// what reads arguments are straight lines, and a result is always a result.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace onnxport::lower {

// Never leaves this layer. What happens to a refusal depends on its kind, never on its text.
struct Refused {
  enum class Kind {
    kUnsupported,  // the rule cannot lower this call
    kNoRule,       // nothing is known of the operator
    kInBlock,      // a call in the node's blocks, which was reported where it stands
  };
  Kind kind = Kind::kUnsupported;
  std::string reason;
};

// Says why the call at hand cannot be lowered, and what would help.
[[noreturn]] inline void refuse(std::string reason) {
  throw Refused{Refused::Kind::kUnsupported, std::move(reason)};
}

// What other layers return: their error is the reason.
template <typename T>
void refuse_error(const Result<T>& result) {
  if (!result.ok()) refuse(result.error().str());
}
template <typename T>
T value_or_refuse(Result<T> result) {
  refuse_error(result);
  return std::move(result).value();
}

}  // namespace onnxport::lower
