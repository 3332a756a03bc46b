// What export, verify and simplify share while they run: the stages and how long they take, who is
// told of them, the request to stop, the staging folder, and the report that all of it goes into.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/cancel.h"
#include "base/deadline.h"
#include "base/memory.h"
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

// What a run may take.
struct RunLimits {
  uint64_t memory = 0;  // bytes, of each process; what is read and folded must fit as well
  double seconds = 0;   // of the whole run; 0: no limit
};

// What an ExportConfig or a SimplifyConfig says, or the default of this machine.
template <typename Config>
RunLimits limits_of(const Config& config) {
  return {config.memory ? static_cast<uint64_t>(*config.memory) : default_memory(),
          config.time_limit};
}

class Session {
 public:
  // The first three must live as long as the session. The time begins now.
  Session(ReportBase& report, const Progress& progress, const std::stop_token& cancel,
          const RunLimits& limits);

  // Runs `work` as a stage of this name: it is timed, told of, and refused where the run is
  // cancelled before, while or after it runs. A stage within a stage is a part of it; the seconds
  // of stages of the same name add up.
  Status stage(const char* name, const std::function<Status()>& work);

  // Asked for by whoever runs this, or because the time is over.
  const std::stop_token& cancel() const { return token_; }
  const RunLimits& limits() const { return limits_; }

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
  const RunLimits limits_;
  std::stop_source stop_;
  const std::stop_token token_;
  std::stop_callback<std::function<void()>> forward_;  // the caller's request
  std::optional<StagingFolder> staging_;
  std::string output_;
  bool in_stage_ = false;
  std::atomic<const char*> stage_{nullptr};       // that runs
  std::atomic<const char*> late_stage_{nullptr};  // that ran when the time was over
  Deadline deadline_;                             // last: it calls into the rest
};

}  // namespace onnxport::pipeline
