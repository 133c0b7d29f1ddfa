// That one seed is one history, that histories do what their names say, and that the checkers see
// what is wrong. scripts/simulate runs more of them.
#include <gtest/gtest.h>

#include <functional>

#include "base/log.h"
#include "simulation/history.h"

namespace millrace::simulation {
namespace {

class SimulationTest : public testing::Test {
 protected:
  SimulationTest() { set_log_level(static_cast<LogLevel>(static_cast<int>(LogLevel::error) + 1)); }
  ~SimulationTest() override { set_log_level(LogLevel::info); }
};

TEST_F(SimulationTest, OneSeedIsOneHistory) {
  for (std::uint64_t seed : {3, 17, 42, 1001}) {
    History first(seed);
    first.run();
    History second(seed);
    second.run();
    EXPECT_TRUE(first.ledger().clean()) << "seed " << seed << ": " << first.ledger().faults()[0];
    EXPECT_EQ(first.trace_hash(), second.trace_hash()) << "seed " << seed;
    EXPECT_EQ(first.tally().steps, second.tally().steps) << "seed " << seed;
    EXPECT_EQ(first.tally().reads, second.tally().reads) << "seed " << seed;
  }
}

TEST_F(SimulationTest, OtherSeedsAreOtherHistories) {
  History first(5);
  first.run();
  History second(6);
  second.run();
  EXPECT_NE(first.trace_hash(), second.trace_hash());
}

// The ledger's checks, each with what it must not let pass.
class LedgerTest : public testing::Test {
 protected:
  LedgerTest() : topic_(ledger_.created("orders", "id-1", 1)) {
    add("exact", Delivery::exactly_once);
    add("once", Delivery::at_most_once);
    add("twice", Delivery::at_least_once);
    add("written", Delivery::on_write);
  }
  Producer& add(const std::string& name, Delivery delivery) {
    Producer& producer = ledger_.producers.emplace_back();
    producer.name = name;
    producer.topic = "orders";
    producer.delivery = delivery;
    producer.next_value = 10;
    return producer;
  }
  Producer& producer(std::size_t number) { return ledger_.producers[number]; }
  std::string exact(std::int64_t number) { return producer(0).value(number); }
  std::string once(std::int64_t number) { return producer(1).value(number); }
  std::string twice(std::int64_t number) { return producer(2).value(number); }
  std::string written(std::int64_t number) { return producer(3).value(number); }

  void expect_fault(const std::string& part) {
    ASSERT_FALSE(ledger_.clean()) << "nothing was found; expected: " << part;
    EXPECT_NE(ledger_.faults()[0].find(part), std::string::npos) << ledger_.faults()[0];
  }
  void check(std::vector<std::string> values, std::int64_t from = 0) {
    ledger_.check_partition(topic_, 0, from, values);
  }

