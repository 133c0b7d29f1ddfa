// Queues through the verbs of a core: what is published comes to who consumes, in order, once.
#include "broker/queues.h"

#include <set>

#include "broker/queues_test_support.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using test::QueuesTest;

// What goes on beside the test.
Task<void> keep_got(Task<Result<Queue::Got>> get, int* ended, std::multiset<std::string>* bodies) {
  auto got = co_await get;
  ++*ended;
  EXPECT_TRUE(got.has_value());
  if (got && got->delivery) bodies->emplace(as_text(got->delivery->message->fields.body));
}
Task<void> count_end(Task<Result<Queue::Got>> get, int* ended) {
  auto got = co_await get;
  if (!got) EXPECT_EQ(got.error().code, ErrorCode::not_found);
  ++*ended;
}
Task<void> tell_end(Task<TopologyReply> change, bool* ended) {
  auto reply = co_await change;
  EXPECT_FALSE(reply.error);
  *ended = true;
}

TEST_F(QueuesTest, messages_come_in_order_from_every_core_to_every_core) {
  std::set<CoreId> owners;
  for (std::size_t i = 0; i < 6; ++i) {
    auto queue = declare(fmt::format("orders{}", i), {}, i);
    ASSERT_TRUE(queue);
    owners.insert(sim().broker().owner(queue->partition.shard).id());
    auto sink = consume(queue, {}, i / 2);
    Bodies sent;
    for (std::size_t from = 0; from < kCores; ++from) {
      Bodies some = numbered(fmt::format("from {} ", from), 20);
      publish(queue->name, some, {.from = from});
      sent.insert(sent.end(), some.begin(), some.end());
    }
    ASSERT_TRUE(until([&] { return sink->count() == sent.size(); }));
    EXPECT_EQ(sink->bodies(), sent);
    settle(queue, *sink, Verdict::acknowledged, i / 2);
    expect_settled(queue, i / 2);
    EXPECT_EQ(length(queue), 0);
    EXPECT_EQ(figures(queue).in_flight, 0);
    EXPECT_EQ(figures(queue).counters.acknowledged, 60);
  }
  EXPECT_EQ(owners.size(), kCores);
}

TEST_F(QueuesTest, credit_is_respected) {
  auto queue = declare("orders");
  auto sink = consume(queue, {.credit = 3}, 1);
  publish("orders", numbered("a", 10));
  ASSERT_TRUE(until([&] { return sink->count() == 3; }));
  run_for(5s);
  EXPECT_EQ(sink->count(), 3u);
  EXPECT_EQ(length(queue), 7);
  grant(queue, *sink, 2, 1);
  ASSERT_TRUE(until([&] { return sink->count() == 5; }));
  run_for(5s);
  EXPECT_EQ(sink->bodies(), numbered("a", 5));
}

TEST_F(QueuesTest, bytes_are_credit_too) {
  auto queue = declare("orders");
  auto sink = consume(queue, {.credit = 100, .bytes = 2500}, 1);
  publish("orders", Bodies(10, std::string(1000, 'x')));
  ASSERT_TRUE(until([&] { return sink->count() == 3; }));
  run_for(5s);
  EXPECT_EQ(sink->count(), 3u) << "the one that uses up the rest goes out whole";
  grant(queue, *sink, 0, 1, 1000);
  ASSERT_TRUE(until([&] { return sink->count() == 4; }));
  run_for(5s);
  EXPECT_EQ(sink->count(), 4u) << "what was too much before counts";
  // Another one is served meanwhile.
  auto other = consume(queue, {});
  ASSERT_TRUE(until([&] { return other->count() == 6; }));
}

TEST_F(QueuesTest, consumers_take_turns) {
  auto queue = declare("orders");
  auto one = consume(queue, {}, 0);
  auto two = consume(queue, {}, 2);
  publish("orders", numbered("a", 10));
  ASSERT_TRUE(until([&] { return one->count() + two->count() == 10; }));
  EXPECT_EQ(one->count(), 5u);
  EXPECT_EQ(two->count(), 5u);
}

TEST_F(QueuesTest, what_is_requeued_comes_again_in_its_place) {
  auto queue = declare("orders");
  publish("orders", numbered("a", 4));
  auto first = consume(queue, {.credit = 2});
  ASSERT_TRUE(until([&] { return first->count() == 2; }));
  settle(queue, *first, Verdict::requeued);
  expect_settled(queue);
  EXPECT_EQ(bodies_in(queue), numbered("a", 4));
  auto second = consume(queue);
  ASSERT_TRUE(until([&] { return second->count() == 4; }));
  EXPECT_EQ(second->bodies(), numbered("a", 4));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(second->given()[i].redelivered, i < 2) << i;
}

