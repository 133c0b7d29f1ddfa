// A moment on the monotonic clock plus a time-out, which may come from a client and be absurd.
#pragma once

#include <chrono>
#include <limits>

#include "base/assert.h"
#include "runtime/core.h"

namespace millrace {

inline MonotonicTime after(MonotonicTime now, std::chrono::milliseconds timeout) {
  ASSERT(timeout.count() >= 0 &&
         timeout.count() <= std::numeric_limits<std::int64_t>::max() / 1'000'000);
  std::int64_t nanoseconds = Duration(timeout).count();
  bool overflows = now.value() > std::numeric_limits<std::int64_t>::max() - nanoseconds;
  return overflows ? MonotonicTime(std::numeric_limits<std::int64_t>::max()) : now + nanoseconds;
}

}  // namespace millrace
