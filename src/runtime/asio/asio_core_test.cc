#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <thread>
#include <vector>

#include "runtime/asio/asio_runtime.h"
#include "runtime/asio/asio_test_support.h"

namespace millrace {
namespace {

TEST(AsioCore, TwoCoresPostToEachOther) {
  AsioRuntime runtime({.cores = 2});
  Core& zero = runtime.core(CoreId(0));
  Core& one = runtime.core(CoreId(1));
  constexpr int kRounds = 2000;
  int rounds = 0;
  std::function<void()> ping = [&] {
    EXPECT_TRUE(zero.is_current());
    EXPECT_FALSE(one.is_current());
    if (++rounds == kRounds) return runtime.stop();
    one.post([&] {
      EXPECT_TRUE(one.is_current());
      zero.post([&] { ping(); });
    });
  };
  zero.post([&] { ping(); });
  run_with_deadline(runtime);
  EXPECT_EQ(rounds, kRounds);
}

TEST(AsioCore, PostsOfOneSenderStayInOrder) {
  AsioRuntime runtime({.cores = 2});
  Core& zero = runtime.core(CoreId(0));
  Core& one = runtime.core(CoreId(1));
  constexpr int kEach = 20000;
  std::vector<int> from_thread, from_core, from_itself;
  auto finish_when_all = [&] {
    if (from_thread.size() + from_core.size() + from_itself.size() == 3 * kEach) runtime.stop();
  };
  one.post([&] {
    for (int i = 0; i < kEach; ++i) {
      zero.post([&, i] {
        from_core.push_back(i);
        finish_when_all();
      });
    }
  });
  zero.post([&] {
    for (int i = 0; i < kEach; ++i) {
      zero.post([&, i] {
        from_itself.push_back(i);
        finish_when_all();
      });
    }
  });
  std::thread thread([&] {
    for (int i = 0; i < kEach; ++i) {
      zero.post([&, i] {
        from_thread.push_back(i);
        finish_when_all();
      });
    }
  });
  run_with_deadline(runtime);
  thread.join();
  std::vector<int> expected(kEach);
  for (int i = 0; i < kEach; ++i) expected[i] = i;
  EXPECT_EQ(from_thread, expected);
  EXPECT_EQ(from_core, expected);
  EXPECT_EQ(from_itself, expected);
}

TEST(AsioCore, WorkThatPostsItselfDoesNotStarveTimers) {
  AsioRuntime runtime({.cores = 1});
  Core& core = runtime.core(CoreId(0));
  std::function<void()> busy = [&] { core.post([&] { busy(); }); };
  bool fired = false;
  core.post([&] {
    busy();
    core.call_after(std::chrono::milliseconds(1), [&] {
      fired = true;
      runtime.stop();
    });
  });
  run_with_deadline(runtime);
  EXPECT_TRUE(fired);
}

TEST(AsioCore, TimersFireInOrderOfTimeAndCancelledOnesDoNot) {
  AsioRuntime runtime({.cores = 1});
  Core& core = runtime.core(CoreId(0));
  std::vector<std::string> fired;
  core.post([&] {
    const MonotonicTime base = core.now();
    const auto at = [&](int milliseconds) { return base + milliseconds * 1'000'000L; };
    core.call_at(at(30), [&] {
      fired.push_back("third");
      runtime.stop();
    });
    core.call_at(at(10), [&, earliest = at(10)] {
      EXPECT_GE(core.now(), earliest);
      fired.push_back("first");
    });
    const TimerId cancelled = core.call_at(at(5), [&] { fired.push_back("cancelled"); });
    const TimerId cancelled_late = core.call_at(at(20), [&] { fired.push_back("cancelled late"); });
    core.call_at(at(20), [&] { fired.push_back("second"); });
    core.cancel(cancelled);
    core.call_at(at(15), [&, cancelled_late] { core.cancel(cancelled_late); });
    core.cancel(cancelled);  // a second time is nothing
  });
  run_with_deadline(runtime);
  EXPECT_EQ(fired, (std::vector<std::string>{"first", "second", "third"}));
}

TEST(AsioCore, TimerCancelledByAnotherOfTheSameTurn) {
  AsioRuntime runtime({.cores = 1});
  Core& core = runtime.core(CoreId(0));
  bool cancelled_ran = false;
  core.post([&] {
    const MonotonicTime past = core.now() - 1;
    auto victim = std::make_shared<TimerId>();
    core.call_at(past - 1, [&, victim] { core.cancel(*victim); });
    *victim = core.call_at(past, [&] { cancelled_ran = true; });
    core.call_after(std::chrono::milliseconds(1), [&] { runtime.stop(); });
  });
  run_with_deadline(runtime);
  EXPECT_FALSE(cancelled_ran);
}

Task<void> visit_other_core(AsioRuntime& runtime, std::vector<std::string>& seen) {
  Core& here = runtime.core(CoreId(0));
  Core& there = runtime.core(CoreId(1));
  const bool was_there = co_await call_on(here, there, [&] { return there.is_current(); });
  if (was_there && here.is_current()) seen.push_back("core");
  std::unique_ptr<Worker> worker = runtime.make_worker("test worker");
  const std::thread::id id = co_await call_on(here, *worker, [&] {
    EXPECT_FALSE(here.is_current());
    return std::this_thread::get_id();
  });
  if (id != std::this_thread::get_id() && here.is_current()) seen.push_back("worker");
  const MonotonicTime before = here.now();
  co_await sleep_for(here, std::chrono::milliseconds(3));
  if (here.now() - before >= 3'000'000) seen.push_back("sleep");
  runtime.stop();
}

TEST(AsioCore, CallOnRunsThereAndComesBack) {
  AsioRuntime runtime({.cores = 2});
  std::vector<std::string> seen;
  Core& core = runtime.core(CoreId(0));
  core.post([&] { core.spawn("visit", visit_other_core(runtime, seen)); });
  run_with_deadline(runtime);
  EXPECT_EQ(seen, (std::vector<std::string>{"core", "worker", "sleep"}));
  EXPECT_EQ(core.tasks().inside(), 0u);
}

TEST(AsioCore, WorkerRunsInOrderAndFinishesWhatItHasBeforeItGoes) {
  AsioRuntime runtime({.cores = 1});
  std::vector<int> ran;
  std::vector<int> expected;
  {
    auto worker = runtime.make_worker("a name longer than the kernel keeps");
    for (int i = 0; i < 1000; ++i) {
      expected.push_back(i);
      worker->submit([&, i] { ran.push_back(i); });
    }
  }
  EXPECT_EQ(ran, expected);
}

TEST(AsioCore, StopBeforeRunAndQueuedWorkIsDestroyed) {
  auto owner = std::make_shared<int>(1);
  std::weak_ptr<int> watched = owner;
  {
    AsioRuntime runtime({.cores = 2});
    for (std::uint32_t i = 0; i < 2; ++i) {
      runtime.core(CoreId(i)).post([owner] { FAIL() << "runs after stop()"; });
    }
    owner.reset();
    runtime.stop();
    runtime.run();
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

TEST(AsioCore, StopSignalRunsOnCoreZero) {
  AsioRuntime runtime({.cores = 2});
  Core& core = runtime.core(CoreId(0));
  bool on_core_zero = false;
  runtime.on_stop_signal([&] {
    on_core_zero = core.is_current();
    runtime.stop();
  });
  runtime.core(CoreId(1)).post([] { std::raise(SIGTERM); });
  run_with_deadline(runtime);
  EXPECT_TRUE(on_core_zero);
}

TEST(AsioCore, RandomDiffersBetweenCores) {
  AsioRuntime runtime({.cores = 2});
  EXPECT_NE(runtime.core(CoreId(0)).random(), runtime.core(CoreId(1)).random());
}

}  // namespace
}  // namespace millrace
