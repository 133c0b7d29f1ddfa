// What a queue does with its messages.
#include "queues/test_queue.h"

namespace millrace::queues_test {
namespace {

TEST(Cursor, hands_out_each_message_once_in_order) {
  TestQueue queue;
  queue.publish(4);
  EXPECT_EQ(queue.cursor().ready_count(), 4);
  EXPECT_EQ(queue.take(kAlice).offset, Offset(0));
  EXPECT_EQ(queue.take(kBob).offset, Offset(1));
  EXPECT_EQ(queue.take_all(kAlice), offsets({2, 3}));
  EXPECT_EQ(queue.cursor().next_ready(), std::nullopt);
  EXPECT_EQ(queue.cursor().holder_of(Offset(1)), kBob);
  EXPECT_EQ(queue.cursor().in_flight_count(), 4);
  queue.publish(1);
  EXPECT_EQ(queue.cursor().next_ready(), Offset(4));
}

TEST(Cursor, does_not_begin_at_0_when_the_log_does_not) {
  TestQueue queue({}, Offset(1000));
  queue.publish(2);
  EXPECT_EQ(queue.take_all(kAlice), offsets({1000, 1001}));
  queue.acknowledge(kAlice, {1000, 1001});
  EXPECT_EQ(queue.cursor().floor(), Offset(1002));
}

TEST(Cursor, the_floor_follows_the_acknowledged_prefix) {
  TestQueue queue;
  queue.publish(5);
  queue.take_all(kAlice);
  queue.acknowledge(kAlice, {1, 3});
  EXPECT_EQ(queue.cursor().floor(), Offset(0));
  queue.acknowledge(kAlice, {0});
  EXPECT_EQ(queue.cursor().floor(), Offset(2));
  queue.acknowledge(kAlice, {4, 2});
  EXPECT_EQ(queue.cursor().floor(), Offset(5));
  EXPECT_EQ(queue.durable().done.runs().size(), 0u);
  EXPECT_EQ(queue.cursor().counters().acknowledged, 5);
}

TEST(Cursor, a_million_done_messages_behind_a_straggler_are_one_entry) {
  TestQueue queue;
  queue.publish(1'000'001);
  queue.take(kAlice);
  while (queue.cursor().next_ready()) queue.take(kBob);
  Settle all{.cursor = kQueue, .settlements = {{.range = range(1, 1'000'001), .holder = kBob}}};
  EXPECT_TRUE(queue.ask<SettleReply>(all).mismatched.empty());
  EXPECT_EQ(queue.cursor().floor(), Offset(0));
  EXPECT_EQ(queue.durable().done.runs().size(), 1u);
  EXPECT_LT(queue.last_event().size(), 16u);
  queue.crash();
  EXPECT_EQ(queue.take_all(kBob), offsets({0}));
}

TEST(Cursor, only_the_holder_can_settle_and_only_once) {
  TestQueue queue;
  queue.publish(4);
  queue.take(kAlice);
  queue.take(kBob);
  queue.take(kAlice);
  EXPECT_EQ(queue.acknowledge(kAlice, {1}), OffsetRuns({range(1, 2)}));
  EXPECT_EQ(queue.acknowledge(kAlice, {0, 0}), OffsetRuns({range(0, 1)}));
  EXPECT_EQ(queue.acknowledge(kAlice, {0}), OffsetRuns({range(0, 1)}));
  EXPECT_EQ(queue.acknowledge(kAlice, {3}), OffsetRuns({range(3, 4)}));  // ready
  // Of a range that reaches over everything, what it has is settled and the rest is named.
  Settle wide{.cursor = kQueue, .settlements = {{.range = range(0, 1'000'000), .holder = kAlice}}};
  EXPECT_EQ(queue.ask<SettleReply>(wide).mismatched,
            OffsetRuns({range(0, 2), range(3, 1'000'000)}));
  EXPECT_EQ(queue.cursor().holder_of(Offset(1)), kBob);
  EXPECT_EQ(queue.cursor().counters().acknowledged, 2);
}

TEST(Cursor, a_settlement_that_changes_nothing_writes_nothing) {
  TestQueue queue;
  queue.publish(1);
  std::size_t events = queue.event_count();
  queue.acknowledge(kAlice, {0});
  queue.ask<ReleaseHolderReply>(ReleaseHolder{kQueue, kAlice});
  EXPECT_EQ(queue.event_count(), events);
}

TEST(Cursor, an_unknown_cursor_is_refused) {
  TestQueue queue;
  EXPECT_EQ(queue.error_of(Settle{.cursor = CursorId(8)}), ErrorCode::not_found);
  EXPECT_EQ(queue.error_of(Purge{CursorId(8)}), ErrorCode::not_found);
  EXPECT_EQ(queue.error_of(DeleteCursor{CursorId(8)}), ErrorCode::not_found);
  EXPECT_EQ(queue.error_of(CreateCursor{.cursor = kQueue}), ErrorCode::invalid_request);
}

TEST(Cursor, a_deleted_cursor_is_gone_and_others_are_not) {
  TestQueue queue;
  EXPECT_EQ(queue.error_of(CreateCursor{.cursor = CursorId(8), .log_start = Offset(5)}),
            ErrorCode::ok);
  EXPECT_EQ(queue.error_of(DeleteCursor{kQueue}), ErrorCode::ok);
  EXPECT_EQ(queue.machine().find(kQueue), nullptr);
  ASSERT_NE(queue.machine().find(CursorId(8)), nullptr);
  EXPECT_EQ(queue.machine().find(CursorId(8))->floor(), Offset(5));
  EXPECT_EQ(queue.machine().cursor_ids(), std::vector<CursorId>{CursorId(8)});
}

TEST(CursorReturnOrder, by_offset_messages_go_back_to_their_place) {
  TestQueue queue;
  queue.publish(6);
  for (int i = 0; i < 5; ++i) queue.take(kAlice);
  queue.release(kAlice, {3});
  queue.release(kAlice, {1, 0});
  EXPECT_EQ(queue.take_all(kBob), offsets({0, 1, 3, 5}));
}

TEST(CursorReturnOrder, by_return_time_they_stand_in_front_of_new_ones_as_they_came_back) {
  TestQueue queue({.return_order = ReturnOrder::return_time});
  queue.publish(6);
  for (int i = 0; i < 5; ++i) queue.take(kAlice);
  queue.release(kAlice, {3});
  queue.release(kAlice, {1});
  queue.release(kAlice, {0});
  EXPECT_EQ(queue.cursor().peek(3), offsets({3, 1, 0}));
  EXPECT_EQ(queue.take_all(kBob), offsets({3, 1, 0, 5}));
}

TEST(CursorReturnOrder, after_a_crash_all_stand_in_the_order_of_offsets) {
  TestQueue queue({.return_order = ReturnOrder::return_time});
  queue.publish(4);
  queue.take_all(kAlice);
  queue.release(kAlice, {2, 3});
  queue.release(kAlice, {0});
  queue.crash();
  EXPECT_EQ(queue.take_all(kBob), offsets({0, 1, 2, 3}));
}

TEST(CursorReturnOrder, what_was_put_back_comes_first_and_counts_no_delivery) {
  TestQueue queue({.return_order = ReturnOrder::return_time});
  queue.publish(3);
  queue.take_all(kAlice);
  queue.release(kAlice, {0});
  EXPECT_TRUE(queue.cursor().put_back(Offset(2), kAlice));
  EXPECT_FALSE(queue.cursor().put_back(Offset(2), kAlice));
  EXPECT_FALSE(queue.cursor().put_back(Offset(1), kBob));
  Lease lease = queue.take(kBob);
  EXPECT_EQ(lease.offset, Offset(2));
  EXPECT_EQ(lease.before, DeliveryCounts());
  EXPECT_FALSE(lease.redelivered);
}

TEST(CursorCounts, every_return_is_an_acquisition_and_some_are_failures) {
  TestQueue queue;
  queue.publish(1);
  Lease first = queue.take(kAlice);
  EXPECT_EQ(first.before, DeliveryCounts());
  EXPECT_FALSE(first.redelivered);
  queue.release(kAlice, {0});
  Lease second = queue.take(kAlice);
  EXPECT_EQ(second.before, (DeliveryCounts{.acquired = 1, .failed = 0}));
  EXPECT_TRUE(second.redelivered);
  queue.release_failed(kAlice, {0});
  queue.crash();
  EXPECT_EQ(queue.take(kAlice).before, (DeliveryCounts{.acquired = 2, .failed = 1}));
  queue.acknowledge(kAlice, {0});
  EXPECT_TRUE(queue.durable().counts.empty());
}

TEST(CursorCounts, a_crash_counts_no_delivery) {
  TestQueue queue({.failed_max = 1});
  queue.publish(1);
  for (int i = 0; i < 5; ++i) {
    queue.take(kAlice);
    queue.send(RaiseHorizon{kQueue, Offset(1)});
    queue.crash();
  }
  Lease lease = queue.take(kAlice);
  EXPECT_EQ(lease.before, DeliveryCounts());
  EXPECT_TRUE(lease.redelivered);
}

TEST(CursorHolder, one_that_goes_gives_back_what_it_has) {
  TestQueue queue;
  queue.publish(6);
  for (int i = 0; i < 3; ++i) {
    queue.take(kAlice);
    queue.take(kBob);
  }
  queue.acknowledge(kAlice, {2});
  EXPECT_EQ(queue.cursor().held_by(kAlice), OffsetRuns({range(0, 1), range(4, 5)}));
  EXPECT_EQ(queue.ask<ReleaseHolderReply>(ReleaseHolder{kQueue, kAlice}).released, 2);
  EXPECT_EQ(queue.cursor().in_flight_count(), 3);
  EXPECT_EQ(queue.take(kCarol).before, (DeliveryCounts{.acquired = 1, .failed = 0}));
  EXPECT_EQ(queue.take_all(kCarol), offsets({4}));
}

TEST(CursorHolder, whether_it_has_failed_is_a_policy_and_can_be_said) {
  TestQueue queue({.holder_end_fails = true});
  queue.publish(1);
  queue.take(kAlice);
  queue.send(ReleaseHolder{kQueue, kAlice});
  EXPECT_EQ(queue.take(kAlice).before, (DeliveryCounts{.acquired = 1, .failed = 1}));
  queue.send(ReleaseHolder{.cursor = kQueue, .holder = kAlice, .failed = false});
  EXPECT_EQ(queue.take(kAlice).before, (DeliveryCounts{.acquired = 2, .failed = 1}));
}

TEST(CursorLimit, a_message_that_failed_too_often_is_not_delivered_again) {
  TestQueue queue({.failed_max = 2});
  queue.publish(2);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(queue.cursor().exhausted().empty());
    EXPECT_EQ(queue.take(kAlice).offset, Offset(0));
    queue.release_failed(kAlice, {0});
  }
  EXPECT_TRUE(queue.cursor().exhausted().contains(Offset(0)));
  EXPECT_EQ(queue.take_all(kAlice), offsets({1}));
  queue.crash();
  EXPECT_TRUE(queue.cursor().exhausted().contains(Offset(0)));
  EXPECT_EQ(queue.take_all(kAlice), offsets({1}));
  EXPECT_TRUE(
      queue.settle(kNoHolder, SettleOutcome::dropped, {0}, RemovalReason::delivery_limit).empty());
  EXPECT_TRUE(queue.cursor().exhausted().empty());
  EXPECT_EQ(queue.cursor().floor(), Offset(1));
  EXPECT_EQ(queue.cursor().counters().dropped, 1);
}

TEST(CursorLimit, giving_back_without_failing_never_exhausts) {
  TestQueue queue({.failed_max = 0});
  queue.publish(1);
  for (int i = 0; i < 10; ++i) {
    queue.take(kAlice);
    queue.release(kAlice, {0});
  }
  EXPECT_EQ(queue.cursor().ready_count(), 1);
  queue.take(kAlice);
  queue.release_failed(kAlice, {0});
  EXPECT_EQ(queue.cursor().ready_count(), 0);
  EXPECT_EQ(queue.cursor().exhausted().count(), 1);
}

TEST(CursorLimit, another_limit_holds_at_once_for_what_waits) {
  TestQueue queue({.failed_max = 1});
  queue.publish(3);
  for (int i = 0; i < 2; ++i) {
    queue.take_all(kAlice);
    queue.release_failed(kAlice, {0, 1});
    queue.release(kAlice, {2});
  }
  EXPECT_EQ(queue.cursor().exhausted().count(), 2);
  queue.send(ConfigureCursor{kQueue, {.failed_max = 2}});
  EXPECT_TRUE(queue.cursor().exhausted().empty());
  EXPECT_EQ(queue.take(kAlice).offset, Offset(0));
  queue.send(ConfigureCursor{kQueue, {.failed_max = 1}});
  EXPECT_TRUE(queue.cursor().exhausted().contains(Offset(1)));
  EXPECT_EQ(queue.cursor().holder_of(Offset(0)), kAlice);  // it may still make it
  EXPECT_EQ(queue.take_all(kBob), offsets({2}));
  queue.crash();
  EXPECT_EQ(queue.cursor().exhausted().count(), 2);
  queue.send(ConfigureCursor{kQueue, {}});
  EXPECT_EQ(queue.take_all(kBob), offsets({0, 1, 2}));
}

TEST(CursorDrop, a_dropped_message_is_gone_with_its_reason) {
  TestQueue queue;
  queue.publish(3);
  queue.take_all(kAlice);
  queue.settle(kAlice, SettleOutcome::dropped, {0}, RemovalReason::expired);
  queue.settle(kAlice, SettleOutcome::dropped, {1}, RemovalReason::max_length);
  EXPECT_EQ(queue.cursor().floor(), Offset(2));
  EXPECT_EQ(queue.cursor().counters().dropped, 2);
  EXPECT_EQ(queue.cursor().counters().expired, 1);
}

TEST(CursorPurge, takes_what_is_ready_and_leaves_what_is_in_flight) {
  TestQueue queue;
  queue.publish(8);
  for (int i = 0; i < 4; ++i) queue.take(kAlice);
  queue.release(kAlice, {1});
  EXPECT_EQ(queue.purge(), 5);
  EXPECT_EQ(queue.purge(), 0);
  EXPECT_EQ(queue.cursor().ready_count(), 0);
  EXPECT_EQ(queue.cursor().in_flight_count(), 3);
  queue.publish(1);
  EXPECT_EQ(queue.take(kAlice).offset, Offset(8));
  queue.crash();
  EXPECT_EQ(queue.take_all(kBob), offsets({0, 2, 3, 8}));
}

TEST(CursorGaps, offsets_that_the_log_does_not_have_are_passed_over) {
  TestQueue queue;
  queue.publish(10);
  EXPECT_EQ(queue.take(kAlice).offset, Offset(0));
  queue.cursor().skip(range(1, 4));
  queue.cursor().skip(range(6, 8));
  EXPECT_EQ(queue.cursor().ready_count(), 4);
  EXPECT_EQ(queue.take_all(kAlice), offsets({4, 5, 8, 9}));
  queue.acknowledge(kAlice, {0, 4});  // makes the gaps durable too
  EXPECT_EQ(queue.cursor().floor(), Offset(5));
  EXPECT_EQ(queue.cursor().counters().absent, 5);
  queue.crash();
  EXPECT_EQ(queue.take_all(kAlice), offsets({5, 8, 9}));
}

TEST(CursorGaps, one_may_be_found_after_taking_it) {
  TestQueue queue;
  queue.publish(3);
  queue.take(kAlice);
  queue.cursor().skip(range(0, 2));
  EXPECT_EQ(queue.cursor().in_flight_count(), 0);
  EXPECT_EQ(queue.acknowledge(kAlice, {0}), OffsetRuns({range(0, 1)}));
  EXPECT_EQ(queue.take(kAlice).offset, Offset(2));
  EXPECT_EQ(queue.cursor().floor(), Offset(2));
}

TEST(CursorHorizon, below_it_a_crash_makes_messages_redelivered) {
  TestQueue queue;
  queue.publish(4);
  queue.take(kAlice);
  queue.take(kAlice);
  auto wanted = queue.cursor().wants_horizon(0);
  ASSERT_EQ(wanted, Offset(4));  // two in flight are outstanding credit too
  queue.send(RaiseHorizon{kQueue, Offset(2)});
  queue.crash();
  EXPECT_TRUE(queue.take(kAlice).redelivered);
  EXPECT_TRUE(queue.take(kAlice).redelivered);
  EXPECT_FALSE(queue.take(kAlice).redelivered);
}

TEST(CursorHorizon, ahead_of_the_log_it_does_not_mark_what_is_published_later) {
  TestQueue queue;
  queue.publish(2);
  queue.take(kAlice);
  queue.send(RaiseHorizon{kQueue, Offset(100)});
  queue.crash();
  queue.publish(1);
  EXPECT_TRUE(queue.take(kAlice).redelivered);
  EXPECT_TRUE(queue.take(kAlice).redelivered);
  EXPECT_FALSE(queue.take(kAlice).redelivered);
}

TEST(CursorHorizon, one_event_covers_about_half_the_credit) {
  TestQueue queue;
  queue.publish(2'000);
  int raised = 0;
  for (int i = 0; i < 2'000; ++i) {
    queue.take(kAlice);
    Settle settle{.cursor = kQueue,
                  .settlements = {{.range = OffsetRange::of(Offset(i)), .holder = kAlice}},
                  .raise_horizon = queue.cursor().wants_horizon(500)};
    if (settle.raise_horizon) {
      ++raised;
      EXPECT_GT(*settle.raise_horizon, Offset(i));
      EXPECT_LE(*settle.raise_horizon, Offset(i + 1 + 501));
    }
    queue.send(std::move(settle));
  }
  EXPECT_GE(raised, 4);
  EXPECT_LE(raised, 8);
  EXPECT_EQ(queue.cursor().wants_horizon(500), std::nullopt);  // nothing is left to deliver
}

TEST(CursorHorizon, without_limit_it_is_a_named_distance_ahead) {
  TestQueue queue;
  queue.publish(1);
  EXPECT_EQ(queue.cursor().wants_horizon(-1), Offset(kHorizonAheadMax));
  EXPECT_EQ(queue.cursor().wants_horizon(0), std::nullopt);
}

}  // namespace
}  // namespace millrace::queues_test
