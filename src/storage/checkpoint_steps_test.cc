// Where there are very many partitions a checkpoint takes a few at a time, so that no core is held
// up.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "storage/store_test_support.h"

namespace millrace::test {
namespace {

using CheckpointStepsTest = StoreTest;

// Counts how many logs are asked in one turn of a core.
class TurnObserver : public LogObserver {
 public:
  explicit TurnObserver(const std::size_t& turn) : turn_(turn) {}
  void high_watermark_moved() override {}
  void append_failed(const Error&) override {}
  Blob annotation() const override {
    asked_in_turn_ = std::exchange(asked_at_, turn_) == turn_ ? asked_in_turn_ + 1 : 1;
    most_ = std::max(most_, asked_in_turn_);
    ++asked_;
    return {};
  }
  std::size_t asked() const { return asked_; }
  std::size_t most() const { return most_; }

 private:
  const std::size_t& turn_;
  mutable std::size_t asked_at_ = 0;
  mutable std::size_t asked_in_turn_ = 0;
  mutable std::size_t most_ = 0;
  mutable std::size_t asked_ = 0;
};

TEST_F(CheckpointStepsTest, a_checkpoint_of_many_partitions_takes_them_in_steps) {
  constexpr std::uint64_t kPartitions = 1000;
  std::size_t turn = 1;
  TurnObserver observer(turn);
  auto broker = start();
  for (std::uint64_t i = 0; i < kPartitions; ++i) {
    broker->append(PartitionId(100 + i), 1, 40);
    if (i % 100 == 0) ASSERT_TRUE(broker->settle());
  }
  ASSERT_TRUE(broker->settle());
  for (std::uint64_t i = 0; i < kPartitions; ++i) {
    broker->log(PartitionId(100 + i)).observe(&observer);
  }
  Core& home = broker->runtime().core(CoreId(0));
  std::optional<Result<void>> outcome;
  auto checkpoint = start_on(home, home, broker->store().checkpoint(Store::Extent::everything));
  auto wait = [](Future<Result<void>> done, std::optional<Result<void>>* to) -> Task<void> {
    *to = co_await std::move(done);
  };
  home.post([&] { home.spawn("wait", wait(std::move(checkpoint), &outcome)); });
  while (!outcome && broker->runtime().step()) ++turn;
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(observer.asked(), kPartitions);
  EXPECT_LE(observer.most(), 100u);
  ASSERT_TRUE(broker->close());
}

}  // namespace
}  // namespace millrace::test
