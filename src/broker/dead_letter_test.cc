// Dead letters: what is told of a death, and that each message arrives once, whatever happens on
// the way.
#include "broker/dead_letter.h"

#include <set>

#include "base/value_fields.h"
#include "broker/queues_test_support.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using test::QueuesTest;

std::string text_at(const ValueTable& table, std::string_view key) {
  const Value* value = table.find(key);
  return value && value->as_text() ? *value->as_text() : "nothing";
}
const ValueTable& death(const ValueTable& deaths, std::size_t index) {
  return *deaths.find("x-death")->as_array()->at(index).as_table();
}
std::size_t death_count(const ValueTable& deaths) {
  return deaths.find("x-death")->as_array()->size();
}

const Death kExpiredInA{"a", RemovalReason::expired, WallMs(5999), "shop", {"paid"}};
const Death kRejectedInB{"b", RemovalReason::rejected, WallMs(9000), "", {"b"}};

TEST(Deaths, the_first_tells_where_and_why) {
  ValueTable deaths = add_death({}, kExpiredInA);
  ASSERT_EQ(death_count(deaths), 1u);
  const ValueTable& first = death(deaths, 0);
  EXPECT_EQ(first.find("count")->as_integer(), 1);
  EXPECT_EQ(text_at(first, "reason"), "expired");
  EXPECT_EQ(text_at(first, "queue"), "a");
  EXPECT_EQ(text_at(first, "exchange"), "shop");
  EXPECT_EQ(*first.find("routing-keys"), Value(ValueArray{Value("paid")}));
  EXPECT_EQ(*first.find("time"), Value(TimestampSeconds{5}));
  for (const char* which : {"first", "last"}) {
    EXPECT_EQ(text_at(deaths, fmt::format("x-{}-death-reason", which)), "expired");
    EXPECT_EQ(text_at(deaths, fmt::format("x-{}-death-queue", which)), "a");
    EXPECT_EQ(text_at(deaths, fmt::format("x-{}-death-exchange", which)), "shop");
  }
}

TEST(Deaths, a_repeated_one_is_counted_and_comes_first) {
  ValueTable deaths = add_death(add_death({}, kExpiredInA), kRejectedInB);
  ASSERT_EQ(death_count(deaths), 2u);
  EXPECT_EQ(text_at(death(deaths, 0), "queue"), "b");
  EXPECT_EQ(text_at(death(deaths, 1), "queue"), "a");
  EXPECT_EQ(text_at(deaths, "x-first-death-queue"), "a");
  EXPECT_EQ(text_at(deaths, "x-last-death-queue"), "b");
  deaths = add_death(deaths, kExpiredInA);
  ASSERT_EQ(death_count(deaths), 2u);
  EXPECT_EQ(text_at(death(deaths, 0), "queue"), "a");
  EXPECT_EQ(death(deaths, 0).find("count")->as_integer(), 2);
  EXPECT_EQ(death(deaths, 1).find("count")->as_integer(), 1);
  EXPECT_EQ(text_at(deaths, "x-last-death-queue"), "a");
  Death other = kExpiredInA;
  other.reason = RemovalReason::max_length;
  deaths = add_death(deaths, other);
  EXPECT_EQ(death_count(deaths), 3u);
}

TEST(Deaths, what_is_no_list_of_deaths_is_begun_anew) {
  ValueTable strange;
  strange.set("x-death", Value("text"));
  EXPECT_EQ(death_count(add_death(strange, kExpiredInA)), 1u);
  ValueTable half;
  half.set("x-death", Value(ValueArray{Value(7), Value(ValueTable{{"queue", Value("a")}})}));
  EXPECT_EQ(death_count(add_death(half, kExpiredInA)), 3u);
  EXPECT_TRUE(is_circle(half, "a"));
  EXPECT_FALSE(is_circle(strange, "a"));
}

TEST(Deaths, a_circle_is_one_in_which_nobody_rejected) {
  ValueTable deaths = add_death({}, kExpiredInA);
  EXPECT_TRUE(is_circle(deaths, "a"));
  EXPECT_FALSE(is_circle(deaths, "b"));
  EXPECT_FALSE(is_circle({}, "a"));
  Death expired_in_b = kRejectedInB;
  expired_in_b.reason = RemovalReason::expired;
  EXPECT_TRUE(is_circle(add_death(deaths, expired_in_b), "a"));
  EXPECT_FALSE(is_circle(add_death(deaths, kRejectedInB), "a"));
}

