// What the command shows, on both streams, and in which colours. Everything that it prints goes
// through here: text from a file never acts on the terminal, and a stream that cannot be written to
// is noticed.
#pragma once

#include <string>

#include "onnxport/export.h"

namespace onnxport::cli {

// At the start of main, before any file is opened. A standard descriptor that is closed is
// occupied, so that no file becomes a stream; a reader that goes away is an error, not the end.
// From here on stdout is this command's alone: what a library prints there goes nowhere.
void open_streams();

// At the end: the exit code, which is 1 in place of 0 where something could not be written, with
// the reason on stderr.
int close_streams(int code);

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

// Text on stdout, as base/printable.h has a page.
void print(const std::string& text);
// A report's text, its verdict green or red.
void print_verdict(const Screen& screen, const std::string& report_text, bool passed);
// What report/json_parts.h dumped: as it is.
void print_json(const std::string& json);

// "error: ..." on stderr.
void print_error(const Screen& screen, const std::string& message);
// A line of text on stderr.
void print_note(const std::string& text);

}  // namespace onnxport::cli
