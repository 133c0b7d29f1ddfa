#include "runtime/future.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sim/sim_runtime.h"

namespace millrace {
namespace {

using std::chrono::seconds;

class FutureTest : public testing::Test {
 protected:
  SimDisk disk_{1};
  SimRuntime runtime_{{.seed = 1}, disk_};
  Core& core_ = runtime_.core(CoreId(0));
};

Task<void> collect(Future<std::string> future, std::vector<std::string>& collected) {
  collected.push_back(co_await std::move(future));
}

TEST_F(FutureTest, GivesAValueThatIsThereAtOnce) {
  Promise<std::string> promise(core_);
  EXPECT_FALSE(promise.is_set());
  promise.set("early");
  EXPECT_TRUE(promise.is_set());
  EXPECT_TRUE(promise.future().ready());
  std::vector<std::string> collected;
  core_.spawn("waiter", collect(promise.future(), collected));
  EXPECT_EQ(collected, std::vector<std::string>{"early"});
}

TEST_F(FutureTest, ResumesLaterAndNeverInsideSet) {
  std::vector<Promise<std::string>> parked;
  std::vector<std::string> collected;
  for (int i = 0; i < 3; ++i) {
    parked.emplace_back(core_);
    core_.spawn("waiter", collect(parked.back().future(), collected));
  }
  for (Promise<std::string>& promise : parked) {
    promise.set(std::to_string(collected.size()));
  }
  EXPECT_TRUE(collected.empty());
  parked.clear();  // the value outlives its promise
  EXPECT_TRUE(runtime_.run_until_idle(seconds(1)));
  EXPECT_EQ(collected, (std::vector<std::string>{"0", "0", "0"}));
}

TEST_F(FutureTest, APromiseNobodyWaitsForMayGo) {
  Promise<std::string> promise(core_);
  Future<std::string> future = promise.future();
  EXPECT_FALSE(future.ready());
}

using FutureDeathTest = FutureTest;

TEST_F(FutureDeathTest, AWaiterThatWouldWaitForEverEndsTheProcess) {
  EXPECT_DEATH(
      {
        std::vector<std::string> collected;
        auto promise = std::make_unique<Promise<std::string>>(core_);
        core_.spawn("waiter", collect(promise->future(), collected));
        promise.reset();
      },
      "waiting");
}

TEST_F(FutureDeathTest, SetTwiceEndsTheProcess) {
  Promise<std::string> promise(core_);
  promise.set("once");
  EXPECT_DEATH(promise.set("twice"), "value");
}

}  // namespace
}  // namespace millrace
