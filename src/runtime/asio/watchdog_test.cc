#include "runtime/asio/watchdog.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/log.h"
#include "runtime/asio/asio_test_support.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kBegan = 1'000'000'000;
constexpr ProcessPause kNoPause;

Stall stall_of(Duration length, Duration cpu, Duration waited) {
  return {CoreId(1),
          "Produce",
          kBegan,
          kBegan + length.count(),
          {1s + cpu, 2s + waited},
          std::uint64_t(5'000'000'000 + length.count())};
}
// Just before the stall began; nothing ran in between.
constexpr CoreLook kLookBefore{kBegan - 1'000'000, {1s, 2s}, 5'000'000'000};

TEST(Watchdog, ACoreThatWorked) {
  const Stall stall = stall_of(20ms, 18ms, 1ms);
  const StallVerdict verdict = judge(stall, kLookBefore, kNoPause);
  EXPECT_EQ(verdict.cause, StallCause::worked);
  EXPECT_EQ(verdict.share, 18ms);
  EXPECT_EQ(stall_text(stall, verdict),
            "core 1 stalled for 20.0 ms in Produce: it worked for 18.0 ms of it");
}

TEST(Watchdog, ACoreThatWasBlocked) {
  const Stall stall = stall_of(20ms, 1ms, 2ms);
  const StallVerdict verdict = judge(stall, kLookBefore, kNoPause);
  EXPECT_EQ(verdict.cause, StallCause::blocked);
  EXPECT_EQ(stall_text(stall, verdict),
            "core 1 stalled for 20.0 ms in Produce: it waited in the kernel for 17.0 ms of it");
}

TEST(Watchdog, ACoreThatTheMachineDidNotRun) {
  const Stall stall = stall_of(20ms, 2ms, 17ms);
  const StallVerdict verdict = judge(stall, kLookBefore, kNoPause);
  EXPECT_EQ(verdict.cause, StallCause::not_run);
  EXPECT_EQ(stall_text(stall, verdict),
            "core 1 stalled for 20.0 ms in Produce, not by its own doing: it was ready to run and "
            "had no processor for 17.0 ms of it");
}

TEST(Watchdog, AProcessThatTheMachineDidNotRun) {
  const Stall stall = stall_of(500ms, 1ms, 0ms);
  const ProcessPause pause{kBegan + 10'000'000, kBegan + 600'000'000};
  const StallVerdict verdict = judge(stall, kLookBefore, pause);
  EXPECT_EQ(verdict.cause, StallCause::process_paused);
  EXPECT_EQ(verdict.share, 490ms);
  EXPECT_EQ(stall_text(stall, verdict),
            "core 1 stalled for 500.0 ms in Produce, not by its own doing: the machine did not run "
            "the process for 490.0 ms of it");
  // One of another time is none of it.
  EXPECT_EQ(judge(stall, kLookBefore, {kBegan - 900'000'000, kBegan}).cause, StallCause::blocked);
}

// What the turns between the look and the stall used of the processor is not the stall's.
TEST(Watchdog, AnOldLookCountsWhatCameInBetween) {
  CoreLook look = kLookBefore;
  look.at -= 100'000'000;
  Stall stall = stall_of(20ms, 60ms, 0ms);
  stall.busy += 60'000'000;
  EXPECT_EQ(judge(stall, look, kNoPause).cause, StallCause::blocked);
  stall.use.cpu += 20ms;
  EXPECT_EQ(judge(stall, look, kNoPause).cause, StallCause::worked);
}

TEST(Watchdog, ALookWithinTheStallTellsOfTheRest) {
  CoreLook look = kLookBefore;
  look.at = kBegan + 15'000'000;
  const StallVerdict verdict = judge(stall_of(20ms, 4ms, 0ms), look, kNoPause);
  EXPECT_EQ(verdict.cause, StallCause::worked);
  EXPECT_EQ(verdict.share, 4ms);
  look.at = kBegan + 19'500'000;
  EXPECT_EQ(judge(stall_of(20ms, 1ms, 0ms), look, kNoPause).cause, StallCause::unknown);
}

TEST(Watchdog, WithoutALookNothingIsClaimed) {
  const Stall stall = stall_of(20ms, 20ms, 0ms);
  const StallVerdict verdict = judge(stall, CoreLook{}, kNoPause);
  EXPECT_EQ(verdict.cause, StallCause::unknown);
  EXPECT_EQ(stall_text(stall, verdict), "core 1 stalled for 20.0 ms in Produce");
}

// The real thing.

// The machine may stall a core as well: what is counted is a lower bound, and every line is told
// but where that is the question.
constexpr WatchdogLimits kImpatient{.hang = 50ms, .report_interval = 0ms, .idle_interval = 5ms};

class WatchdogRuntimeTest : public testing::Test {
 protected:
  explicit WatchdogRuntimeTest(WatchdogLimits limits = kImpatient)
      : runtime_({.cores = 2, .watchdog = limits}) {}

  // Runs `work` on core 1 so many times, each once every core has had time to be seen idle, and
  // gives what was logged.
  std::string log_of(Work work, int times = 1) {
    testing::internal::CaptureStderr();
    Core& one = runtime_.core(CoreId(1));
    one.post([&] { run_later(work, times); });
    run_with_deadline(runtime_);
    return testing::internal::GetCapturedStderr();
  }
  void run_later(Work& work, int times) {
    Core& one = runtime_.core(CoreId(1));
    one.call_after(20ms, [this, &one, &work, times] {
      one.doing("a test");
      work();
      one.post([this, &work, times] {
        if (times == 1) return runtime_.stop();
        run_later(work, times - 1);
      });
    });
  }
  std::uint64_t stalls(std::uint32_t core) {
    return runtime_.core(CoreId(core)).loop().stalls.count();
  }

  AsioRuntime runtime_;
};

TEST_F(WatchdogRuntimeTest, AStalledCoreIsCountedAndNamed) {
  const std::string log = log_of([] {
    const auto end = std::chrono::steady_clock::now() + 30ms;
    while (std::chrono::steady_clock::now() < end) {
    }
  });
  EXPECT_GE(stalls(1), 1u);
  EXPECT_GE(runtime_.core(CoreId(1)).loop().stalls.sum(), 30ms);
  EXPECT_NE(log.find("core 1 stalled for "), std::string::npos) << log;
  EXPECT_NE(log.find(" in a test"), std::string::npos) << log;
}

TEST_F(WatchdogRuntimeTest, ABlockedCoreIsToldFromOneThatWorks) {
  // Of a stall that began when the watchdog had no processor the cause is not known.
  const std::string log = log_of([] { std::this_thread::sleep_for(100ms); }, 10);
  EXPECT_GE(stalls(1), 1u);
  EXPECT_NE(log.find("it waited in the kernel for "), std::string::npos) << log;
}

TEST_F(WatchdogRuntimeTest, ACoreThatHangsIsNamedWhileItDoes) {
  const std::uint64_t before = log_lines(LogLevel::warning);
  bool told = false;
  const std::string log = log_of([&] {
    const auto deadline = std::chrono::steady_clock::now() + kTestDeadline;
    while (!told && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(1ms);
      told = log_lines(LogLevel::warning) > before;
    }
  });
  EXPECT_TRUE(told);
  EXPECT_NE(log.find("core 1 has been in a test for "), std::string::npos) << log;
  EXPECT_NE(log.find("core 1 stalled for "), std::string::npos) << log;
}

class PatientWatchdogTest : public WatchdogRuntimeTest {
 protected:
  PatientWatchdogTest() : WatchdogRuntimeTest({.idle_interval = 5ms}) {}
};

TEST_F(PatientWatchdogTest, OneLineSpeaksForThoseThatComeSoonAfter) {
  Core& one = runtime_.core(CoreId(1));
  std::function<void(int)> stall = [&](int left) {
    std::this_thread::sleep_for(8ms);
    if (left > 0) one.post([&, left] { stall(left - 1); });
    if (left == 0) one.post([&] { runtime_.stop(); });
  };
  testing::internal::CaptureStderr();
  one.post([&] { stall(4); });
  run_with_deadline(runtime_);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_GE(stalls(1), 5u);
  const std::size_t first = log.find("core 1 stalled");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("core 1 stalled", first + 1), std::string::npos) << log;
}

TEST_F(WatchdogRuntimeTest, TurnsAndTheTimeInThemAreCounted) {
  log_of([] { std::this_thread::sleep_for(2ms); });
  const LoopStats& loop = runtime_.core(CoreId(1)).loop();
  EXPECT_GE(loop.turns.value(), 2u);
  EXPECT_GE(loop.busy.value(), 2'000'000u);
}

}  // namespace
}  // namespace millrace
