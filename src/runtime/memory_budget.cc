#include "runtime/memory_budget.h"

#include <algorithm>
#include <utility>

namespace millrace {
namespace {

// A share's step: large enough that the busiest core asks seldom, small beside the budget.
constexpr std::uint64_t kStepsInBudget = 128;
constexpr std::uint64_t kStepBytesMax = 2 << 20;

}  // namespace

MemoryWait::MemoryWait(MemoryShare& share, std::size_t bytes, MemoryUse use)
    : share_(share), bytes_(bytes), use_(use), promise_(share.core()) {}

void MemoryWait::cancel() {
  if (promise_.is_set()) return;
  promise_.set(false);
  share_.budget().forget(*this);
}

void MemoryWait::granted() {
  if (promise_.is_set()) return share_.give(bytes_);  // cancelled meanwhile
  promise_.set(true);
}

MemoryBudget::MemoryBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {
  ASSERT(bytes_max > 0);
}

bool MemoryBudget::take_below(std::size_t bytes, std::uint64_t limit) {
  std::uint64_t used = bytes_used_.load();
  do {
    if (bytes > limit || used > limit - bytes) return false;
  } while (!bytes_used_.compare_exchange_weak(used, used + bytes));
  return true;
}

bool MemoryBudget::try_take(std::size_t bytes, MemoryUse use) {
  const Kind kind = kind_of(bytes, use);
  if (waiting_of_[index(kind)].load() > 0) return false;  // they were here before
  if (!take_below(bytes, limit(kind))) return false;
  tell_if_short();
  return true;
}

void MemoryBudget::take(std::size_t bytes) {
  bytes_used_.fetch_add(bytes);
  tell_if_short();
}

void MemoryBudget::give(std::size_t bytes) {
  const std::uint64_t before = bytes_used_.fetch_sub(bytes);
  ASSERT(before >= bytes);
  // Who begins to wait counts itself first and looks at what is used then; this looks the other way
  // round: one of the two sees the other.
  if (waiting_.load() == 0) return;
  const std::lock_guard lock(mutex_);
  grant_in_turn();
}

void MemoryBudget::wait(std::shared_ptr<MemoryWait> waiter) {
  {
    const std::lock_guard lock(mutex_);
    const std::size_t kind = index(kind_of(waiter->bytes_, waiter->use_));
    ++waiting_;
    ++waiting_of_[kind];
    queues_[kind].push_back(std::move(waiter));
    grant_in_turn();
  }
  tell_if_short();
}

void MemoryBudget::forget(const MemoryWait& waiter) {
  const std::size_t kind = index(kind_of(waiter.bytes_, waiter.use_));
  const std::lock_guard lock(mutex_);
  auto& queue = queues_[kind];
  auto found = std::ranges::find(queue, &waiter, &std::shared_ptr<MemoryWait>::get);
  if (found == queue.end()) return;  // its grant is on the way
  queue.erase(found);
  --waiting_;
  --waiting_of_[kind];
  grant_in_turn();  // it may have stood in front
}

void MemoryBudget::grant_in_turn() {
  for (const Kind kind : {Kind::ordinary, Kind::large, Kind::huge}) {
    auto& queue = queues_[index(kind)];
    while (!queue.empty() && take_below(queue.front()->bytes_, limit(kind))) {
      std::shared_ptr<MemoryWait> waiter = std::move(queue.front());
      queue.pop_front();
      --waiting_;
      --waiting_of_[index(kind)];
      ++grants_;
      Core& home = waiter->share_.core();
      home.post([waiter = std::move(waiter)] { waiter->granted(); });
    }
  }
}

std::uint64_t MemoryBudget::bytes_to_free() const {
  const std::uint64_t used = bytes_used();
  auto above = [used](std::uint64_t level) { return used > level ? used - level : 0; };
  std::uint64_t bytes = 0;
  if (is_short()) bytes = above(limit(Kind::huge));
  const std::lock_guard lock(mutex_);
  for (const Kind kind : {Kind::ordinary, Kind::large, Kind::huge}) {
    const auto& queue = queues_[index(kind)];
    if (queue.empty()) continue;
    bytes = std::max(bytes, above(limit(kind) - queue.front()->bytes_));
  }
  return bytes;
}

void MemoryBudget::on_short(std::function<void()> told) {
  const std::lock_guard lock(mutex_);
  on_short_ = std::move(told);
}

void MemoryBudget::tell_if_short() {
  if (!is_short() || told_.exchange(true)) return;
  const std::lock_guard lock(mutex_);
  if (on_short_) on_short_();
}

bool MemoryBudget::watch_again() {
  told_ = false;
  return !is_short() || told_.exchange(true);
}

MemoryShare::MemoryShare(MemoryBudget& budget, Core& core)
    : budget_(budget),
      core_(core),
      step_(std::clamp<std::uint64_t>(budget.bytes_max() / kStepsInBudget, 1, kStepBytesMax)) {}

MemoryShare::~MemoryShare() { give_back(); }

void MemoryShare::refill(std::size_t bytes) {
  const std::size_t more = bytes - spare_ + step_;
  budget_.take(more);
  spare_ += more;
}

bool MemoryShare::try_take(std::size_t bytes, MemoryUse use) {
  if (use == MemoryUse::large) return budget_.try_take(bytes, use);
  if (bytes > spare_) {
    const std::size_t missing = bytes - spare_;
    if (budget_.try_take(missing + step_, use)) {
      spare_ += missing + step_;
    } else if (budget_.try_take(missing, use)) {
      spare_ += missing;
    } else {
      return false;
    }
  }
  spare_ -= bytes;
  return true;
}

std::shared_ptr<MemoryWait> MemoryShare::wait(std::size_t bytes, MemoryUse use) {
  ASSERT(core_.is_current());
  ASSERT(bytes <= budget_.one_use_bytes_max());
  give_back();
  auto waiter = std::make_shared<MemoryWait>(*this, bytes, use);
  budget_.wait(waiter);
  return waiter;
}

void MemoryShare::give_back() {
  if (spare_ > 0) budget_.give(std::exchange(spare_, 0));
}

std::size_t MemoryLease::grow_towards(std::size_t least, std::size_t wanted) {
  least = std::min(least, wanted);
  if (bytes_ < least && !try_grow(least - bytes_, MemoryUse::ordinary)) return 0;
  const MemoryBudget& budget = share_->budget();
  const std::uint64_t used = budget.bytes_used();
  const std::uint64_t left = used < budget.large_bytes_max() ? budget.large_bytes_max() - used : 0;
  const auto goal = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, left / 4));
  if (goal > bytes_) (void)try_grow(goal - bytes_, MemoryUse::large);
  return bytes_;
}

}  // namespace millrace
