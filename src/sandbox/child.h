// Work on what a stranger's file holds, in a process of its own behind a wall: a library that
// crashes on odd data, never ends, or does what the file makes it do, takes only that process with
// it.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/wall.h"

namespace onnxport::sandbox {

struct ChildEnd {
  std::string text;  // all that was sent
  bool crashed = false;
  std::string how;    // "signal 8 (Floating point exception)", "no memory: more than 4.0 GB ..."
  bool late = false;  // nothing was heard of it for too long: it was ended
};

struct ChildOptions {
  Policy policy;
  size_t most = size_t{1} << 28;  // bytes that it may send; one that sends more is ended
  // Seconds after which a child that sends nothing is ended; 0: never. Where others keep the
  // processors busy they are longer, up to eight times.
  double silence = 0;
  std::stop_token cancel;  // it is ended at once when this asks for it; it has crashed then
  // In the child, before the wall is there: opens and loads what the work needs. It starts no
  // thread and looks at nothing of the file.
  std::function<void()> warm_up = {};
};

// Runs `work` in a fork of this process and waits. What it sends arrives even if it crashes later,
// and is to be read like any file: whoever took the process over wrote it. The child shares nothing
// else with this process, and dies with it. Files that the work needs must be mapped before,
// libraries loaded. The error says why no process, or no wall, could be made.
using Send = std::function<void(std::string_view)>;
Result<ChildEnd> in_child(const std::function<void(const Send&)>& work,
                          const ChildOptions& options = {});

}  // namespace onnxport::sandbox
