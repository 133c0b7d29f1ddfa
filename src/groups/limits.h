// GroupLimits: every limit and time-out of the group coordinator, with Kafka's setting beside it.
#pragma once

#include <chrono>
#include <cstddef>

namespace millrace {

struct GroupLimits {
  using Ms = std::chrono::milliseconds;

  // group.initial.rebalance.delay.ms: how long the first rebalance of an empty group waits for
  // more members; each that comes prolongs it by as much, up to the rebalance time-out.
  Ms initial_rebalance_delay{200};
  Ms session_timeout_min{6'000};      // group.min.session.timeout.ms
  Ms session_timeout_max{1'800'000};  // group.max.session.timeout.ms
  // A new member does not know its id and can't send heartbeats; its parked join ends after this.
  Ms new_member_join_timeout{300'000};
  std::size_t members_max = 10'000;               // group.max.size, per group
  std::size_t pending_members_max = 10'000;       // ids given out and not yet joined, per group
  std::size_t groups_max = 100'000;               // per machine
  std::size_t offset_metadata_bytes_max = 4'096;  // offset.metadata.max.bytes
  Ms offsets_retention{7LL * 24 * 3'600'000};     // offsets.retention.minutes
  Ms retention_check_interval{600'000};           // offsets.retention.check.interval.ms
  // Bounds on the work of one on_timer() call; what is left is due at once.
  std::size_t timers_per_call_max = 256;
  std::size_t groups_per_retention_step_max = 256;
  // Bounds on the work of one ForgetTopics.
  std::size_t groups_per_forget_step_max = 1'024;
  std::size_t offsets_per_forget_step_max = 10'000;
};

}  // namespace millrace
