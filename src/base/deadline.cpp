#include "base/deadline.h"

#include <chrono>

namespace onnxport {

Deadline::Deadline(double seconds, std::function<void()> late) {
  constexpr double kForever = 1e9;  // more does not fit into a clock
  if (!(seconds > 0) || seconds > kForever) return;
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                       std::chrono::duration<double>(seconds));
  thread_ = std::thread([this, end, late = std::move(late)] {
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_until(lock, end, [this] { return over_; })) return;
    }
    late();
  });
}

Deadline::~Deadline() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

}  // namespace onnxport
