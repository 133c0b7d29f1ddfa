// What the watchdog (watchdog.h) takes for a stall, and how often it looks and speaks.
#pragma once

#include "runtime/core.h"

namespace millrace {

struct WatchdogLimits {
  // A turn longer than this is a stall: it is counted, and named in the log.
  Duration stall = std::chrono::milliseconds(5);
  // A turn that has not ended after this is named while it lasts.
  Duration hang = std::chrono::seconds(1);
  // At most one line for a core in this time.
  Duration report_interval = std::chrono::seconds(10);
  // How often it looks: at cores that do next to nothing, and at busy ones.
  Duration idle_interval = std::chrono::milliseconds(250);
  Duration busy_interval = std::chrono::milliseconds(5);
};

}  // namespace millrace
