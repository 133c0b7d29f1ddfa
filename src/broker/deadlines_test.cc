#include "broker/deadlines.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_runtime.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;

// What waking up takes.
constexpr Duration kStep = 1ms;

class DeadlinesTest : public testing::Test {
 protected:
  struct Wait {
    explicit Wait(Core& core) : outcome(core) {}
    Promise<Result<void>> outcome;
    std::optional<Result<void>> result;
    Duration took{};
  };

  // Waits with this time-out, from now on.
  std::shared_ptr<Wait> wait(Duration timeout) {
    auto made = std::make_shared<Wait>(core());
    core().post([this, made, timeout] { core().spawn("wait", wait_here(this, made, timeout)); });
    return made;
  }
  static Task<void> wait_here(DeadlinesTest* test, std::shared_ptr<Wait> wait, Duration timeout) {
    const MonotonicTime before = test->core().now();
    Deadlines::Entry entry(test->deadlines_, timeout, wait->outcome);
    wait->result = co_await wait->outcome.future();
    wait->took = Duration(test->core().now() - before);
  }
  void answer(const std::shared_ptr<Wait>& wait) {
    core().post([wait] { wait->outcome.set(Result<void>{}); });
  }
  Core& core() { return runtime_.core(CoreId(0)); }

  SimDisk disk_{1};
  SimRuntime runtime_{{.seed = 1}, disk_};
  Deadlines deadlines_{core()};
};

TEST_F(DeadlinesTest, AWaitEndsInTheLastSecondOfItsTime) {
  // Begun at different moments between two sweeps.
  std::map<std::shared_ptr<Wait>, Duration> waits;
  for (int i = 0; i < 20; ++i) {
    for (Duration timeout : {2s, 5s, 30s}) waits.emplace(wait(timeout), timeout);
    runtime_.run_for(130ms);
  }
  ASSERT_TRUE(runtime_.run_until_idle(1min));
  for (const auto& [wait, timeout] : waits) {
    ASSERT_TRUE(wait->result.has_value());
    ASSERT_FALSE(wait->result->has_value());
    EXPECT_EQ(wait->result->error().code, ErrorCode::timed_out);
    EXPECT_LE(wait->took, timeout + kStep);
    EXPECT_GE(wait->took, timeout - 1s);
  }
}

TEST_F(DeadlinesTest, NoTimeOutIsShorterThanASecond) {
  std::vector<std::shared_ptr<Wait>> waits;
  for (int i = 0; i < 20; ++i) {
    for (Duration timeout : {Duration(-1s), Duration(0), Duration(700ms)}) {
      waits.push_back(wait(timeout));
    }
    runtime_.run_for(130ms);
  }
  ASSERT_TRUE(runtime_.run_until_idle(1min));
  for (const auto& wait : waits) {
    ASSERT_TRUE(wait->result.has_value());
    EXPECT_FALSE(wait->result->has_value());
    EXPECT_GE(wait->took, 1s);
    EXPECT_LE(wait->took, 2s + kStep);
  }
}

TEST_F(DeadlinesTest, WhatIsDoneInTimeIsNotTouched) {
  std::vector<std::shared_ptr<Wait>> waits;
  for (int i = 0; i < 9; ++i) waits.push_back(wait(i % 2 == 0 ? 10s : Duration::max()));
  runtime_.run_for(3s);
  for (std::size_t i : {4u, 0u, 8u, 5u}) answer(waits[i]);  // out of the middle, the ends
  runtime_.run_for(1h);
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const bool done = i == 4 || i == 0 || i == 8 || i == 5;
    ASSERT_EQ(waits[i]->result.has_value(), done || i % 2 == 0) << i;
    if (waits[i]->result) EXPECT_EQ(waits[i]->result->has_value(), done) << i;
  }
  for (std::size_t i : {1u, 3u, 7u}) answer(waits[i]);
  // No sweeps without waits.
  EXPECT_TRUE(runtime_.run_until_idle(1min));
  EXPECT_TRUE(waits[7]->result.has_value());
}

}  // namespace
}  // namespace millrace
