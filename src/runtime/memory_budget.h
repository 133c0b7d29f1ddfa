// MemoryBudget: how much memory all connections of all protocols may hold together: requests that
// are not finished and answers that are not taken. One for the process; each core has a
// MemoryShare of it, and what is held has a MemoryLease.
//
//   MemoryBudget budget(288 << 20);
//   MemoryShare share(budget, core);                 // one per core
//   MemoryLease lease(share);
//   if (!lease.try_grow(frame_bytes, MemoryUse::large)) {
//     waiting = share.wait(frame_bytes, MemoryUse::large);      // its turn, in order
//     if (co_await waiting->future()) lease.adopt(frame_bytes);
//   }
//   lease.set(answer.size());                        // what is there already is counted, not asked
//
// Ordinary uses are small and end by themselves: a buffer for one read, the first bytes of an
// answer. Large ones may fill seven eighths, and of those each that is more than a 64th of all may
// fill three quarters: somebody's huge request does not keep others from large ones, nor those
// anybody from small ones. Who waits is served in order among those of the same kind.
//
// What was granted must be enough to finish: a holder that waits for more memory while it holds
// some may wait for itself. Where that can't be avoided the protocol lets somebody go (is_short(),
// on_short()).
//
// A share takes from the budget in steps, so that small uses touch no memory of other cores: up to
// two steps a core count as used that nobody uses. The budget is for any thread; a share, its
// leases and its waits live on their core. Nothing here allocates memory or knows who does.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "runtime/core.h"
#include "runtime/future.h"

namespace millrace {

enum class MemoryUse { ordinary, large };

class MemoryShare;

// A turn that has not come yet.
class MemoryWait : public std::enable_shared_from_this<MemoryWait> {
 public:
  MemoryWait(MemoryShare& share, std::size_t bytes, MemoryUse use);
  // Once. True: the bytes are counted, and whoever waited has them. False: cancelled.
  Future<bool> future() const { return promise_.future(); }
  void cancel();

 private:
  friend class MemoryBudget;
  void granted();
  MemoryShare& share_;
  const std::size_t bytes_;
  const MemoryUse use_;
  Promise<bool> promise_;
};

class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t bytes_max);
  MemoryBudget(const MemoryBudget&) = delete;

  std::uint64_t bytes_max() const { return bytes_max_; }
  std::uint64_t large_bytes_max() const { return limit(Kind::large); }
  // No single use may be larger: it would wait for nearly everybody else to be gone.
  std::uint64_t one_use_bytes_max() const { return bytes_max_ / 2; }
  std::uint64_t bytes_used() const { return bytes_used_.load(); }
  std::size_t waiting() const { return waiting_.load(); }
  std::size_t waiting_for_large() const {
    return waiting_of_[index(Kind::large)].load() + waiting_of_[index(Kind::huge)].load();
  }
  // How often a wait came to its end.
  std::uint64_t grants() const { return grants_.load(); }

  // Somebody waits, or large uses would have to.
  bool is_short() const { return waiting() > 0 || bytes_used() > large_bytes_max(); }
  // How much is to be given back until it is not, and a quarter is free again.
  std::uint64_t bytes_to_free() const;
  // `told` is called, from any core, when memory becomes short; then not before watch_again().
  void on_short(std::function<void()> told);
  // False: it is short already, and nobody is told.
  bool watch_again();

 private:
  friend class MemoryShare;
  friend class MemoryWait;
  enum class Kind { ordinary, large, huge };
  static constexpr std::size_t kKinds = 3;
  static constexpr std::uint64_t kHugePart = 64;
  // How full such a use may make it.
  std::uint64_t limit(Kind kind) const {
    if (kind == Kind::ordinary) return bytes_max_;
    return bytes_max_ - bytes_max_ / (kind == Kind::large ? 8 : 4);
  }
  Kind kind_of(std::size_t bytes, MemoryUse use) const {
    if (use == MemoryUse::ordinary) return Kind::ordinary;
    return bytes > bytes_max_ / kHugePart ? Kind::huge : Kind::large;
  }
  static std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }

  bool take_below(std::size_t bytes, std::uint64_t limit);
  bool try_take(std::size_t bytes, MemoryUse use);
  void take(std::size_t bytes);
  void give(std::size_t bytes);
  void wait(std::shared_ptr<MemoryWait> waiter);
  void forget(const MemoryWait& waiter);
  void grant_in_turn();
  void tell_if_short();

  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> bytes_used_{0};
  std::atomic<std::size_t> waiting_{0};
  std::array<std::atomic<std::size_t>, kKinds> waiting_of_{};
  std::atomic<std::uint64_t> grants_{0};
  std::atomic<bool> told_{false};

  mutable std::mutex mutex_;  // of what follows; taken only while somebody waits
  std::array<std::deque<std::shared_ptr<MemoryWait>>, kKinds> queues_;
  std::function<void()> on_short_;
};

class MemoryShare {
 public:
  MemoryShare(MemoryBudget& budget, Core& core);
  MemoryShare(const MemoryShare&) = delete;
  ~MemoryShare();

  MemoryBudget& budget() const { return budget_; }
  Core& core() const { return core_; }

  bool try_take(std::size_t bytes, MemoryUse use);
  // Whatever is left.
  void take(std::size_t bytes) {
    if (bytes > spare_) [[unlikely]]
      refill(bytes);
    spare_ -= bytes;
  }
  void give(std::size_t bytes) {
    spare_ += bytes;
    if (spare_ > 2 * step_ || budget_.waiting() > 0) [[unlikely]]
      give_back();
  }
  std::shared_ptr<MemoryWait> wait(std::size_t bytes, MemoryUse use);
  // What nobody of this core uses.
  void give_back();

 private:
  void refill(std::size_t bytes);

  MemoryBudget& budget_;
  Core& core_;
  const std::size_t step_;
  std::size_t spare_ = 0;  // counted in the budget, used by nobody
};

class MemoryLease {
 public:
  MemoryLease() = default;
  explicit MemoryLease(MemoryShare& share) : share_(&share) {}
  MemoryLease(MemoryShare& share, std::size_t bytes) : share_(&share) { set(bytes); }
  MemoryLease(MemoryLease&& other) noexcept
      : share_(other.share_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryLease& operator=(MemoryLease&& other) noexcept {
    if (this == &other) return *this;
    set(0);
    share_ = other.share_;
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  ~MemoryLease() { set(0); }

  std::size_t bytes() const { return bytes_; }
  // What is held now, whatever is left.
  void set(std::size_t bytes) {
    if (bytes > bytes_) share_->take(bytes - bytes_);
    if (bytes < bytes_) share_->give(bytes_ - bytes);
    bytes_ = bytes;
  }
  // By so much more, if that is left.
  bool try_grow(std::size_t bytes, MemoryUse use) {
    if (!share_->try_take(bytes, use)) return false;
    bytes_ += bytes;
    return true;
  }
  // What was waited for.
  void adopt(std::size_t bytes) { bytes_ += bytes; }
  // So much of this as a lease of its own.
  MemoryLease split(std::size_t bytes) {
    ASSERT(bytes <= bytes_);
    MemoryLease part(*share_);
    part.bytes_ = bytes;
    bytes_ -= bytes;
    return part;
  }
  // For what may be had in part: grows up to `wanted` bytes in all, to at most a quarter of what is
  // left, so that there is some for the next one, but to `least` where that is more. Gives how many
  // it has then; 0 when there is not even the least.
  std::size_t grow_towards(std::size_t least, std::size_t wanted);

 private:
  MemoryShare* share_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace millrace
