// What the command may use of the machine: --memory and --time-limit.
#pragma once

#include <string>

#include "options/option.h"

namespace onnxport::cli {

// Before anything is read: no more memory than --memory says or this machine's default is; and what
// cannot be interrupted (a single call of a library) is ended soon after the time limit, with an
// error. The pipelines themselves stop when the time is over.
void start_limits(options::Command command, const options::Settings& settings);

}  // namespace onnxport::cli
