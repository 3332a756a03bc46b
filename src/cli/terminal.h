// What the command shows while it works, and in which colours.
#pragma once

#include <string>

#include "onnxport/export.h"

namespace onnxport::cli {

struct Screen {
  bool quiet = false;
  bool terminal = false;   // stderr is one: the progress line is rewritten in place
  bool color_out = false;  // stdout takes colours
  bool color_err = false;
};
// Looks at both streams, NO_COLOR and TERM.
Screen look(bool quiet);

// One line a stage: rewritten while it runs on a terminal, plain in a log.
Progress progress(const Screen& screen);

// The report's text, its verdict green or red.
std::string colored(const std::string& report_text, bool passed, bool color);
// "error: ..." on stderr.
void print_error(const Screen& screen, const std::string& message);

}  // namespace onnxport::cli
