// What bounds a queue and its messages: time, length, use. And what others than message-wise
// protocols do to its log.
#include "broker/queues_test_support.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using test::QueueOptions;
using test::QueuesTest;

class QueueLimitsTest : public QueuesTest {
 protected:
  static QueueOptions with(std::string_view name, std::int64_t value) {
    QueueOptions options;
    options.arguments.set(name, Value(value));
    return options;
  }
  Offset produce(const QueueRef& queue, Bytes batch) {
    std::vector<ProduceItem> items;
    items.push_back({core().image().find(queue->topic), 0, std::move(batch)});
    auto results = run(core().produce(std::move(items), AckLevel::durable));
    EXPECT_EQ(results.at(0).error.code, ErrorCode::ok) << results.at(0).error.message();
    return results.at(0).base_offset;
  }
  void delete_records(const QueueRef& queue, Offset before) {
    auto start = run(core().delete_records(core().image().find(queue->topic), 0, before));
    ASSERT_TRUE(start.has_value()) << start.error().message();
    EXPECT_EQ(*start, before);
  }
};

TEST_F(QueueLimitsTest, messages_go_when_the_time_of_the_queue_is_over) {
  auto queue = declare("orders", with("x-message-ttl", 10'000));
  publish("orders", {"a"});
  run_for(5s);
  publish("orders", {"b"});
  run_for(4s);
  EXPECT_EQ(bodies_in(queue), (Bodies{"a", "b"}));
  run_for(2s);
  EXPECT_EQ(bodies_in(queue), (Bodies{"b"}));
  run_for(5s);
  EXPECT_EQ(length(queue), 0);
  EXPECT_EQ(figures(queue).counters.expired, 2);
}

TEST_F(QueueLimitsTest, a_message_goes_when_its_own_time_or_that_of_the_queue_is_over) {
  auto queue = declare("orders", with("x-message-ttl", 10'000));
  auto plain = declare("plain");
  for (const char* name : {"orders", "plain"}) {
    publish(name, {"brief"}, {.ttl_ms = 3000});
    publish(name, {"long"}, {.ttl_ms = 60'000});
  }
  publish("plain", {"for ever"});
  run_for(4s);
  EXPECT_EQ(bodies_in(queue), (Bodies{"long"}));
  EXPECT_EQ(bodies_in(plain), (Bodies{"long", "for ever"}));
  run_for(7s);
  EXPECT_EQ(length(queue), 0);
  EXPECT_EQ(length(plain), 2);
  run_for(60s);
  EXPECT_EQ(bodies_in(plain), (Bodies{"for ever"}));
}

TEST_F(QueueLimitsTest, what_lives_for_no_time_needs_somebody_who_waits) {
  auto queue = declare("orders", with("x-message-ttl", 0));
  publish("orders", {"nobody waits"});
  ASSERT_TRUE(until_length(queue, 0));
  auto sink = consume(queue, {.credit = 1}, 1);
  publish("orders", {"a"});
  ASSERT_TRUE(until([&] { return sink->count() == 1; }));
  publish("orders", {"no credit"});
  run_for(1s);
  grant(queue, *sink, 10, 1);
  publish("orders", {"b"});
  ASSERT_TRUE(until([&] { return sink->count() == 2; }));
  EXPECT_EQ(sink->bodies(), (Bodies{"a", "b"}));
  EXPECT_EQ(figures(queue).counters.expired, 2);
}

TEST_F(QueueLimitsTest, what_is_in_flight_does_not_expire_and_what_comes_back_does) {
  auto queue = declare("orders", with("x-message-ttl", 2000));
  auto sink = consume(queue);
  publish("orders", {"a", "b"});
  ASSERT_TRUE(until([&] { return sink->count() == 2; }));
  run_for(10s);
  EXPECT_EQ(figures(queue).in_flight, 2);
  settle(queue, sink->holder(), OffsetRange::of(sink->given()[0].offset), Verdict::acknowledged);
  settle(queue, sink->holder(), OffsetRange::of(sink->given()[1].offset), Verdict::requeued);
  expect_settled(queue);
  run_for(1s);
  EXPECT_EQ(figures(queue).in_flight, 0);
  EXPECT_EQ(figures(queue).counters.expired, 1);
  EXPECT_EQ(figures(queue).counters.acknowledged, 1);
  EXPECT_EQ(sink->count(), 2u);
}

TEST_F(QueueLimitsTest, the_oldest_go_when_there_are_too_many) {
  auto queue = declare("orders", with("x-max-length", 3));
  auto sink = consume(queue, {.credit = 2});
  publish("orders", numbered("a", 10));
  ASSERT_TRUE(until_length(queue, 3));
  EXPECT_EQ(bodies_in(queue), numbered("a", 3, 7));
  // What is in flight does not count, until it comes back.
  EXPECT_EQ(sink->bodies(), numbered("a", 2));
  settle(queue, *sink, Verdict::requeued);
  expect_settled(queue);
  ASSERT_TRUE(until_length(queue, 3));
  EXPECT_EQ(figures(queue).counters.dropped, 7);
}

TEST_F(QueueLimitsTest, a_queue_that_refuses_takes_what_there_is_room_for) {
  QueueOptions options = with("x-max-length", 3);
  options.arguments.set("x-overflow", Value("reject-publish"));
  auto queue = declare("orders", options);
  auto errors = try_publish("orders", numbered("a", 5), {.from = 1});
  ASSERT_EQ(errors.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(errors[i].code, i < 3 ? ErrorCode::ok : ErrorCode::policy_violation) << i;
  }
  EXPECT_EQ(bodies_in(queue), numbered("a", 3));
  auto got = run(queues().get(queue->id, queues().new_holder(), true));
  ASSERT_TRUE(got.has_value() && got->delivery);
  publish("orders", {"b"});
  EXPECT_EQ(try_publish("orders", {"c"}).at(0).code, ErrorCode::policy_violation);
  EXPECT_EQ(bodies_in(queue), (Bodies{"a1", "a2", "b"}));
  // One of several queues that is full is enough to be told.
  declare_exchange("all", "fanout");
  declare("roomy");
  bind("all", "orders");
  bind("all", "roomy");
  EXPECT_EQ(try_publish("", {"d"}, {.exchange = "all"}).at(0).code, ErrorCode::policy_violation);
  EXPECT_EQ(bodies_in(find("roomy")), (Bodies{"d"}));
}

TEST_F(QueueLimitsTest, a_queue_that_nobody_uses_goes) {
  auto queue = declare("orders", with("x-expires", 10'000));
  run_for(8s);
  ASSERT_TRUE(find("orders"));
  EXPECT_EQ(length(queue), 0);  // asking is using
  run_for(8s);
  ASSERT_TRUE(find("orders"));
  auto sink = consume(queue, {}, 1);
  run_for(60s);
  ASSERT_TRUE(find("orders"));
  release(queue, sink->holder(), 1);
  run_for(8s);
  ASSERT_TRUE(find("orders"));
  run_for(4s);
  for (std::size_t from = 0; from < kCores; ++from) EXPECT_FALSE(find("orders", from));
  EXPECT_EQ(sink->cancelled(), 0);
}

TEST_F(QueueLimitsTest, a_queue_goes_with_its_last_consumer) {
  auto queue = declare("orders", {.auto_delete = true});
  run_for(60s);
  ASSERT_TRUE(find("orders"));
  auto one = consume(queue, {}, 1);
  auto two = consume(queue, {}, 2);
  release(queue, one->holder(), 1);
  run_for(1s);
  ASSERT_TRUE(find("orders"));
  ASSERT_TRUE(run(queues(2).cancel(queue->id, two->holder()), 2).has_value());
  ASSERT_TRUE(until([&] { return !find("orders", 1); }));
}

TEST_F(QueueLimitsTest, records_of_other_protocols_are_messages) {
  auto queue = declare("orders");
  auto sink = consume(queue, {}, 1);
  BatchBuilder plain;
  plain.add(WallMs(1), as_bytes("key"), as_bytes("a"));
  plain.add(WallMs(2), as_bytes("key"), std::nullopt);  // a tombstone
  produce(queue, plain.build());
  for (Compression compression :
       {Compression::gzip, Compression::snappy, Compression::lz4, Compression::zstd}) {
    BatchBuilder packed;
    packed.compression(compression);
    for (const std::string& body : numbered("b", 3)) packed.add(WallMs(3), {}, as_bytes(body));
    produce(queue, packed.build());
  }
  publish("orders", {"c"});
  ASSERT_TRUE(until([&] { return sink->count() == 15; }));
  EXPECT_EQ(sink->bodies(), (Bodies{"a", "", "b0", "b1", "b2", "b0", "b1", "b2", "b0", "b1", "b2",
                                    "b0", "b1", "b2", "c"}));
  settle(queue, *sink, Verdict::acknowledged, 1);
  expect_settled(queue, 1);
  EXPECT_EQ(figures(queue).counters.acknowledged, 15);
}

// Found here: without a consumer they were counted for ever, and peek and get failed.
TEST_F(QueueLimitsTest, deleted_records_are_no_messages_any_more) {
  auto queue = declare("orders");
  publish("orders", numbered("a", 10));
  EXPECT_EQ(length(queue), 10);
  delete_records(queue, Offset(4));
  EXPECT_EQ(length(queue), 6);
  EXPECT_EQ(bodies_in(queue), numbered("a", 6, 4));
  auto sink = consume(queue, {.credit = 2}, 1);
  ASSERT_TRUE(until([&] { return sink->count() == 2; }));
  // Those in flight too.
  delete_records(queue, Offset(8));
  auto got = run(queues(2).get(queue->id, queues(2).new_holder(), true), 2);
  ASSERT_TRUE(got.has_value() && got->delivery);
  EXPECT_EQ(as_text(got->delivery->message->fields.body), "a8");
  settle(queue, *sink, Verdict::acknowledged, 1);
  expect_settled(queue, 1);
  grant(queue, *sink, 10, 1);
  ASSERT_TRUE(until([&] { return sink->count() == 3; }));
  EXPECT_EQ(sink->bodies(), (Bodies{"a4", "a5", "a9"}));
  restart();
  EXPECT_EQ(bodies_in(find("orders")), (Bodies{"a9"}));
  delete_records(find("orders"), Offset(10));
  EXPECT_EQ(length(find("orders")), 0);
  publish("orders", {"b"});
  EXPECT_EQ(bodies_in(find("orders")), (Bodies{"b"}));
}

}  // namespace
}  // namespace millrace