class DeadLetterTest : public QueuesTest {
 protected:
  // Dead letters of it go to `exchange`, under `key`.
  static ValueTable to(const std::string& exchange, const std::string& key = "") {
    ValueTable table;
    table.set("x-dead-letter-exchange", Value(exchange));
    if (!key.empty()) table.set("x-dead-letter-routing-key", Value(key));
    return table;
  }
  static ValueTable with(ValueTable table, std::string_view name, std::int64_t value) {
    table.set(name, Value(value));
    return table;
  }
  std::vector<ValueTable> deaths_in(const QueueRef& queue) {
    std::vector<ValueTable> all;
    auto seen = run(queues().peek(queue->id, 1000));
    EXPECT_TRUE(seen.has_value());
    for (const Delivery& each : *seen) {
      ValueTable deaths;
      EXPECT_TRUE(read_value_table(each.message->fields.deaths, deaths));
      all.push_back(std::move(deaths));
    }
    return all;
  }
  void reject_all(const QueueRef& queue, std::size_t count) {
    auto sink = consume(queue, {}, 1);
    ASSERT_TRUE(until([&] { return sink->count() == count; }));
    settle(queue, *sink, Verdict::rejected, 1);
    expect_settled(queue, 1);
    release(queue, sink->holder(), 1);
  }
  // Two targets that are on other cores than the queue and each other.
  void declare_fan(const ValueTable& more = {}) {
    declare_exchange("dlx", "fanout");
    ValueTable table = to("dlx");
    for (const auto& [name, value] : more.entries()) table.set(name, value);
    auto orders = declare("orders", {.arguments = table});
    std::set<CoreId> cores{core_of(orders)};
    for (int i = 0; cores.size() < kCores; ++i) {
      auto queue = declare(fmt::format("candidate{}", i));
      if (!cores.insert(core_of(queue)).second) continue;
      bind("dlx", queue->name);
      fan_.push_back(queue->name);
    }
  }
  CoreId core_of(const QueueRef& queue) {
    return sim().broker().owner(queue->partition.shard).id();
  }
  // Each of them is in the queue, or in each of the targets.
  void expect_each_once(Bodies all) {
    Bodies kept = bodies_in(find("orders"));
    std::ranges::sort(all);
    for (const std::string& name : fan_) {
      Bodies both = bodies_in(find(name));
      both.insert(both.end(), kept.begin(), kept.end());
      std::ranges::sort(both);
      EXPECT_EQ(both, all) << name;
    }
  }

  std::vector<std::string> fan_;
};

TEST_F(DeadLetterTest, a_rejected_message_goes_to_the_exchange_with_its_story) {
  declare_exchange("dlx", "topic");
  auto dead = declare("dead");
  bind("dlx", "dead", "eu.*");
  declare_exchange("shop", "topic");
  auto orders = declare("orders", {.arguments = to("dlx")});
  bind("shop", "orders", "#");
  publish("eu.paid", {"a", "b"}, {.exchange = "shop"});
  publish("us.paid", {"c"}, {.exchange = "shop"});
  reject_all(orders, 3);
  ASSERT_TRUE(until_length(dead, 2));
  EXPECT_EQ(bodies_in(dead), (Bodies{"a", "b"}));
  EXPECT_EQ(length(orders), 0);
  for (const ValueTable& deaths : deaths_in(dead)) {
    EXPECT_EQ(text_at(death(deaths, 0), "reason"), "rejected");
    EXPECT_EQ(text_at(death(deaths, 0), "queue"), "orders");
    EXPECT_EQ(text_at(death(deaths, 0), "exchange"), "shop");
    EXPECT_EQ(*death(deaths, 0).find("routing-keys"), Value(ValueArray{Value("eu.paid")}));
  }
  const CursorCounters counters = figures(orders).counters;
  EXPECT_EQ(counters.dead_lettered, 2);
  EXPECT_EQ(counters.dropped, 1);
}

