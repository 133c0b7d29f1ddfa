// What a client may do to a resource, as bits of Kafka's AclOperation codes. Without an authorizer
// that is everything.
#pragma once

#include <cstdint>

namespace millrace::kafka {

inline constexpr std::int32_t kTopicOperations = 0b110111111000;     // 3-8, 10, 11
inline constexpr std::int32_t kGroupOperations = 0b110101001000;     // 3, 6, 8, 10, 11
inline constexpr std::int32_t kClusterOperations = 0b1111110100000;  // 5, 7-12

}  // namespace millrace::kafka