  Ledger ledger_;
  TopicFacts& topic_;
};

TEST_F(LedgerTest, NothingIsWrongWithWhatWasPromised) {
  ledger_.promise(&topic_, producer(0), 0, {0, 2});
  ledger_.promise(&topic_, producer(3), 3, {4, 1});
  check({exact(0), exact(1), once(7), written(4), twice(2), twice(2), exact(2)});
  EXPECT_TRUE(ledger_.clean()) << ledger_.faults()[0];
}

TEST_F(LedgerTest, SeesWhatIsLost) {
  ledger_.promise(&topic_, producer(0), 0, {0, 2});
  check({exact(0)});
  expect_fault("offset 1, the log ends at 1");
}

TEST_F(LedgerTest, SeesWhatWasReadAndIsLost) {
  ledger_.read(topic_, 0, 0, once(1));
  check({});
  expect_fault("offset 0, the log ends at 0");
}

TEST_F(LedgerTest, SeesWhatChanged) {
  ledger_.promise(&topic_, producer(0), 0, {0, 2});
  check({exact(0), exact(2)});
  expect_fault("offset 1 is 'exact-2");
}

TEST_F(LedgerTest, SeesWhatNobodySent) {
  check({exact(0), "exact-1 short"});
  expect_fault("nobody sent 'exact-1 short'");
}

TEST_F(LedgerTest, SeesWhatWasNotSentYet) {
  check({once(10)});
  expect_fault("nobody sent 'once-10");
}

TEST_F(LedgerTest, SeesWhatCameTwice) {
  check({exact(0), exact(1), exact(1)});
  expect_fault("number 1 of exact stands behind its number 1");
}

TEST_F(LedgerTest, SeesAHoleInWhatIsExactlyOnce) {
  check({exact(0), exact(2)});
  expect_fault("number 2 of exact stands behind its number 0");
}

TEST_F(LedgerTest, SeesAMissingBeginning) {
  check({exact(1)});
  expect_fault("exact begins with its number 1");
}

TEST_F(LedgerTest, SeesAnotherOrder) {
  check({once(4), once(3)});
  expect_fault("number 3 of once stands behind its number 4");
}

TEST_F(LedgerTest, WhatIsAnsweredOnWriteIsKeptUntilThePowerGoes) {
  ledger_.promise(&topic_, producer(3), 0, {0, 1});
  ledger_.life_ended(true);
  check({});
  EXPECT_TRUE(ledger_.clean());
  ledger_.promise(&topic_, producer(3), 0, {1, 1});
  ledger_.life_ended(false);
  check({});
  expect_fault("the log ends at 0");
}

TEST_F(LedgerTest, SeesAHighWatermarkThatGoesBack) {
  ledger_.saw_high_watermark(topic_, 0, 0, 5);
  ledger_.saw_high_watermark(topic_, 0, 5, 4);
  expect_fault("went back from 5 to 4");
}

TEST_F(LedgerTest, SeesALogStartThatNobodyAskedFor) {
  ledger_.saw_log_start(topic_, 0, 1);
  expect_fault("begins at 1");
}

TEST_F(LedgerTest, SeesALogStartThatGoesBack) {
  topic_.partitions[0].log_start_asked = 2;
  ledger_.saw_log_start(topic_, 0, 2);
  check({exact(0), exact(1), exact(2)});
  expect_fault("went back from 2 to 0");
}

TEST_F(LedgerTest, SeesALostTopic) {
  ledger_.check_topics({});
  expect_fault("was answered and is lost");
}

TEST_F(LedgerTest, SeesATopicThatIsBack) {
  topic_.doomed = true;
  ledger_.deleted(topic_);
  ledger_.check_topics({{"orders", "id-1", 1}});
  expect_fault("after its deletion was answered");
}

TEST_F(LedgerTest, SeesATopicThatNobodyMade) {
  ledger_.check_topics({{"orders", "id-1", 1}, {"other", "id-2", 1}});
  expect_fault("nobody made it");
}

TEST_F(LedgerTest, ATopicWhoseCreationWasNotAnsweredMayBeThere) {
  ledger_.creation_unanswered("other");
  ledger_.check_topics({{"orders", "id-1", 1}, {"other", "id-2", 1}});
  EXPECT_TRUE(ledger_.clean());
  ledger_.check_topics({{"orders", "id-1", 1}});
  expect_fault("topic other id-2 was answered and is lost");
}

TEST_F(LedgerTest, SeesAPartitionWithTwoOwners) {
  ledger_.assigned("billing", 4, 0, "a");
  ledger_.assigned("billing", 5, 0, "b");
  EXPECT_TRUE(ledger_.clean());
  ledger_.assigned("billing", 5, 0, "a");
  expect_fault("told to be b's and a's");
}

TEST(CommitRegister, GivesWhatWasCommittedLast) {
  CommitRegister commits;
  EXPECT_TRUE(commits.explains(1, -1, 2));
  commits.answered(commits.begin(3, 10), 4);
  EXPECT_TRUE(commits.explains(5, 10, 6));
  EXPECT_FALSE(commits.explains(7, -1, 8)) << "it went back";
  EXPECT_FALSE(commits.explains(9, 11, 10)) << "nobody committed it";
}

TEST(CommitRegister, MayHaveWhatWasNotAnswered) {
  CommitRegister commits;
  commits.answered(commits.begin(1, 10), 2);
  commits.begin(3, 20);
  EXPECT_TRUE(commits.explains(4, 10, 5));
  EXPECT_TRUE(commits.explains(6, 20, 7));
  EXPECT_FALSE(commits.explains(8, 10, 9)) << "20 was read";
}

TEST(CommitRegister, HasNeitherWhatWasRefusedNorWhatIsOld) {
  CommitRegister commits;
  commits.refused(commits.begin(1, 10));
  EXPECT_FALSE(commits.explains(2, 10, 3));
  commits.begin(4, 20);
  commits.life_ended(5);
  commits.answered(commits.begin(6, 5), 7);  // lower, and committed by a client
  EXPECT_TRUE(commits.explains(8, 5, 9));
  EXPECT_FALSE(commits.explains(10, 20, 11)) << "of a life that ended before 5 was sent";
}

TEST(CommitRegister, TwoAtOnceMayEndInEitherOrder) {
  CommitRegister commits;
  auto first = commits.begin(1, 10);
  auto second = commits.begin(2, 20);
  commits.answered(second, 3);
  commits.answered(first, 4);
  CommitRegister same = commits;
  EXPECT_TRUE(commits.explains(5, 10, 6));
  EXPECT_TRUE(same.explains(5, 20, 6));
}

}  // namespace
}  // namespace millrace::simulation
