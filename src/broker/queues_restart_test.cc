// What a restart, a kill and a power cut leave of queues: everything that was promised, and nothing
// that was promised to be gone.
#include <set>

#include "broker/queues_test_support.h"
#include "catalog/ids.h"
#include "machine/host.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using test::QueuesTest;
using test::TestSink;

Task<Result<std::size_t>> count_cursors(CoreStore* store, PartitionId log) {
  CursorHost host(*store, log, CursorMachine());
  auto replayed = co_await host.replay();
  if (!replayed) co_return std::unexpected(replayed.error());
  co_return host.machine().cursor_count();
}

class QueuesRestartTest : public QueuesTest {
 protected:
  void cut_now(CrashKeeps keeps) {
    auto disk = disk_->copy();
    stop();
    disk_ = std::move(disk);
    disk_->crash(keeps);
    start();
  }
  // In the cursors' logs as they stand on the disk.
  std::size_t cursors_on_disk() {
    auto disk = disk_->copy();
    disk->crash(CrashKeeps::everything);
    SimRuntime runtime({.seed = 1, .cores = 1}, *disk);
    auto store = Store::open(runtime, test::kSimDirectory, storage_);
    EXPECT_TRUE(store.has_value());
    std::size_t count = 0;
    for (PartitionId id : (*store)->unclaimed()) {
      if (!is_cursor_log(id)) continue;
      auto counted =
          runtime.run(runtime.core(CoreId(0)), count_cursors(&(*store)->core(CoreId(0)), id));
      EXPECT_TRUE(counted.has_value());
      count += counted.value_or(0);
    }
    (void)runtime.run(runtime.core(CoreId(0)), (*store)->close());
    runtime.run_until_idle(1min);
    return count;
  }
  Offset log_start(const QueueRef& queue) {
    auto topic = core().image().find(queue->topic);
    auto start = run(core().delete_records(topic, 0, Offset(0)));
    EXPECT_TRUE(start.has_value());
    return start.value_or(Offset(-1));
  }
};

TEST_F(QueuesRestartTest, the_topology_is_as_it_was_without_what_is_temporary) {
  for (int round = 0; round < 3; ++round) {
    auto orders = declare("orders");
    declare("mine", {.exclusive = true});
    declare("brief", {.durable = false});
    declare_exchange("shop", "topic");
    declare_exchange("passing", "fanout", false);
    bind("shop", "orders", "eu.*");
    bind("shop", "brief", "#");
    bind("passing", "orders");
    publish("mine", {"lost"});
    if (round == 0) restart();
    if (round == 1) cut_now(CrashKeeps::nothing);
    if (round == 2) cut_now(CrashKeeps::everything);
    for (std::size_t from = 0; from < kCores; ++from) {
      ASSERT_TRUE(find("orders", from));
      EXPECT_EQ(find("orders", from)->id, orders->id);
      EXPECT_FALSE(find("mine", from));
      EXPECT_FALSE(find("brief", from));
      EXPECT_TRUE(queues(from).find_exchange(kDefaultTenant, "shop"));
      EXPECT_FALSE(queues(from).find_exchange(kDefaultTenant, "passing"));
      publish("eu.paid", {fmt::format("{} {}", round, from)}, {.exchange = "shop", .from = from});
      publish("us.paid", {"nowhere"}, {.exchange = "shop", .from = from});
    }
    EXPECT_EQ(length(find("orders")), 3 * (round + 1));
    EXPECT_EQ(core().image().by_id.size(), 1u);
    run_for(2s);
    EXPECT_EQ(cursors_on_disk(), 1u);
  }
}

TEST_F(QueuesRestartTest, what_was_acknowledged_last_is_kept_over_a_clean_stop) {
  auto orders = declare("orders");
  publish("orders", numbered("a", 3));
  auto sink = consume(orders);
  ASSERT_TRUE(until([&] { return sink->count() == 3; }));
  settle(orders, *sink, Verdict::acknowledged);
  ASSERT_TRUE(until([&] { return figures(orders).in_flight == 0; }));  // told, and no more
  restart();
  EXPECT_EQ(length(find("orders")), 0);
}

TEST_F(QueuesRestartTest, what_was_confirmed_is_there_after_every_cut) {
  declare("orders");
  int confirmed = 0;
  cut_everywhere<int>(
      [&] {
        for (int i = 0; i < 12; ++i) {
          publish("orders", numbered("a", 1, i), {.from = static_cast<std::size_t>(i)});
          confirmed = i + 1;
        }
      },
      [&] { return confirmed; },
      [&](const int& promised) {
        Bodies found = bodies_in(find("orders"));
        ASSERT_GE(found.size(), static_cast<std::size_t>(promised));
        EXPECT_EQ(found, numbered("a", static_cast<int>(found.size())));
        auto sink = consume(find("orders"));
        ASSERT_TRUE(until([&] { return sink->count() == found.size(); }));
        EXPECT_EQ(sink->bodies(), found);
      });
}

