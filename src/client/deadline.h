// Deadline: the moment by which something must be done, in steady time.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

namespace millrace::client {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

class Deadline {
 public:
  explicit Deadline(Milliseconds from_now) : at_(Clock::now() + from_now) {}

  bool passed() const { return Clock::now() >= at_; }
  // For poll(2): rounded up, so that a wait never ends before the deadline; 0 when it has passed.
  int poll_ms() const {
    const auto left = std::chrono::ceil<Milliseconds>(at_ - Clock::now());
    return static_cast<int>(std::clamp<Milliseconds::rep>(left.count(), 0, 1 << 30));
  }

 private:
  Clock::time_point at_;
};

// "10 s", "250 ms": for messages.
std::string text_of(Milliseconds duration);

}  // namespace millrace::client
