// Administrators: they make the topics, delete one of them again and again and make it anew, and
// delete records.
#pragma once

#include <string>

#include "simulation/life.h"

namespace millrace::simulation {

// The topics of a history.
inline constexpr const char* kOrders = "orders";      // is always there
inline constexpr const char* kEvents = "events";      // loses its beginnings by DeleteRecords
inline constexpr const char* kExpiring = "expiring";  // loses them by retention
inline constexpr const char* kAgain = "again";        // is deleted and made again
inline constexpr std::int32_t kPartitions = 3;        // of each

// Makes the topics that are missing, then deletes and makes kAgain, until the life ends.
Task<void> run_topic_keeper(Life* life);
// Deletes records of kEvents, until the life ends.
Task<void> run_trimmer(Life* life);

}  // namespace millrace::simulation
