// What a command says at its end: on the screen and in the file that was asked for.
#pragma once

#include "base/file.h"
#include "base/files_of_run.h"
#include "cli/terminal.h"
#include "options/option.h"

namespace onnxport::cli {

// The files of the run together with the command's own: the report and the configuration file.
inline FilesOfRun with_own_files(FilesOfRun files, const options::Settings& s) {
  files.read.push_back({"the configuration file", s.config_path});
  files.written.push_back({"the report", s.report_path});
  return files;
}

// Writes what --report asked for. The exit code: the report's own, or 1 where its file could not be
// written.
template <typename AnyReport>
int write_report(const AnyReport& report, const options::Settings& s, const Screen& screen) {
  if (s.report_path.empty()) return report.exit_code();
  const bool page = s.report_path.ends_with(".html");
  const Status written = write_file(s.report_path, page ? report.html() : report.json());
  if (written.ok()) return report.exit_code();
  print_error(screen, "the report could not be written: " + written.error().str());
  return report.passed() ? 1 : report.exit_code();
}

}  // namespace onnxport::cli
