// Work in a process of its own: a library that crashes on odd data takes only that process with it.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"

namespace onnxport::verify {

struct ChildEnd {
  std::string text;  // all that was sent
  bool crashed = false;
  std::string how;    // "signal 8 (Floating point exception)"
  bool late = false;  // nothing was heard of it for too long: it was ended
};

// Runs `work` in a fork of this process and waits. What it sends arrives even if it crashes later.
// The child shares nothing else with this process, and dies with it. Libraries that the work needs
// should be loaded before. The error says why no process could be made.
using Send = std::function<void(std::string_view)>;
struct ChildLimits {
  double silence = 0;      // seconds after which a child that sends nothing is ended; 0: never
  std::stop_token cancel;  // it is ended at once when this asks for it; it has crashed then
};
Result<ChildEnd> in_child(const std::function<void(const Send&)>& work,
                          const ChildLimits& limits = {});

}  // namespace onnxport::verify
