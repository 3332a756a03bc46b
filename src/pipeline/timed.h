// Times a stage from construction to destruction, and tells `progress`.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "onnxport/export.h"

namespace onnxport {

class Timed {
 public:
  // A stage that was timed before goes on: its seconds add up.
  Timed(const char* name, std::vector<Stage>& stages, const Progress& progress)
      : name_(name), stages_(stages), progress_(progress), start_(Clock::now()) {
    if (progress_) progress_(name_, false, 0);
  }
  ~Timed() {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    bool found = false;
    for (Stage& stage : stages_) {
      if (stage.name != name_) continue;
      stage.seconds += seconds;
      found = true;
    }
    if (!found) stages_.push_back({name_, seconds});
    if (progress_) progress_(name_, true, seconds);
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  std::string name_;
  std::vector<Stage>& stages_;
  const Progress& progress_;
  Clock::time_point start_;
};

}  // namespace onnxport