TEST_F(DeadLetterTest, expiry_length_and_failures_kill_too) {
  auto dead = declare("dead");
  auto brief = declare("brief", {.arguments = with(to("", "dead"), "x-message-ttl", 1000)});
  publish("brief", {"expired"});
  ASSERT_TRUE(until_length(dead, 1));
  EXPECT_EQ(text_at(death(deaths_in(dead).at(0), 0), "reason"), "expired");

  auto narrow = declare("narrow", {.arguments = with(to("", "dead"), "x-max-length", 2)});
  publish("narrow", {"too many", "b", "c"});
  ASSERT_TRUE(until_length(dead, 2));
  EXPECT_EQ(text_at(death(deaths_in(dead).at(1), 0), "reason"), "maxlen");
  EXPECT_EQ(bodies_in(narrow), (Bodies{"b", "c"}));

  auto limited = declare("limited", {.arguments = with(to("", "dead"), "x-delivery-limit", 2)});
  publish("limited", {"poison"});
  auto sink = consume(limited);
  for (std::size_t times = 1; times <= 3; ++times) {
    ASSERT_TRUE(until([&] { return sink->count() == times; }));
    EXPECT_EQ(sink->given().back().before.failed, times - 1);
    settle(limited, sink->holder(), OffsetRange::of(sink->given().back().offset),
           Verdict::requeued_failed);
  }
  ASSERT_TRUE(until_length(dead, 3));
  EXPECT_EQ(text_at(death(deaths_in(dead).at(2), 0), "reason"), "delivery_limit");
  EXPECT_EQ(bodies_in(dead), (Bodies{"expired", "too many", "poison"}));
  EXPECT_EQ(sink->count(), 3u);
}

