#include "pipeline/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace onnxport::pipeline {
namespace {

void add_seconds(std::vector<Stage>& stages, const std::string& name, double seconds) {
  auto known = std::find_if(stages.begin(), stages.end(),
                            [&](const Stage& stage) { return stage.name == name; });
  if (known == stages.end()) {
    stages.push_back({name, seconds});
  } else {
    known->seconds += seconds;
  }
}

}  // namespace

Session::Session(ReportBase& report, const Progress& progress, const std::stop_token& cancel,
                 const RunLimits& limits)
    : report_(report),
      progress_(progress),
      limits_(limits),
      token_(stop_.get_token()),
      forward_(cancel, [this] { stop_.request_stop(); }),
      deadline_(limits.seconds, [this] {
        const char* stage = stage_;
        late_stage_ = stage != nullptr ? stage : "start";
        stop_.request_stop();
      }) {}

Status Session::stage(const char* name, const std::function<Status()>& work) {
  using Clock = std::chrono::steady_clock;
  TRY(check_cancelled(token_));
  if (in_stage_) return work();
  const auto start = Clock::now();
  stage_ = name;
  if (progress_) progress_(name, false, 0);
  in_stage_ = true;
  Status status = check_cancelled(token_);  // whoever was told may have asked for it
  if (status.ok()) status = work();
  in_stage_ = false;
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  add_seconds(report_.stages, name, seconds);
  if (progress_) progress_(name, true, seconds);
  TRY(std::move(status));
  return check_cancelled(token_);
}

Status Session::stage_output(const std::string& output) {
  staging_.reset();
  TRY_ASSIGN(StagingFolder made, StagingFolder::beside(output));
  staging_.emplace(std::move(made));
  output_ = output;
  return {};
}

Status Session::publish() {
  TRY(check_cancelled(token_));
  return staging_->publish();
}

void Session::speak_of_output(std::string& text) const {
  if (!staging_) return;
  for (const std::string& staged : {staging_->scratch_file(), staging_->file()}) {
    for (size_t at = text.find(staged); at != std::string::npos; at = text.find(staged)) {
      text.replace(at, staged.size(), output_);
    }
  }
}

Error Session::speak_of_output(Error error) const {
  speak_of_output(error.message);
  speak_of_output(error.where);
  return error;
}

void Session::finish(const Status& status) {
  staging_.reset();
  if (status.ok()) return;
  if (const char* stage = late_stage_) {
    report_.outcome = Outcome::kRefused;
    report_.error = fmt::format("the time limit of {:g} s (--time-limit) was reached in `{}`",
                                limits_.seconds, stage);
    return;
  }
  const bool cancelled = token_.stop_requested();
  report_.outcome = cancelled ? Outcome::kCancelled : Outcome::kRefused;
  report_.error = cancelled ? onnxport::cancelled().str() : status.error().str();
}

}  // namespace onnxport::pipeline
