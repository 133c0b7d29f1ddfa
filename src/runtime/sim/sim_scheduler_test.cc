#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "runtime/sim/sim_runtime.h"

namespace millrace {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Two cores and the test post to core 0; gives the order in which it all ran there.
std::vector<int> interleaving(std::uint64_t seed) {
  SimDisk disk(seed);
  SimRuntime runtime({.seed = seed, .cores = 3}, disk);
  Core& zero = runtime.core(CoreId(0));
  std::vector<int> order;
  for (int sender = 1; sender <= 2; ++sender) {
    runtime.core(CoreId(static_cast<std::uint32_t>(sender))).post([&, sender] {
      for (int i = 0; i < 10; ++i) zero.post([&, n = sender * 100 + i] { order.push_back(n); });
    });
  }
  for (int i = 0; i < 10; ++i) zero.post([&, i] { order.push_back(i); });
  EXPECT_TRUE(runtime.run_until_idle(seconds(1)));
  return order;
}

TEST(SimScheduler, KeepsTheOrderOfOneSenderAndMixesSenders) {
  std::set<std::vector<int>> seen;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<int> order = interleaving(seed);
    ASSERT_EQ(order.size(), 30u);
    int last[3] = {-1, -1, -1};
    for (int n : order) {
      EXPECT_LT(last[n / 100], n) << "seed " << seed;
      last[n / 100] = n;
    }
    seen.insert(order);
  }
  EXPECT_GT(seen.size(), 10u) << "the seed decides nothing";
}

TEST(SimScheduler, TimersRunInVirtualTimeAndInOrder) {
  SimDisk disk(1);
  SimRuntime runtime({.seed = 1}, disk);
  Core& core = runtime.core(CoreId(0));
  const MonotonicTime start = runtime.now();
  const WallMs wall_start = runtime.wall_now();
  std::vector<int> fired;
  core.call_after(hours(3), [&] { fired.push_back(3); });
  core.call_after(hours(1), [&] { fired.push_back(1); });
  const TimerId cancelled = core.call_after(milliseconds(1), [&] { fired.push_back(0); });
  core.call_after(hours(2), [&] {
    EXPECT_TRUE(core.is_current());
    EXPECT_GE(core.now(), start + Duration(hours(2)).count());
    fired.push_back(2);
  });
  core.cancel(cancelled);
  EXPECT_TRUE(runtime.run_until_idle(hours(4)));
  EXPECT_EQ(fired, (std::vector<int>{1, 2, 3}));
  const std::int64_t passed_ms = runtime.wall_now() - wall_start;
  EXPECT_GE(passed_ms, 3 * 3600 * 1000);
  EXPECT_LT(passed_ms, 3 * 3600 * 1000 + 1000);
  runtime.jump_wall_clock(-5000);
  EXPECT_LT(runtime.wall_now() - wall_start, passed_ms);
}

TEST(SimScheduler, ALoopOfYieldsLetsTimePass) {
  SimDisk disk(1);
  SimRuntime runtime({.seed = 1}, disk);
  Core& core = runtime.core(CoreId(0));
  std::function<void()> busy = [&] { core.post([&] { busy(); }); };
  busy();
  bool fired = false;
  core.call_after(milliseconds(1), [&] { fired = true; });
  EXPECT_TRUE(runtime.run_until([&] { return fired; }, milliseconds(10)));
  EXPECT_FALSE(runtime.run_until_idle(milliseconds(1)));
}

TEST(SimScheduler, RunUntilGivesUp) {
  SimDisk disk(1);
  SimRuntime runtime({.seed = 1}, disk);
  EXPECT_FALSE(runtime.run_until([] { return false; }, hours(1)));
  EXPECT_FALSE(runtime.step());
}

TEST(SimScheduler, WorkersRunInOrderWithLatency) {
  SimDisk disk(3);
  SimRuntime runtime({.seed = 3, .worker_latency_max = milliseconds(2)}, disk);
  Core& core = runtime.core(CoreId(0));
  auto worker = runtime.make_worker("w");
  const MonotonicTime start = runtime.now();
  std::vector<int> order;
  for (int i = 0; i < 50; ++i) {
    worker->submit([&, i] {
      EXPECT_FALSE(core.is_current());
      order.push_back(i);
    });
  }
  EXPECT_TRUE(runtime.run_until_idle(seconds(1)));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(order.size(), 50u);
  EXPECT_GT(runtime.now() - start, 10'000'000) << "50 works of up to 2 ms took next to no time";
  worker->submit([&] { order.push_back(50); });
  worker.reset();
  EXPECT_EQ(order.back(), 50) << "a worker finishes what it has before it goes";
}

TEST(SimScheduler, QueuedWorkIsDestroyedWithTheRuntime) {
  auto owner = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = owner;
  SimDisk disk(1);
  {
    SimRuntime runtime({.seed = 1}, disk);
    runtime.core(CoreId(0)).post([owner] { FAIL(); });
    runtime.core(CoreId(0)).call_after(seconds(1), [owner] { FAIL(); });
    owner.reset();
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace millrace