TEST_F(QueuesTest, what_a_holder_had_is_given_to_others_when_it_goes) {
  auto queue = declare("orders");
  publish("orders", numbered("a", 6));
  auto gone = consume(queue, {.credit = 4}, 1);
  ASSERT_TRUE(until([&] { return gone->count() == 4; }));
  auto stays = consume(queue, {}, 2);
  ASSERT_TRUE(until([&] { return stays->count() == 2; }));
  settle(queue, gone->holder(), OffsetRange::of(gone->given()[1].offset), Verdict::acknowledged, 1);
  release(queue, gone->holder(), 1);
  ASSERT_TRUE(until([&] { return stays->count() == 5; }));
  EXPECT_EQ(stays->bodies(), (Bodies{"a4", "a5", "a0", "a2", "a3"}));
  // What comes too late from it is nothing.
  settle(queue, *gone, Verdict::acknowledged, 1);
  expect_settled(queue, 1);
  EXPECT_EQ(figures(queue).in_flight, 5);
}

TEST_F(QueuesTest, a_cancelled_consumer_keeps_what_it_has) {
  auto queue = declare("orders");
  auto sink = consume(queue, {}, 1);
  publish("orders", {"a"});
  ASSERT_TRUE(until([&] { return sink->count() == 1; }));
  ASSERT_TRUE(run(queues(1).cancel(queue->id, sink->holder()), 1).has_value());
  publish("orders", {"b"});
  run_for(1s);
  EXPECT_EQ(sink->count(), 1u);
  EXPECT_EQ(length(queue), 1);
  settle(queue, *sink, Verdict::acknowledged, 1);
  expect_settled(queue, 1);
  EXPECT_EQ(figures(queue).in_flight, 0);
  EXPECT_EQ(sink->cancelled(), 0);
}

TEST_F(QueuesTest, what_needs_no_acknowledgement_is_done_when_it_is_given) {
  auto queue = declare("orders");
  auto sink = consume(queue, {.credit = -1, .no_ack = true}, 1);
  publish("orders", numbered("a", 50));
  ASSERT_TRUE(until([&] { return sink->count() == 50; }));
  expect_settled(queue);
  EXPECT_EQ(figures(queue).counters.acknowledged, 50);
  EXPECT_EQ(figures(queue).in_flight, 0);
}

TEST_F(QueuesTest, an_exclusive_consumer_is_alone) {
  auto queue = declare("orders");
  auto sink = consume(queue, {.is_exclusive = true}, 1);
  auto refused = try_consume(queue, new_sink(), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::access_refused);
  release(queue, sink->holder(), 1);
  ASSERT_TRUE(until([&] { return try_consume(queue, new_sink(), {}).has_value(); }));
  auto again = try_consume(queue, new_sink(), {.is_exclusive = true});
  ASSERT_FALSE(again.has_value());
}

TEST_F(QueuesTest, get_takes_one_and_says_how_many_are_left) {
  auto queue = declare("orders");
  publish("orders", numbered("a", 3));
  HolderId holder = queues(2).new_holder();
  auto first = run(queues(2).get(queue->id, holder, false), 2);
  ASSERT_TRUE(first.has_value() && first->delivery);
  EXPECT_EQ(as_text(first->delivery->message->fields.body), "a0");
  EXPECT_EQ(first->left, 2);
  auto second = run(queues(2).get(queue->id, holder, true), 2);
  ASSERT_TRUE(second.has_value() && second->delivery);
  EXPECT_EQ(as_text(second->delivery->message->fields.body), "a1");
  expect_settled(queue);
  EXPECT_EQ(figures(queue).in_flight, 1);
  release(queue, holder, 2);
  expect_settled(queue, 2);
  EXPECT_EQ(bodies_in(queue), (Bodies{"a0", "a2"}));
  EXPECT_EQ(run(queues().purge(queue->id)).value_or(-1), 2);
  auto none = run(queues().get(queue->id, holder, false));
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(none->delivery);
}

TEST_F(QueuesTest, gets_at_the_same_time_take_each_message_once) {
  auto queue = declare("orders");
  publish("orders", numbered("a", 12));
  restart();  // so that it has to be read
  queue = find("orders");
  std::multiset<std::string> seen;
  int ended = 0;
  for (std::size_t i = 0; i < 15; ++i) {
    core(i).core().post([&, i] {
      core(i).core().spawn(
          "get", keep_got(queues(i).get(queue->id, queues(i).new_holder(), false), &ended, &seen));
    });
  }
  ASSERT_TRUE(until([&] { return ended == 15; }));
  Bodies sent = numbered("a", 12);
  EXPECT_EQ(seen, std::multiset<std::string>(sent.begin(), sent.end()));
}