TEST_F(QueuesRestartTest, what_was_settled_never_comes_back) {
  declare("orders");
  publish("orders", numbered("a", 20));
  int settled_count = 0;
  int given = 0;
  cut_everywhere<std::pair<int, int>>(
      [&] {
        auto orders = find("orders");
        auto sink = consume(orders, {.credit = 4}, 1);
        for (int i = 0; i < 10; ++i) {
          const auto at = static_cast<std::size_t>(i);
          ASSERT_TRUE(until([&] { return sink->count() > at; }));
          given = static_cast<int>(sink->count());
          settle(orders, sink->holder(), OffsetRange::of(sink->given()[at].offset),
                 Verdict::acknowledged, 1);
          expect_settled(orders, 1);
          settled_count = i + 1;
          grant(orders, *sink, 1, 1);
        }
      },
      [&] { return std::pair(settled_count, given); },
      [&](const std::pair<int, int>& known) {
        auto orders = find("orders");
        const auto counters = figures(orders).counters;
        EXPECT_GE(counters.acknowledged, known.first);
        EXPECT_LE(counters.acknowledged, known.first + 1);
        const int first = static_cast<int>(counters.acknowledged);
        EXPECT_EQ(bodies_in(orders), numbered("a", 20 - first, first));
        // The credit is all that can be thought to have been delivered.
        auto sink = consume(orders);
        ASSERT_TRUE(until([&] { return sink->count() == static_cast<std::size_t>(20 - first); }));
        for (const TestSink::Given& each : sink->given()) {
          if (each.offset >= Offset(known.second + 8)) EXPECT_FALSE(each.redelivered);
        }
      });
}

TEST_F(QueuesRestartTest, what_was_given_and_not_settled_is_marked) {
  for (CrashKeeps keeps : {CrashKeeps::nothing, CrashKeeps::everything}) {
    const std::string name = fmt::format("orders{}", static_cast<int>(keeps));
    auto orders = declare(name);
    publish(name, numbered("a", 40));
    auto sink = consume(orders, {.credit = 10}, 2);
    ASSERT_TRUE(until([&] { return sink->count() == 10; }));
    run_for(1s);
    cut_now(keeps);
    orders = find(name);
    EXPECT_EQ(length(orders), 40);
    auto again = consume(orders, {.credit = -1});
    ASSERT_TRUE(until([&] { return again->count() == 40; }));
    EXPECT_EQ(again->bodies(), numbered("a", 40));
    for (std::size_t i = 0; i < 10; ++i) EXPECT_TRUE(again->given()[i].redelivered) << i;
    for (std::size_t i = 30; i < 40; ++i) {
      EXPECT_FALSE(again->given()[i].redelivered) << i;
    }
  }
}

TEST_F(QueuesRestartTest, a_queue_can_be_used_wherever_its_declaration_was_cut) {
  int known = 0;
  cut_everywhere<int>(
      [&] {
        declare("orders");
        known = 1;
        publish("orders", {"a"});
        known = 2;
      },
      [&] { return known; },
      [&](const int& promised) {
        if (promised > 0) ASSERT_TRUE(find("orders"));
        auto orders = declare("orders");
        ASSERT_TRUE(orders);
        publish("orders", {"b"});
        Bodies found = bodies_in(orders);
        if (promised == 2) EXPECT_EQ(found, (Bodies{"a", "b"}));
        ASSERT_FALSE(found.empty());
        auto sink = consume(orders, {}, 1);
        ASSERT_TRUE(until([&] { return sink->count() == found.size(); }));
        settle(orders, *sink, Verdict::acknowledged, 1);
        expect_settled(orders, 1);
        restart();
        EXPECT_EQ(length(find("orders")), 0);
        EXPECT_EQ(cursors_on_disk(), 1u);
      });
}

// Found here: the cursor of a queue whose deletion was cut short stayed for ever.
TEST_F(QueuesRestartTest, nothing_is_left_of_a_queue_wherever_its_deletion_was_cut) {
  auto old = declare("orders");
  publish("orders", {"old"});
  bool removed = false;
  cut_everywhere<bool>(
      [&] {
        remove("orders");
        removed = true;
        declare("orders");
        publish("orders", {"new"});
        run_for(2s);
      },
      [&] { return removed; },
      [&](const bool& was_removed) {
        auto found = find("orders");
        if (was_removed && found) EXPECT_NE(found->id, old->id);
        if (found) {
          Bodies bodies = bodies_in(found);
          EXPECT_LE(bodies.size(), 1u);
          if (found->id == old->id) EXPECT_EQ(bodies, Bodies{"old"});
          if (found->id != old->id && !bodies.empty()) EXPECT_EQ(bodies, Bodies{"new"});
        }
        run_for(2s);
        EXPECT_EQ(cursors_on_disk(), found ? 1u : 0u);
      });
}

TEST_F(QueuesRestartTest, the_log_goes_as_far_as_it_is_done) {
  auto orders = declare("orders");
  for (int i = 0; i < 10; ++i) publish("orders", numbered("a", 10, i * 10));
  auto sink = consume(orders, {}, 1);
  ASSERT_TRUE(until([&] { return sink->count() == 100; }));
  // A straggler keeps what is behind it.
  settle(orders, sink->holder(), {Offset(0), Offset(30)}, Verdict::acknowledged, 1);
  settle(orders, sink->holder(), {Offset(31), Offset(100)}, Verdict::acknowledged, 1);
  expect_settled(orders, 1);
  run_for(3s);
  EXPECT_EQ(log_start(orders), Offset(30));
  cut_now(CrashKeeps::nothing);
  orders = find("orders");
  EXPECT_EQ(bodies_in(orders), (Bodies{"a30"}));
  sink = consume(orders, {}, 2);
  ASSERT_TRUE(until([&] { return sink->count() == 1; }));
  EXPECT_TRUE(sink->given()[0].redelivered);
  settle(orders, *sink, Verdict::acknowledged, 2);
  expect_settled(orders, 2);
  run_for(3s);
  EXPECT_EQ(log_start(orders), Offset(100));
  for (CrashKeeps keeps : {CrashKeeps::nothing, CrashKeeps::everything}) {
    cut_now(keeps);
    EXPECT_EQ(length(find("orders")), 0);
    EXPECT_EQ(log_start(find("orders")), Offset(100));
  }
  publish("orders", {"b"});
  EXPECT_EQ(bodies_in(find("orders")), (Bodies{"b"}));
}

}  // namespace
}  // namespace millrace