TEST_F(DeadLetterTest, many_large_ones_go_in_parts) {
  declare_fan();
  auto orders = find("orders");
  Bodies all = numbered(std::string(20'000, 'x'), 60);
  for (const std::string& body : all) publish("orders", {body});
  reject_all(orders, 60);
  for (const std::string& name : fan_) {
    ASSERT_TRUE(until_length(find(name), 60));
    EXPECT_EQ(bodies_in(find(name)), all);
  }
}

TEST_F(DeadLetterTest, without_an_exchange_or_a_way_they_are_dropped) {
  auto missing = declare("missing", {.arguments = to("no such exchange")});
  declare_exchange("nowhere", "fanout");
  auto lost = declare("lost", {.arguments = to("nowhere")});
  for (const auto& queue : {missing, lost}) {
    publish(queue->name, numbered("a", 3));
    reject_all(queue, 3);
    EXPECT_EQ(length(queue), 0);
    EXPECT_EQ(figures(queue).counters.dropped, 3);
  }
}

TEST_F(DeadLetterTest, a_circle_ends_unless_somebody_rejects) {
  auto one = declare("one", {.arguments = with(to("", "two"), "x-message-ttl", 1000)});
  auto two = declare("two", {.arguments = with(to("", "one"), "x-message-ttl", 1000)});
  publish("one", {"a"});
  ASSERT_TRUE(until_length(two, 1));
  run_for(10s);
  EXPECT_EQ(length(one) + length(two), 0);
  EXPECT_EQ(figures(two).counters.dropped, 1);
  // Rejected: round and round.
  auto self = declare("self", {.arguments = to("", "self")});
  publish("self", {"b"});
  for (int round = 1; round <= 3; ++round) {
    reject_all(self, 1);
    ASSERT_TRUE(until_length(self, 1));
    EXPECT_EQ(death(deaths_in(self).at(0), 0).find("count")->as_integer(), round);
  }
}

TEST_F(DeadLetterTest, a_target_may_go_meanwhile) {
  for (int steps = 0; steps < 60; steps += 6) {
    auto dead = declare("dead");
    auto orders = declare("orders", {.arguments = to("", "dead")});
    publish("orders", numbered("a", 5));
    auto sink = consume(orders);
    ASSERT_TRUE(until([&] { return sink->count() == 5; }));
    settle(orders, *sink, Verdict::rejected);
    for (int i = 0; i < steps; ++i) sim().runtime().step();
    remove("dead");
    expect_settled(orders);
    run_for(3s);
    EXPECT_EQ(figures(orders).in_flight, 0);
    EXPECT_EQ(length(orders), 0);
    // It goes on.
    dead = declare("dead");
    publish("orders", {"b"});
    ASSERT_TRUE(until([&] { return sink->count() == 6; }));
    settle(orders, sink->holder(), OffsetRange::of(sink->given().back().offset), Verdict::rejected);
    ASSERT_TRUE(until_length(dead, 1));
    remove("orders");
    remove("dead");
  }
}

// Found here: those behind it waited for it for ever.
TEST_F(DeadLetterTest, one_may_be_deleted_on_its_way) {
  std::set<std::size_t> arrivals;
  for (int steps = 0; steps < 100; steps += 4) {
    auto dead = declare("dead");
    auto orders = declare("orders", {.arguments = to("", "dead")});
    publish("orders", numbered("a", 5));
    auto sink = consume(orders);
    ASSERT_TRUE(until([&] { return sink->count() == 5; }));
    settle(orders, *sink, Verdict::rejected);
    release(orders, sink->holder());
    for (int i = 0; i < steps; ++i) sim().runtime().step();
    auto topic = core().image().find(orders->topic);
    ASSERT_TRUE(run(core().delete_records(topic, 0, Offset(3))).has_value());
    run_for(3s);
    Bodies arrived = bodies_in(dead);
    arrivals.insert(arrived.size());
    const Bodies all = numbered("a", 5);
    EXPECT_TRUE(std::ranges::includes(all, arrived));
    EXPECT_GE(arrived.size(), 2u);
    publish("orders", {"b"});
    reject_all(orders, 1);
    ASSERT_TRUE(until_length(dead, static_cast<std::int64_t>(arrived.size()) + 1));
    EXPECT_EQ(bodies_in(dead).back(), "b");
    EXPECT_EQ(figures(orders).in_flight, 0);
    remove("orders");
    remove("dead");
  }
  // Too late for some, and in time for others.
  EXPECT_TRUE(arrivals.contains(2));
  EXPECT_TRUE(arrivals.contains(5));
}

TEST_F(DeadLetterTest, the_queue_may_go_while_they_are_on_their_way) {
  declare("dead");
  for (int steps = 0; steps < 60; steps += 6) {
    auto orders = declare("orders", {.arguments = to("", "dead")});
    publish("orders", numbered("a", 5));
    auto sink = consume(orders);
    ASSERT_TRUE(until([&] { return sink->count() == 5; }));
    settle(orders, *sink, Verdict::rejected);
    for (int i = 0; i < steps; ++i) sim().runtime().step();
    remove("orders");
    EXPECT_EQ(sink->cancelled(), 1);
  }
}

// Found here: transfers went on before the cores knew all queues, and their targets seemed to be
// gone.
TEST_F(DeadLetterTest, each_arrives_once_wherever_the_power_goes) {
  declare_fan();
  const Bodies all = numbered("a", 6);
  publish("orders", all);
  bool rejected = false;
  cut_everywhere<bool>(
      [&] {
        auto orders = find("orders");
        auto sink = consume(orders);
        ASSERT_TRUE(until([&] { return sink->count() == 6; }));
        settle(orders, sink->holder(), {sink->given()[0].offset, sink->given()[4].offset},
               Verdict::rejected);
        settle(orders, sink->holder(), {sink->given()[4].offset, sink->given()[5].offset + 1},
               Verdict::rejected);
        expect_settled(orders);
        rejected = true;
        for (const std::string& name : fan_) ASSERT_TRUE(until_length(find(name), 6));
        run_for(2s);
      },
      [&] { return rejected; },
      [&](const bool& was_rejected) {
        run_for(3s);
        if (was_rejected) EXPECT_EQ(length(find("orders")), 0);
        EXPECT_EQ(figures(find("orders")).in_flight, 0);
        expect_each_once(all);
      });
}

TEST_F(DeadLetterTest, what_expires_arrives_once_wherever_the_power_goes) {
  declare_fan(arguments({{"x-message-ttl", Value(std::int64_t{2000})}}));
  const Bodies all = numbered("a", 4);
  publish("orders", all);
  cut_everywhere<int>(
      [&] {
        for (const std::string& name : fan_) ASSERT_TRUE(until_length(find(name), 4));
      },
      [] { return 0; },
      [&](const int&) {
        // The clock begins again.
        run_for(30s);
        EXPECT_EQ(length(find("orders")), 0);
        expect_each_once(all);
      });
}

TEST_F(DeadLetterTest, what_failed_too_often_arrives_once_wherever_the_power_goes) {
  declare_fan(arguments({{"x-delivery-limit", Value(std::int64_t{0})}}));
  const Bodies all = numbered("a", 4);
  publish("orders", all);
  bool failed = false;
  cut_everywhere<bool>(
      [&] {
        auto orders = find("orders");
        auto sink = consume(orders, {.credit = 4});
        ASSERT_TRUE(until([&] { return sink->count() == 4; }));
        settle(orders, *sink, Verdict::requeued_failed);
        expect_settled(orders);
        failed = true;
        for (const std::string& name : fan_) ASSERT_TRUE(until_length(find(name), 4));
      },
      [&] { return failed; },
      [&](const bool& had_failed) {
        run_for(3s);
        if (had_failed) EXPECT_EQ(length(find("orders")), 0);
        expect_each_once(all);
      });
}

}  // namespace
}  // namespace millrace
