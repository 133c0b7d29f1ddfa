#include "runtime/core.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sim/sim_runtime.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CoreTest : public testing::Test {
 protected:
  SimDisk disk_{1};
  SimRuntime runtime_{{.seed = 1, .cores = 2}, disk_};
  Core& here_ = runtime_.core(CoreId(0));
  Core& there_ = runtime_.core(CoreId(1));
};

Task<void> sleeper(Core& core, int& woken) {
  co_await sleep_for(core, milliseconds(5));
  ++woken;
}

TEST_F(CoreTest, SpawnCountsUntilTheTaskEnds) {
  int woken = 0;
  here_.spawn("sleeper", sleeper(here_, woken));
  here_.spawn("sleeper", sleeper(here_, woken));
  EXPECT_EQ(here_.tasks().describe(), "sleeper x2");
  EXPECT_TRUE(runtime_.run_until_idle(seconds(1)));
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(here_.tasks().inside(), 0u);
}

TEST_F(CoreTest, SleepLastsAtLeastAsLongAsAsked) {
  int woken = 0;
  const MonotonicTime start = here_.now();
  runtime_.run(here_, sleeper(here_, woken));
  EXPECT_GE(here_.now() - start, 5'000'000);
}

Task<void> owner([[maybe_unused]] std::shared_ptr<int> held, Core& core) { co_await Yield{core}; }

Task<void> look_after_tasks(Core& core, std::weak_ptr<int> watched, bool& gone) {
  co_await core.tasks().closed();
  gone = watched.expired();
}

// Who waits for the gate frees what tasks refer to, so what a task owned must have gone before.
TEST_F(CoreTest, WhatATaskOwnsGoesBeforeTheGateOpens) {
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> watched = held;
  bool gone = false;
  there_.spawn("owner", owner(std::move(held), there_));
  ASSERT_EQ(there_.tasks().inside(), 1u);
  here_.spawn("waiter", look_after_tasks(there_, watched, gone));
  EXPECT_FALSE(watched.expired());
  EXPECT_TRUE(runtime_.run_until_idle(seconds(1)));
  EXPECT_TRUE(gone);
}

Task<std::vector<std::string>> visit(Core& here, Core& there, Worker& worker) {
  std::vector<std::string> seen;
  if (co_await call_on(here, there, [&] { return there.is_current(); })) seen.push_back("there");
  if (here.is_current()) seen.push_back("back");
  if (co_await call_on(here, here, [&] { return here.is_current(); })) seen.push_back("here");
  auto moved = co_await call_on(here, worker, [&] {
    return std::make_unique<std::string>(here.is_current() ? "not a worker" : "worker");
  });
  seen.push_back(*moved);
  if (here.is_current()) seen.push_back("back");
  co_return seen;
}

TEST_F(CoreTest, CallOnGoesThereAndComesBack) {
  auto worker = runtime_.make_worker("w");
  EXPECT_EQ(runtime_.run(here_, visit(here_, there_, *worker)),
            (std::vector<std::string>{"there", "back", "here", "worker", "back"}));
}

Task<void> count_yields(Core& core, int& count, bool& end) {
  while (!end) {
    ++count;
    co_await Yield{core};
  }
}

TEST_F(CoreTest, YieldLetsOthersRun) {
  int count = 0;
  bool end = false;
  here_.spawn("busy", count_yields(here_, count, end));
  there_.post([&] { here_.post([&] { end = true; }); });
  EXPECT_TRUE(runtime_.run_until_idle(seconds(1)));
  EXPECT_TRUE(end);
  EXPECT_GT(count, 0);
  EXPECT_EQ(here_.tasks().inside(), 0u);
}

}  // namespace
}  // namespace millrace
