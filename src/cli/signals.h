// What happens when the command is interrupted.
#pragma once

namespace onnxport::cli {

// SIGINT, SIGTERM and SIGHUP remove what is half written, then end the process as they always do.
// Call it before any thread is made.
void clean_up_on_signals();

}  // namespace onnxport::cli
