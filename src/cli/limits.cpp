#include "cli/limits.h"

#include <fmt/format.h>

#include "base/deadline.h"
#include "base/hidden_folder.h"
#include "base/memory.h"
#include "cli/terminal.h"
#include "pipeline/session.h"

namespace onnxport::cli {

void start_limits(options::Command command, const options::Settings& settings) {
  const pipeline::RunLimits limits = command == options::kSimplify
                                         ? pipeline::limits_of(settings.simplify)
                                         : pipeline::limits_of(settings.config);
  limit_memory(limits.memory);
  const double seconds = limits.seconds;
  if (seconds <= 0) return;
  // Time for a run that was asked to stop to say where it was; `inspect` is never asked.
  const double grace = command == options::kInspect ? 0 : 2;
  // It lives as long as the process.
  static const auto* deadline = new Deadline(seconds + grace, [seconds] {
    remove_hidden_folders();
    print_error(look(false),
                fmt::format("the time limit of {:g} s (--time-limit) was reached", seconds));
    std::_Exit(1);  // without the handlers of a process that still works
  });
  (void)deadline;
}

}  // namespace onnxport::cli
