#include "queues/consumers.h"

#include "base/assert.h"

namespace millrace {

std::optional<HolderId> Consumers::add(HolderId holder, ConsumerOptions options) {
  ASSERT(holder != kNoHolder);
  auto [found, is_new] = consumers_.try_emplace(holder);
  ASSERT(is_new);
  Consumer& consumer = found->second;
  consumer.holder = holder;
  consumer.priority = options.priority;
  consumer.arrival = arrivals_++;
  consumer.place = idle_.insert(idle_.end(), &consumer);
  order_.emplace(order_key(consumer), holder);
  count_credit(consumer, +1);
  change_credit(consumer, options.credit);
  return elect();
}

std::optional<HolderId> Consumers::remove(HolderId holder) {
  Consumer& consumer = get(holder);
  consumer.blocked = true;  // out of the turns
  put_in_place(consumer);
  idle_.erase(consumer.place);
  count_credit(consumer, -1);
  order_.erase(order_key(consumer));
  consumers_.erase(holder);
  return elect();
}

std::optional<HolderId> Consumers::set_single_active(bool single_active) {
  single_active_ = single_active;
  return elect();
}

// Gives who is served alone from now on, when that is another one than before.
std::optional<HolderId> Consumers::elect() {
  auto before = active_;
  active_.reset();
  if (single_active_ && !order_.empty()) active_ = order_.begin()->second;
  return active_ == before ? std::nullopt : active_;
}

void Consumers::set_credit(HolderId holder, std::int64_t credit) {
  change_credit(get(holder), credit);
}

void Consumers::grant(HolderId holder, std::int64_t credit) {
  ASSERT(credit >= 0);
  Consumer& consumer = get(holder);
  if (consumer.credit != kUnlimitedCredit) change_credit(consumer, consumer.credit + credit);
}

void Consumers::set_blocked(HolderId holder, bool blocked) {
  Consumer& consumer = get(holder);
  consumer.blocked = blocked;
  put_in_place(consumer);
}

std::optional<HolderId> Consumers::next() const {
  if (single_active_) {
    if (active_ && may_take(get(*active_))) return active_;
    return std::nullopt;
  }
  if (turns_.empty()) return std::nullopt;
  return turns_.begin()->second.front()->holder;
}

void Consumers::delivered(HolderId holder) {
  Consumer& consumer = get(holder);
  ASSERT(may_take(consumer));
  if (consumer.credit != kUnlimitedCredit) change_credit(consumer, consumer.credit - 1);
  if (!consumer.in_turn) return;
  Turns& turns = turns_.find(consumer.priority)->second;
  turns.splice(turns.end(), turns, consumer.place);
}

std::int64_t Consumers::credit(HolderId holder) const { return get(holder).credit; }

std::int32_t Consumers::priority(HolderId holder) const { return get(holder).priority; }

std::int64_t Consumers::total_credit() const {
  return unlimited_ > 0 ? kUnlimitedCredit : limited_credit_;
}

std::vector<HolderId> Consumers::holders() const {
  std::map<std::uint64_t, HolderId> by_arrival;
  for (const auto& [holder, consumer] : consumers_) by_arrival.emplace(consumer.arrival, holder);
  std::vector<HolderId> holders;
  holders.reserve(by_arrival.size());
  for (const auto& [arrival, holder] : by_arrival) holders.push_back(holder);
  return holders;
}

Consumers::OrderKey Consumers::order_key(const Consumer& consumer) {
  return {-std::int64_t{consumer.priority}, consumer.arrival};
}

Consumers::Consumer& Consumers::get(HolderId holder) {
  auto found = consumers_.find(holder);
  ASSERT(found != consumers_.end());
  return found->second;
}

const Consumers::Consumer& Consumers::get(HolderId holder) const {
  auto found = consumers_.find(holder);
  ASSERT(found != consumers_.end());
  return found->second;
}

bool Consumers::may_take(const Consumer& consumer) const {
  return !consumer.blocked && consumer.credit != 0;
}

void Consumers::count_credit(const Consumer& consumer, int sign) {
  if (consumer.credit == kUnlimitedCredit) {
    unlimited_ += sign;
  } else {
    limited_credit_ += sign * consumer.credit;
  }
}

void Consumers::change_credit(Consumer& consumer, std::int64_t credit) {
  ASSERT(credit >= 0 || credit == kUnlimitedCredit);
  count_credit(consumer, -1);
  consumer.credit = credit;
  count_credit(consumer, +1);
  put_in_place(consumer);
}

void Consumers::put_in_place(Consumer& consumer) {
  if (consumer.in_turn == may_take(consumer)) return;
  consumer.in_turn = !consumer.in_turn;
  if (consumer.in_turn) {
    Turns& turns = turns_[consumer.priority];
    turns.splice(turns.end(), idle_, consumer.place);
    return;
  }
  auto level = turns_.find(consumer.priority);
  idle_.splice(idle_.end(), level->second, consumer.place);
  if (level->second.empty()) turns_.erase(level);
}

}  // namespace millrace
