#include "runtime/memory_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "runtime/sim/sim_runtime.h"

namespace millrace {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kBytes = 1 << 20;
constexpr std::size_t kStep = kBytes / 128;
constexpr std::size_t kLarge = kBytes / 64;  // the largest that is not huge

class MemoryBudgetTest : public testing::Test {
 protected:
  // Somebody who waits on a core: granted or not, once that is known.
  struct Waiting {
    std::shared_ptr<MemoryWait> wait;
    std::optional<bool> granted;
  };
  static Task<void> await_turn(Waiting* waiting) {
    auto future = waiting->wait->future();
    waiting->granted = co_await future;
  }
  std::unique_ptr<Waiting> wait_for(MemoryShare& share, std::size_t bytes,
                                    MemoryUse use = MemoryUse::large) {
    auto waiting = std::make_unique<Waiting>();
    share.core().post([&share, bytes, use, to = waiting.get()] {
      to->wait = share.wait(bytes, use);
      share.core().spawn("waiter", await_turn(to));
    });
    pass();
    return waiting;
  }
  void pass() { ASSERT_TRUE(runtime_.run_until_idle(seconds(1))); }
  // Without what shares keep for later.
  std::uint64_t used() {
    here_.give_back();
    there_.give_back();
    return budget_.bytes_used();
  }

