// From which opset on a rule works: declared with the rule (rule.h), refused with when an older one
// is asked for, and listed by `onnxport operators`. A rule without a need works from kLeastOpset
// on.
#pragma once

#include <cstdint>

namespace onnxport::lower {

constexpr int64_t kLeastOpset = 13;  // older ones are refused altogether

struct OpsetNeed {
  int64_t opset;
  const char* what;  // as messages and the list name it: "grid_sample of volumes"
  bool whole;        // the rule needs it for every call; else only for the calls that `what` names
};

// LOWER("aten::grid_sampler(...)", f, since(16, "grid_sample")): refused before the rule runs.
constexpr OpsetNeed since(int64_t opset, const char* what) { return {opset, what, true}; }

// A constant, named in the LOWER line and given to g.need_opset() where the rule finds that the
// call is such a one.
constexpr OpsetNeed partly_since(int64_t opset, const char* what) { return {opset, what, false}; }

}  // namespace onnxport::lower