// Found here: who knew a queue before the core that has it did could send messages to nowhere, and
// was told that they were there.
TEST_F(QueuesTest, a_queue_that_can_be_found_takes_messages) {
  for (int i = 0; i < 30; ++i) {
    const std::string name = fmt::format("orders{}", i);
    bool declared = false;
    int taken = 0;
    core().core().post([&] {
      DeclareQueue command;
      command.tenant = kDefaultTenant;
      command.name = name;
      command.durable = true;
      core().core().spawn("declare", tell_end(queues().change(std::move(command)), &declared));
    });
    for (std::size_t from = 0; from < kCores; ++from) {
      ASSERT_TRUE(until([&] { return find(name, from) != nullptr; }));
      publish(name, {fmt::format("{}", from)}, {.from = from});
      ++taken;
    }
    ASSERT_TRUE(until([&] { return declared; }));
    EXPECT_EQ(length(find(name)), taken) << name;
  }
}

// Found here: a connection that rejects and ends at once had its messages given to others.
TEST_F(QueuesTest, what_was_rejected_does_not_come_back_when_its_holder_goes) {
  declare("dead");
  for (bool has_dead_letters : {false, true}) {
    ValueTable table;
    if (has_dead_letters) {
      table.set("x-dead-letter-exchange", Value(""));
      table.set("x-dead-letter-routing-key", Value("dead"));
    }
    auto queue = declare(has_dead_letters ? "with" : "without", {.arguments = table});
    publish(queue->name, numbered("a", 3));
    auto sink = consume(queue, {}, 1);
    ASSERT_TRUE(until([&] { return sink->count() == 3; }));
    settle(queue, *sink, Verdict::rejected, 1);
    release(queue, sink->holder(), 1);
    expect_settled(queue, 1);
    run_for(5s);
    EXPECT_EQ(length(queue), 0);
    EXPECT_EQ(figures(queue).in_flight, 0);
    EXPECT_EQ(length(find("dead")), has_dead_letters ? 3 : 0);
  }
}

TEST_F(QueuesTest, a_deleted_queue_tells_its_consumers) {
  for (int i = 0; i < 6; ++i) {
    auto queue = declare("orders");
    publish("orders", numbered("a", 20));
    auto one = consume(queue, {.credit = 5}, 1);
    auto two = consume(queue, {.credit = 5}, 2);
    ASSERT_TRUE(until([&] { return one->count() + two->count() == 10; }));
    settle(queue, *one, Verdict::acknowledged, 1);
    settle(queue, *two, Verdict::rejected, 2);
    remove("orders", 1);
    EXPECT_EQ(one->cancelled(), 1);
    EXPECT_EQ(two->cancelled(), 1);
    EXPECT_TRUE(settled(queue, 1).has_value());
    settle(queue, *one, Verdict::requeued, 1);
    release(queue, one->holder(), 1);
    auto refused = try_consume(queue, new_sink());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::not_found);
    EXPECT_FALSE(run(queues().get(queue->id, one->holder(), false)).has_value());
    publish("orders", {"to nowhere"});
    EXPECT_FALSE(find("orders"));
  }
}

TEST_F(QueuesTest, a_queue_may_go_while_it_is_read) {
  for (int i = 0; i < 10; ++i) {
    auto queue = declare("orders");
    publish("orders", numbered("a", 20));
    restart();
    queue = find("orders");
    auto sink = new_sink(1);
    int ended = 0;
    for (std::size_t from = 0; from < kCores; ++from) {
      core(from).core().post([&, from] {
        core(from).core().spawn(
            "get",
            count_end(queues(from).get(queue->id, queues(from).new_holder(), false), &ended));
      });
    }
    (void)try_consume(queue, sink, {}, 1);
    for (int steps = 0; steps < i * 3; ++steps) sim().runtime().step();
    remove("orders", 2);
    ASSERT_TRUE(until([&] { return ended == 3; }));
    EXPECT_EQ(sink->cancelled(), 1);
  }
}

TEST_F(QueuesTest, a_thousand_queues_come_and_go) {
  for (int i = 0; i < 1000; ++i) {
    auto queue = declare("orders", {}, static_cast<std::size_t>(i));
    ASSERT_TRUE(queue);
    if (i % 100 == 0) {
      publish("orders", {"a"});
      consume(queue, {}, 1);
    }
    remove("orders");
  }
  EXPECT_TRUE(run(queues().list("")).queues.empty());
}

}  // namespace
}  // namespace millrace
