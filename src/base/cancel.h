// How long work is asked to stop: std::stop_token is the request. Whoever works for long looks at
// it now and then and returns cancelled(); what it was about to write is not written.
#pragma once

#include <stop_token>

#include "base/result.h"

namespace onnxport {

inline Error cancelled() { return Error{"the run was cancelled", ""}; }

inline Status check_cancelled(const std::stop_token& cancel) {
  if (cancel.stop_requested()) return cancelled();
  return {};
}

}  // namespace onnxport
