// Consumers: who gets the next message of one queue. Volatile, pure, core-local.
//
//   Consumers consumers;
//   consumers.add(a, {.priority = 0, .credit = 500});
//   while (auto holder = consumers.next(); holder && cursor.next_ready()) {
//     Lease lease = cursor.take(*holder);
//     consumers.delivered(*holder);             // one credit less, and the turn is the next one's
//   }
//   consumers.grant(a, 1);                      // it has acknowledged one
//
// Higher priorities first; lower ones get only what higher ones have no credit for. Equals with
// credit take turns. With a single active consumer only one is served: of the highest priority the
// one that came first. Whether a queue is exclusive is the caller's matter.
//
// next() is O(1), everything else O(log priorities), however many consumers have no credit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "queues/ids.h"

namespace millrace {

inline constexpr std::int64_t kUnlimitedCredit = -1;

struct ConsumerOptions {
  std::int32_t priority = 0;               // higher ones first
  std::int64_t credit = kUnlimitedCredit;  // how many it may be given
};

class Consumers {
 public:
  explicit Consumers(bool single_active = false) : single_active_(single_active) {}
  Consumers(const Consumers&) = delete;
  Consumers& operator=(const Consumers&) = delete;

  // Must be new. Gives who became the active one by this (with single_active; else nothing).
  [[nodiscard]] std::optional<HolderId> add(HolderId holder, ConsumerOptions options);
  // Must be here. Gives who became the active one in its place.
  [[nodiscard]] std::optional<HolderId> remove(HolderId holder);
  // Gives who is active now, when that changed.
  [[nodiscard]] std::optional<HolderId> set_single_active(bool single_active);

  // Sets what it may be given from now on.
  void set_credit(HolderId holder, std::int64_t credit);
  // Adds to it; nothing changes where there is no limit.
  void grant(HolderId holder, std::int64_t credit);
  // A blocked one is passed over whatever its credit: its connection takes nothing, or the credit
  // it shares with others is used up.
  void set_blocked(HolderId holder, bool blocked);

  // Whose turn it is; nothing when nobody may be given anything.
  std::optional<HolderId> next() const;
  // It was given one.
  void delivered(HolderId holder);

  bool contains(HolderId holder) const { return consumers_.contains(holder); }
  std::int64_t credit(HolderId holder) const;
  std::int32_t priority(HolderId holder) const;
  bool is_active(HolderId holder) const { return !single_active_ || active_ == holder; }
  // With single_active: who is served.
  std::optional<HolderId> active() const { return active_; }
  bool single_active() const { return single_active_; }
  std::size_t size() const { return consumers_.size(); }
  bool empty() const { return consumers_.empty(); }
  // What all of them may still be given together; kUnlimitedCredit when one has no limit. For
  // Cursor::wants_horizon(). O(1).
  std::int64_t total_credit() const;
  // In the order they came.
  std::vector<HolderId> holders() const;

 private:
  struct Consumer;
  using Turns = std::list<Consumer*>;
  using OrderKey = std::pair<std::int64_t, std::uint64_t>;  // -priority, arrival
  struct Consumer {
    HolderId holder;
    std::int32_t priority = 0;
    std::int64_t credit = 0;
    std::uint64_t arrival = 0;
    bool blocked = false;
    bool in_turn = false;
    Turns::iterator place;  // in turns_[priority], or in idle_
  };

  Consumer& get(HolderId holder);
  const Consumer& get(HolderId holder) const;
  bool may_take(const Consumer& consumer) const;
  void change_credit(Consumer& consumer, std::int64_t credit);
  void count_credit(const Consumer& consumer, int sign);
  // Among those that take turns, or out of them.
  void put_in_place(Consumer& consumer);
  std::optional<HolderId> elect();
  static OrderKey order_key(const Consumer& consumer);

  bool single_active_;
  std::unordered_map<HolderId, Consumer> consumers_;
  std::map<std::int32_t, Turns, std::greater<>> turns_;  // only levels where somebody may take
  Turns idle_;                                           // who may take nothing now
  std::map<OrderKey, HolderId> order_;  // as single active consumers follow each other
  std::optional<HolderId> active_;
  std::uint64_t arrivals_ = 0;
  std::int64_t limited_credit_ = 0;
  std::int64_t unlimited_ = 0;
};

}  // namespace millrace
