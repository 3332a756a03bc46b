#include "cli/limits.h"

#include <fmt/format.h>

#include "base/deadline.h"
#include "base/hidden_folder.h"
#include "base/memory.h"
#include "cli/terminal.h"

namespace onnxport::cli {

void start_limits(options::Command command, const options::Settings& settings) {
  const bool simplifies = command == options::kSimplify;
  const std::optional<int64_t>& memory =
      simplifies ? settings.simplify.memory : settings.config.memory;
  limit_memory(memory ? static_cast<uint64_t>(*memory) : default_memory());
  const double seconds = simplifies ? settings.simplify.time_limit : settings.config.time_limit;
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
