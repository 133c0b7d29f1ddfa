// Queues on a disk that fails or is full.
#include "broker/queues_test_support.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using test::QueueOptions;
using test::QueuesTest;

class QueuesDiskTest : public QueuesTest {
 protected:
  // After a failure, with what is on the disk.
  void begin_again() {
    sim().stop_requests();
    sim().close(/*failed=*/true);
    sim_.reset();
    disk_->crash(CrashKeeps::nothing);
    start();
  }
  static ValueTable dead_letters_to(const std::string& queue) {
    ValueTable table;
    table.set("x-dead-letter-exchange", Value(""));
    table.set("x-dead-letter-routing-key", Value(queue));
    return table;
  }
};

TEST_F(QueuesDiskTest, nobody_is_told_that_something_was_written_that_was_not) {
  auto orders = declare("orders");
  publish("orders", {"before"});
  run_for(5s);
  disk_->fail_sync(1);
  EXPECT_EQ(try_publish("orders", {"lost?"}).at(0).code, ErrorCode::outcome_unknown);
  EXPECT_NE(try_publish("orders", {"refused"}).at(0).code, ErrorCode::ok);
  // What is durable can be read.
  EXPECT_EQ(bodies_in(orders), Bodies{"before"});
  begin_again();
  Bodies found = bodies_in(find("orders"));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front(), "before");
  EXPECT_LE(found.size(), 2u);
}

// Found here: who asked after the failure was told that all was durable.
TEST_F(QueuesDiskTest, nobody_is_told_that_something_was_settled_that_was_not) {
  for (Verdict verdict : {Verdict::acknowledged, Verdict::rejected}) {
    for (bool has_dead_letters : {false, true}) {
      declare("dead");
      const std::string name = has_dead_letters ? "with" : "without";
      QueueOptions options;
      if (has_dead_letters) options.arguments = dead_letters_to("dead");
      auto orders = declare(name, options);
      publish(name, {"a"});
      auto sink = consume(orders, {}, 1);
      ASSERT_TRUE(until([&] { return sink->count() == 1; }));
      run_for(5s);
      disk_->fail_sync(1);
      settle(orders, *sink, verdict, 1);
      for (int times = 0; times < 2; ++times) {
        auto outcome = settled(orders, 1);
        ASSERT_FALSE(outcome.has_value());
        EXPECT_EQ(outcome.error().code, ErrorCode::outcome_unknown);
      }
      begin_again();
      run_for(3s);
      // It may have been settled all the same; a dead letter is somewhere.
      const std::int64_t left = length(find(name)) + length(find("dead"));
      EXPECT_LE(left, 1);
      if (verdict == Verdict::rejected && has_dead_letters) EXPECT_EQ(left, 1);
      remove("dead");
      remove(name);
    }
  }
}

TEST_F(QueuesDiskTest, after_a_stop_nothing_is_promised) {
  auto orders = declare("orders");
  publish("orders", {"a"});
  auto sink = consume(orders, {}, 1);
  ASSERT_TRUE(until([&] { return sink->count() == 1; }));
  sim().stop_requests();
  EXPECT_EQ(sink->cancelled(), 1);
  settle(orders, *sink, Verdict::acknowledged, 1);
  auto outcome = settled(orders, 1);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::stopping);
  EXPECT_EQ(try_publish("orders", {"b"}).at(0).code, ErrorCode::stopping);
  sim().close();
  sim_.reset();
  start();
  EXPECT_EQ(bodies_in(find("orders")), Bodies{"a"});
}

TEST_F(QueuesDiskTest, a_full_disk_refuses_messages_and_lets_them_go) {
  auto dead = declare("dead");
  auto orders = declare("orders", {.arguments = dead_letters_to("dead")});
  run_for(200ms);
  disk_->set_capacity(disk_->used() + 100'000);
  int taken = 0;
  bool refused = false;
  for (int i = 0; i < 2000 && !refused; ++i) {
    std::string body = fmt::format("{:04000}", i);
    ErrorCode code = try_publish("orders", {body}).at(0).code;
    taken += code == ErrorCode::ok ? 1 : 0;
    refused = code == ErrorCode::storage_full;
  }
  ASSERT_TRUE(refused);
  ASSERT_GT(taken, 10);
  auto sink = consume(orders, {.credit = -1}, 1);
  ASSERT_TRUE(until([&] { return sink->count() >= static_cast<std::size_t>(taken); }));
  settle(orders, sink->holder(), OffsetRange::of(sink->given()[0].offset), Verdict::rejected, 1);
  settle(orders, sink->holder(), {Offset(1), Offset(taken)}, Verdict::acknowledged, 1);
  expect_settled(orders, 1);
  ASSERT_TRUE(until_length(dead, 1));
  EXPECT_TRUE(sim().store().refuses_appends());
  EXPECT_EQ(try_publish("orders", {"b"}).at(0).code, ErrorCode::storage_full);
  disk_->set_capacity(SimDisk::kUnlimited);
  ASSERT_TRUE(until([&] { return !sim().store().refuses_appends(); }, 1min));
  publish("orders", {"b"});
  EXPECT_EQ(bodies_in(dead), Bodies{fmt::format("{:04000}", 0)});
}

}  // namespace
}  // namespace millrace
