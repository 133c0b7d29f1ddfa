// Strong numbers: one type for every number that crosses a function, so that an offset can't be
// passed where an epoch is meant. They cost nothing: a StrongNumber is its representation.
//
//   Offset next = base + 10;          // arithmetic with plain counts
//   int64_t raw = next.value();       // leaving the type is visible
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace millrace {

template <class Tag, class Rep>
class StrongNumber {
 public:
  using rep = Rep;
  constexpr StrongNumber() = default;
  explicit constexpr StrongNumber(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }

  friend constexpr auto operator<=>(StrongNumber, StrongNumber) = default;
  friend constexpr StrongNumber operator+(StrongNumber a, Rep count) {
    return StrongNumber(a.value_ + count);
  }
  friend constexpr StrongNumber operator-(StrongNumber a, Rep count) {
    return StrongNumber(a.value_ - count);
  }
  friend constexpr Rep operator-(StrongNumber a, StrongNumber b) { return a.value_ - b.value_; }
  constexpr StrongNumber& operator++() {
    ++value_;
    return *this;
  }

 private:
  Rep value_{};
};

// Position of a record in a partition. Kafka's int64.
using Offset = StrongNumber<struct OffsetTag, std::int64_t>;
// 64-bit, monotone, never reused (STORAGE.md rule 15). Internal logs have compiled-in ids below
// kFirstUserPartition.
using PartitionId = StrongNumber<struct PartitionIdTag, std::uint64_t>;
// Rises at every start that did not end cleanly; Kafka's leader epoch.
using LeaderEpoch = StrongNumber<struct LeaderEpochTag, std::int32_t>;
using ProducerId = StrongNumber<struct ProducerIdTag, std::int64_t>;
using ProducerEpoch = StrongNumber<struct ProducerEpochTag, std::int16_t>;
// Which event loop, 0..cores-1. Never stored: another number of cores is ordinary.
using CoreId = StrongNumber<struct CoreIdTag, std::uint32_t>;
// Unit of placement, 0..kShardCount-1 (ARCHITECTURE.md section 3).
using ShardId = StrongNumber<struct ShardIdTag, std::uint32_t>;
// Exchanges and queues: given by the catalogue, never reused.
using ExchangeId = StrongNumber<struct ExchangeIdTag, std::uint64_t>;
using QueueId = StrongNumber<struct QueueIdTag, std::uint64_t>;
// Milliseconds since the Unix epoch.
using WallMs = StrongNumber<struct WallMsTag, std::int64_t>;

inline constexpr std::uint32_t kShardCount = 1024;
inline constexpr Offset kNoOffset{-1};
inline constexpr ProducerId kNoProducer{-1};

}  // namespace millrace

template <class Tag, class Rep>
struct std::hash<millrace::StrongNumber<Tag, Rep>> {
  std::size_t operator()(millrace::StrongNumber<Tag, Rep> number) const noexcept {
    return std::hash<Rep>{}(number.value());
  }
};
