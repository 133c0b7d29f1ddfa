// The slow, obvious model of a queue: a struct for each message, everything looked for by going
// through all of them. See cursor_random_test.cc.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "queues/commands.h"

namespace millrace::queues_test {

struct ModelMessage {
  enum class State { ready, in_flight, exhausted, moving, skipped, done };
  State state = State::ready;
  HolderId holder;
  DeliveryCounts counts;
  std::int64_t stamp = 0;  // of its return
};

class CursorModel {
 public:
  using State = ModelMessage::State;

  explicit CursorModel(CursorPolicy policy) : policy_(policy) {}

  std::vector<ModelMessage>& messages() { return messages_; }
  const CursorPolicy& policy() const { return policy_; }
  const CursorCounters& counters() const { return counters_; }
  Offset horizon() const { return Offset(horizon_); }
  std::int64_t end() const { return static_cast<std::int64_t>(messages_.size()); }
  const std::vector<OpenTransfer>& transfers() const { return transfers_; }

  void publish(int count) { messages_.resize(messages_.size() + static_cast<std::size_t>(count)); }

  std::int64_t floor() const {
    std::int64_t at = 0;
    while (at < end() && at_(at).state == State::done) ++at;
    return at;
  }

  // In the order of delivery.
  std::vector<Offset> ready() {
    settle_next();
    std::vector<std::pair<std::int64_t, std::int64_t>> returned;
    std::vector<Offset> order;
    for (std::int64_t at = 0; at < next_; ++at) {
      bool by_time = policy_.return_order == ReturnOrder::return_time;
      if (is(at, State::ready)) returned.emplace_back(by_time ? at_(at).stamp : at, at);
    }
    std::sort(returned.begin(), returned.end());
    for (auto [key, at] : returned) order.emplace_back(at);
    for (std::int64_t at = next_; at < end(); ++at) {
      if (is(at, State::ready)) order.emplace_back(at);
    }
    return order;
  }

  Lease take(HolderId holder) {
    Offset offset = ready().front();
    ModelMessage& message = at_(offset.value());
    message.state = State::in_flight;
    message.holder = holder;
    settle_next();
    return {offset, message.counts,
            message.counts.acquired > 0 || offset.value() < uncertain_below_};
  }

  bool put_back(std::int64_t at, HolderId holder) {
    if (!holds(at, holder)) return false;
    make_ready(at, --first_stamp_);
    return true;
  }

  void skip(OffsetRange gap) {
    for (std::int64_t at = gap.first.value(); at < std::min(gap.end.value(), end()); ++at) {
      if (is(at, State::done) || is(at, State::moving)) continue;
      at_(at).state = State::skipped;
      at_(at).holder = kNoHolder;
    }
    settle_next();
  }

  // Gives what does not match.
  std::set<std::int64_t> settle(const std::vector<Settlement>& settlements,
                                std::optional<Offset> horizon) {
    std::set<std::int64_t> mismatched;
    std::set<std::int64_t> released;
    std::set<std::int64_t> failed;
    for (const Settlement& settlement : settlements) {
      for (Offset o = settlement.range.first; o < settlement.range.end; ++o) {
        std::int64_t at = o.value();
        bool dropped = settlement.outcome == SettleOutcome::dropped;
        bool matches = settlement.holder == kNoHolder ? dropped && is(at, State::exhausted)
                                                      : holds(at, settlement.holder);
        if (!matches) {
          mismatched.insert(at);
        } else if (settlement.outcome == SettleOutcome::acknowledged) {
          finish(at, &CursorCounters::acknowledged);
        } else if (dropped) {
          finish(at, &CursorCounters::dropped);
          if (settlement.reason == RemovalReason::expired) ++counters_.expired;
        } else {
          at_(at).holder = kNoHolder;
          (settlement.outcome == SettleOutcome::released ? released : failed).insert(at);
        }
      }
    }
    give_back(released, false);
    give_back(failed, true);
    if (horizon) horizon_ = std::max(horizon_, horizon->value());
    keep_gaps();
    return mismatched;
  }

  std::int64_t release_holder(HolderId holder, std::optional<bool> failed) {
    std::set<std::int64_t> held;
    for (std::int64_t at = 0; at < end(); ++at) {
      if (holds(at, holder)) held.insert(at);
    }
    give_back(held, failed.value_or(policy_.holder_end_fails));
    keep_gaps();
    return static_cast<std::int64_t>(held.size());
  }

  std::int64_t purge() {
    std::int64_t purged = 0;
    for (std::int64_t at = 0; at < end(); ++at) {
      if (!is(at, State::ready)) continue;
      finish(at, &CursorCounters::purged);
      ++purged;
    }
    keep_gaps();
    return purged;
  }

