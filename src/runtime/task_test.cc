#include "runtime/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sim/sim_runtime.h"

namespace millrace {
namespace {

Task<int> number(int n, bool& started) {
  started = true;
  co_return n;
}

Task<int> sum(bool& started) {
  const int one = co_await number(1, started);
  if (co_await number(2, started) != 2) co_return 0;  // an await inside a condition
  co_return one + co_await number(2, started);
}

class TaskTest : public testing::Test {
 protected:
  SimDisk disk_{1};
  SimRuntime runtime_{{.seed = 1}, disk_};
  Core& core_ = runtime_.core(CoreId(0));
};

TEST_F(TaskTest, IsLazyAndGivesItsValue) {
  bool started = false;
  Task<int> task = sum(started);
  EXPECT_FALSE(started);
  EXPECT_EQ(runtime_.run(core_, std::move(task)), 3);
  EXPECT_TRUE(started);
}

TEST_F(TaskTest, OneThatNeverRunsIsDestroyed) {
  bool started = false;
  {
    Task<int> task = sum(started);
  }
  EXPECT_FALSE(started);
}

Task<std::unique_ptr<std::string>> give(std::unique_ptr<std::string> text) { co_return text; }

TEST_F(TaskTest, CarriesWhatOnlyMoves) {
  auto text = runtime_.run(core_, give(std::make_unique<std::string>("moved")));
  EXPECT_EQ(*text, "moved");
}

Task<int> depth(int levels) {
  if (levels == 0) co_return 0;
  co_return 1 + co_await depth(levels - 1);
}

// By symmetric transfer no level takes stack when it returns; a loop of a million awaits neither.
Task<int> many(int count) {
  int total = 0;
  for (int i = 0; i < count; ++i) total += co_await depth(1);
  co_return total;
}

TEST_F(TaskTest, ManyAwaitsThatCompleteAtOnce) {
  EXPECT_EQ(runtime_.run(core_, many(100'000)), 100'000);
  EXPECT_EQ(runtime_.run(core_, depth(100)), 100);
}

struct Noted {
  std::vector<std::string>& notes;
  std::string name;
  ~Noted() { notes.push_back(name); }
};

Task<void> hold([[maybe_unused]] std::unique_ptr<Noted> parameter, std::vector<std::string>& notes,
                Core& core) {
  Noted local{notes, "local"};
  co_await Yield{core};
  notes.push_back("ran");
}

TEST_F(TaskTest, LocalsAndParametersGoWithTheTask) {
  std::vector<std::string> notes;
  runtime_.run(core_, hold(std::make_unique<Noted>(notes, "parameter"), notes, core_));
  EXPECT_EQ(notes, (std::vector<std::string>{"ran", "local", "parameter"}));
}

}  // namespace
}  // namespace millrace