  SimDisk disk_{1};
  SimRuntime runtime_{{.seed = 1, .cores = 2}, disk_};
  MemoryBudget budget_{kBytes};
  MemoryShare here_{budget_, runtime_.core(CoreId(0))};
  MemoryShare there_{budget_, runtime_.core(CoreId(1))};
};

TEST_F(MemoryBudgetTest, ALeaseCountsUntilItGoes) {
  {
    MemoryLease lease(here_, 1000);
    EXPECT_EQ(used(), 1000u);
    lease.set(300);
    EXPECT_EQ(used(), 300u);
    MemoryLease moved = std::move(lease);
    EXPECT_EQ(used(), 300u);
    MemoryLease part = moved.split(100);
    moved.set(0);
    EXPECT_EQ(used(), 100u);
    part = MemoryLease(here_, 50);
    EXPECT_EQ(used(), 50u);
  }
  EXPECT_EQ(used(), 0u);
}

TEST_F(MemoryBudgetTest, SmallUsesOfACoreDoNotAskTheBudget) {
  MemoryLease first(here_, 1);
  const std::uint64_t taken = budget_.bytes_used();
  for (std::size_t i = 0; i < 1000; ++i) {
    MemoryLease small(here_, i % kStep);
    EXPECT_EQ(budget_.bytes_used(), taken);
  }
}

TEST_F(MemoryBudgetTest, LargeUsesLeaveAnEighthToOrdinaryOnes) {
  MemoryLease large(here_);
  for (int i = 0; i < 56; ++i) ASSERT_TRUE(large.try_grow(kLarge, MemoryUse::large));
  EXPECT_FALSE(large.try_grow(1, MemoryUse::large));
  MemoryLease ordinary(there_);
  ASSERT_TRUE(ordinary.try_grow(kBytes / 8, MemoryUse::ordinary));
  EXPECT_FALSE(ordinary.try_grow(1, MemoryUse::ordinary));
  EXPECT_TRUE(budget_.is_short());
}

TEST_F(MemoryBudgetTest, HugeUsesLeaveAnEighthToLargeOnes) {
  MemoryLease huge(here_);
  EXPECT_FALSE(huge.try_grow(kBytes / 8 * 7, MemoryUse::large));
  ASSERT_TRUE(huge.try_grow(kBytes / 4 * 3, MemoryUse::large));
  auto next = wait_for(there_, kBytes / 2);
  MemoryLease large(here_);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(large.try_grow(kLarge, MemoryUse::large));
  EXPECT_FALSE(large.try_grow(1, MemoryUse::large));
  EXPECT_FALSE(next->granted);
  large.set(0);
  huge.set(0);
  pass();
  EXPECT_EQ(next->granted, true);
  there_.give(kBytes / 2);
}

TEST_F(MemoryBudgetTest, WhatIsThereAlreadyIsCountedAboveTheLimit) {
  MemoryLease lease(here_, 2 * kBytes);
  EXPECT_GE(budget_.bytes_used(), 2 * kBytes);
  EXPECT_FALSE(MemoryLease(there_).try_grow(1, MemoryUse::ordinary));
}

TEST_F(MemoryBudgetTest, WhoWaitsIsServedInOrder) {
  MemoryLease held(here_, kBytes / 2);
  auto first = wait_for(there_, kBytes / 2);
  auto second = wait_for(here_, kLarge + 1);
  EXPECT_FALSE(first->granted || second->granted) << "a smaller one does not overtake";
  EXPECT_FALSE(MemoryLease(here_).try_grow(kLarge + 1, MemoryUse::large));
  EXPECT_EQ(budget_.waiting(), 2u);
  held.set(kBytes / 8);
  pass();
  EXPECT_EQ(first->granted, true);
  EXPECT_EQ(second->granted, true);
  EXPECT_EQ(used(), kBytes / 8 + kBytes / 2 + kLarge + 1);
  EXPECT_EQ(budget_.grants(), 2u);
  there_.give(kBytes / 2);
  here_.give(kLarge + 1);
}

TEST_F(MemoryBudgetTest, OrdinaryUsesDoNotWaitForLargeOnes) {
  MemoryLease held(here_, kBytes / 8 * 7);
  auto large = wait_for(here_, kBytes / 4);
  MemoryLease ordinary(there_);
  ASSERT_TRUE(ordinary.try_grow(kBytes / 8, MemoryUse::ordinary));
  auto next = wait_for(there_, 100, MemoryUse::ordinary);
  EXPECT_FALSE(next->granted);
  ordinary.set(kBytes / 16);
  pass();
  EXPECT_EQ(next->granted, true);
  EXPECT_FALSE(large->granted);
  EXPECT_GE(budget_.bytes_to_free(), kBytes / 4);
  held.set(0);
  pass();
  EXPECT_EQ(large->granted, true);
  there_.give(100);
  here_.give(kBytes / 4);
}

TEST_F(MemoryBudgetTest, WhoGivesUpLetsTheNextOneGo) {
  MemoryLease held(here_, kBytes / 2);
  auto first = wait_for(here_, kBytes / 2);
  auto second = wait_for(there_, kBytes / 5);
  EXPECT_FALSE(second->granted);
  first->wait->cancel();
  pass();
  EXPECT_EQ(first->granted, false);
  EXPECT_EQ(second->granted, true);
  there_.give(kBytes / 5);
  held.set(0);
  EXPECT_EQ(used(), 0u);
}

TEST_F(MemoryBudgetTest, AGrantThatComesTooLateIsGivenBack) {
  MemoryLease held(here_, kBytes / 4 * 3);
  auto waiting = wait_for(there_, kBytes / 2);
  ASSERT_FALSE(waiting->granted);
  held.set(0);  // the grant is on its way to the other core
  waiting->wait->cancel();
  pass();
  EXPECT_EQ(waiting->granted, false);
  EXPECT_EQ(used(), 0u);
}

TEST_F(MemoryBudgetTest, WhatMayComeInPartsLeavesSomeForTheNext) {
  MemoryLease first(here_);
  const std::uint64_t large_max = budget_.large_bytes_max();
  EXPECT_EQ(first.grow_towards(1000, 5000), 5000u);
  const std::size_t most = first.grow_towards(1000, kBytes);
  EXPECT_LE(most, large_max / 4);
  EXPECT_GE(most, large_max / 5);
  MemoryLease rest(there_, large_max - budget_.bytes_used());
  MemoryLease late(here_);
  EXPECT_EQ(late.grow_towards(1000, kBytes), 1000u) << "the least is there all the same";
  MemoryLease all(there_, kBytes - budget_.bytes_used());
  EXPECT_EQ(MemoryLease(here_).grow_towards(2 * kStep, kBytes), 0u);
}

TEST_F(MemoryBudgetTest, ShortageIsToldOnce) {
  int told = 0;
  budget_.on_short([&told] { ++told; });
  MemoryLease lease(here_, kBytes / 2);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(budget_.bytes_to_free(), 0u);
  lease.set(kBytes);
  lease.set(kBytes + 100 * kStep);
  EXPECT_EQ(told, 1);
  EXPECT_GE(budget_.bytes_to_free(), kBytes / 4);
  EXPECT_FALSE(budget_.watch_again()) << "it is short still";
  lease.set(0);
  EXPECT_TRUE(budget_.watch_again());
  lease.set(kBytes);
  EXPECT_EQ(told, 2);
}

// For the thread sanitizer: each share on its thread, the budget between them.
TEST_F(MemoryBudgetTest, SharesOfTwoThreadsAddUp) {
  auto hammer = [](MemoryShare* share) {
    for (std::size_t i = 0; i < 20'000; ++i) {
      MemoryLease small(*share, i % 5000);
      MemoryLease large(*share);
      (void)large.try_grow((i * 7919) % (kBytes / 2), MemoryUse::large);
    }
  };
  std::thread one(hammer, &here_);
  std::thread other(hammer, &there_);
  one.join();
  other.join();
  EXPECT_EQ(used(), 0u);
}

}  // namespace
}  // namespace millrace
