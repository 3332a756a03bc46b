// What export, verify and simplify share while they run: the stages and how long they take, who is
// told of them, the request to stop, the staging folder, and the report that all of it goes into.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "onnxport/export.h"
#include "pipeline/staging_folder.h"

namespace onnxport::pipeline {

// What is wrong with an ExportConfig or a SimplifyConfig: the same words as for a file or the
// command line.
template <typename Config>
Status check_settings(const Config& config) {
  const std::optional<ConfigError> error = check_config(config);
  return error ? Status(Error{error->text(), ""}) : Status();
}

class Session {
 public:
  // All three must live as long as the session.
  Session(ReportBase& report, const Progress& progress, const std::stop_token& cancel)
      : report_(report), progress_(progress), cancel_(cancel) {}

  // Runs `work` as a stage of this name: it is timed, told of, and refused where the run is
  // cancelled before, while or after it runs. A stage within a stage is a part of it; the seconds
  // of stages of the same name add up.
  Status stage(const char* name, const std::function<Status()>& work);

  const std::stop_token& cancel() const { return cancel_; }

  // Makes the staging folder beside `output`; one that was there before goes.
  Status stage_output(const std::string& output);
  StagingFolder& staging() { return *staging_; }
  // Gives what is staged its name, unless the run is cancelled.
  Status publish();

  // Messages speak of the file that was asked for, not of the one that is staged.
  void speak_of_output(std::string& text) const;
  Error speak_of_output(Error error) const;

  // Writes into the report what `status` says of the whole run: why it ended early, if it did.
  void finish(const Status& status);

 private:
  ReportBase& report_;
  const Progress& progress_;
  const std::stop_token& cancel_;
  std::optional<StagingFolder> staging_;
  std::string output_;
  bool in_stage_ = false;
};

}  // namespace onnxport::pipeline
