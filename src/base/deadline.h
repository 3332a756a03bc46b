// Calls somebody when the time is over.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace onnxport {

// Calls `late`, on a thread of its own, when so many seconds are over, unless it is destroyed
// before: the destructor waits for a call that has begun. 0 or less: never.
class Deadline {
 public:
  Deadline(double seconds, std::function<void()> late);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace onnxport