  // Gives what does not match.
  std::vector<Offset> begin_transfer(const BeginTransfer& command, WallMs time) {
    std::vector<Offset> mismatched;
    for (const BeginTransfer::Entry& entry : command.entries) {
      std::int64_t at = entry.offset.value();
      bool matches = entry.holder == kNoHolder ? is(at, State::exhausted) : holds(at, entry.holder);
      if (!matches) {
        mismatched.push_back(entry.offset);
        continue;
      }
      at_(at).state = State::moving;
      at_(at).holder = kNoHolder;
      Transfer transfer{.number = transfers_begun_++, .reason = command.reason, .time = time};
      for (PartitionId target : entry.targets) {
        transfer.targets.push_back({target, sequences_[target]++});
      }
      transfers_.push_back({entry.offset, at_(at).counts, std::move(transfer)});
    }
    return mismatched;
  }

  std::size_t end_transfer(const std::vector<Offset>& offsets) {
    std::size_t mismatched = 0;
    for (Offset offset : offsets) {
      auto found = std::find_if(transfers_.begin(), transfers_.end(),
                                [&](const OpenTransfer& open) { return open.offset == offset; });
      if (found == transfers_.end()) {
        ++mismatched;
        continue;
      }
      if (found->transfer.reason == RemovalReason::expired) ++counters_.expired;
      transfers_.erase(found);
      finish(offset.value(), &CursorCounters::dead_lettered);
    }
    keep_gaps();
    return mismatched;
  }

  void configure(const CursorPolicy& policy) {
    settle_next();
    if (policy == policy_) return;
    if (policy.return_order != policy_.return_order) {
      for (std::int64_t at = 0; at < next_; ++at) at_(at).stamp = ++last_stamp_;
    }
    policy_ = policy;
    for (std::int64_t at = 0; at < end(); ++at) {
      if (is(at, State::ready) && is_beyond(at))
        at_(at).state = State::exhausted;
      else if (is(at, State::exhausted) && !is_beyond(at))
        make_ready(at, ++last_stamp_);
    }
    settle_next();
  }

  // Only what is durable is left.
  void crash() {
    for (std::int64_t at = 0; at < end(); ++at) {
      if (is(at, State::done) || is(at, State::moving)) continue;
      at_(at).holder = kNoHolder;
      at_(at).state = is_beyond(at) ? State::exhausted : State::ready;
    }
    next_ = floor();
    uncertain_below_ = std::min(horizon_, end());
    settle_next();
  }

  bool is(std::int64_t at, State state) const {
    return at >= 0 && at < end() && at_(at).state == state;
  }
  std::int64_t count(State state) const {
    return std::count_if(messages_.begin(), messages_.end(),
                         [&](const ModelMessage& message) { return message.state == state; });
  }

 private:
  ModelMessage& at_(std::int64_t at) { return messages_[static_cast<std::size_t>(at)]; }
  const ModelMessage& at_(std::int64_t at) const { return messages_[static_cast<std::size_t>(at)]; }

  bool holds(std::int64_t at, HolderId holder) const {
    return is(at, State::in_flight) && at_(at).holder == holder;
  }
  bool is_beyond(std::int64_t at) const {
    return policy_.failed_max && at_(at).counts.failed > *policy_.failed_max;
  }
  void make_ready(std::int64_t at, std::int64_t stamp) {
    at_(at).state = State::ready;
    at_(at).holder = kNoHolder;
    at_(at).stamp = stamp;
  }
  void finish(std::int64_t at, std::int64_t CursorCounters::* counter) {
    at_(at) = {.state = State::done};
    ++(counters_.*counter);
  }
  void give_back(const std::set<std::int64_t>& offsets, bool failed) {
    for (std::int64_t at : offsets) {
      ++at_(at).counts.acquired;
      if (failed) ++at_(at).counts.failed;
      make_ready(at, ++last_stamp_);
      if (is_beyond(at)) at_(at).state = State::exhausted;
    }
  }
  void keep_gaps() {
    for (std::int64_t at = 0; at < end(); ++at) {
      if (is(at, State::skipped)) finish(at, &CursorCounters::absent);
    }
  }
  // Behind what was considered; what can't be delivered counts as that.
  void settle_next() {
    while (next_ < end() && !is(next_, State::ready)) ++next_;
  }

  std::vector<ModelMessage> messages_;
  CursorPolicy policy_;
  CursorCounters counters_;
  std::vector<OpenTransfer> transfers_;
  std::map<PartitionId, std::int32_t> sequences_;
  std::uint64_t transfers_begun_ = 0;
  std::int64_t horizon_ = 0;
  // Volatile.
  std::int64_t next_ = 0;
  std::int64_t uncertain_below_ = 0;
  std::int64_t last_stamp_ = 0;
  std::int64_t first_stamp_ = 0;
};

}  // namespace millrace::queues_test
