// Dead letters on their way, with the broker dying at every point of it.
#include "queues/test_queue.h"

namespace millrace::queues_test {
namespace {

class Transfers : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(queue.error_of(SetProducerId{kQueue, ProducerId(77)}), ErrorCode::ok);
    queue.publish(5);
    queue.take_all(kAlice);
  }
  static std::vector<TransferTarget> targets(
      std::initializer_list<std::pair<std::uint64_t, std::int32_t>> values) {
    std::vector<TransferTarget> targets;
    for (auto [partition, sequence] : values) targets.push_back({PartitionId(partition), sequence});
    return targets;
  }
  TestQueue queue;
};

TEST_F(Transfers, a_message_is_done_when_its_transfer_ended) {
  BeginTransferReply reply = queue.move(kAlice, 2, {100});
  ASSERT_EQ(reply.begun.size(), 1u);
  EXPECT_EQ(reply.begun[0].offset, Offset(2));
  EXPECT_EQ(reply.begun[0].transfer.targets, targets({{100, 0}}));
  EXPECT_EQ(reply.begun[0].transfer, queue.durable().transfers.at(Offset(2)));
  EXPECT_EQ(queue.cursor().holder_of(Offset(2)), kNoHolder);
  queue.acknowledge(kAlice, {0, 1, 3, 4});
  EXPECT_EQ(queue.cursor().floor(), Offset(2));
  EXPECT_TRUE(queue.ask<EndTransferReply>(EndTransfer{kQueue, {Offset(2)}}).mismatched.empty());
  EXPECT_EQ(queue.cursor().floor(), Offset(5));
  EXPECT_EQ(queue.cursor().counters().dead_lettered, 1);
  EXPECT_EQ(queue.ask<EndTransferReply>(EndTransfer{kQueue, {Offset(2)}}).mismatched, offsets({2}));
}

TEST_F(Transfers, after_a_crash_the_open_ones_are_driven_on_as_they_were_and_not_delivered) {
  queue.move(kAlice, 3, {100});
  WallMs first = queue.time();
  queue.move(kAlice, 1, {100, 200});
  queue.crash();
  auto open = queue.cursor().open_transfers();
  ASSERT_EQ(open.size(), 2u);
  // In the order of their sequences, not of their offsets.
  EXPECT_EQ(open[0].offset, Offset(3));
  EXPECT_EQ(open[0].transfer.targets, targets({{100, 0}}));
  EXPECT_EQ(open[0].transfer.time, first);
  EXPECT_EQ(open[0].transfer.reason, RemovalReason::rejected);
  EXPECT_EQ(open[1].offset, Offset(1));
  EXPECT_EQ(open[1].transfer.targets, targets({{100, 1}, {200, 0}}));
  EXPECT_EQ(queue.take_all(kBob), offsets({0, 2, 4}));
  queue.send(EndTransfer{kQueue, {Offset(1), Offset(3)}});
  EXPECT_EQ(queue.cursor().open_transfer_count(), 0u);
  EXPECT_EQ(queue.durable().producer_id, ProducerId(77));
}

TEST_F(Transfers, sequences_go_on_after_snapshot_and_crash) {
  queue.move(kAlice, 0, {100});
  queue.send(EndTransfer{kQueue, {Offset(0)}});
  queue.take_snapshot();
  queue.crash();
  queue.take_all(kBob);
  EXPECT_EQ(queue.move(kBob, 1, {100}).begun[0].transfer.targets, targets({{100, 1}}));
}

TEST_F(Transfers, many_in_one_command_are_numbered_in_its_order) {
  BeginTransfer command{.cursor = kQueue, .reason = RemovalReason::max_length};
  for (std::int64_t offset : {4, 0, 4, 2}) {
    command.entries.push_back({Offset(offset), kAlice, {PartitionId(100)}});
  }
  auto reply = queue.ask<BeginTransferReply>(command);
  EXPECT_EQ(reply.mismatched, offsets({4}));  // once is enough
  ASSERT_EQ(reply.begun.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(reply.begun[i].transfer.targets, targets({{100, static_cast<std::int32_t>(i)}}));
    EXPECT_EQ(reply.begun[i].transfer, queue.durable().transfers.at(reply.begun[i].offset));
  }
}

TEST_F(Transfers, only_the_holder_can_begin_one) {
  EXPECT_EQ(queue.move(kBob, 0, {100}).mismatched, offsets({0}));
  EXPECT_EQ(queue.move(kNoHolder, 0, {100}).mismatched, offsets({0}));
  EXPECT_EQ(queue.move(kAlice, 9, {100}).mismatched, offsets({9}));
  EXPECT_EQ(queue.cursor().open_transfer_count(), 0u);
}

TEST_F(Transfers, what_cannot_be_meant_is_refused_and_changes_nothing) {
  BeginTransfer nowhere{.cursor = kQueue, .entries = {{Offset(0), kAlice, {}}}};
  EXPECT_EQ(queue.error_of(nowhere), ErrorCode::invalid_request);
  PartitionId target(100);
  BeginTransfer twice{.cursor = kQueue, .entries = {{Offset(0), kAlice, {target, target}}}};
  EXPECT_EQ(queue.error_of(twice), ErrorCode::invalid_request);
  EXPECT_EQ(queue.cursor().holder_of(Offset(0)), kAlice);
  EXPECT_EQ(queue.error_of(SetProducerId{kQueue, ProducerId(78)}), ErrorCode::invalid_request);
  EXPECT_EQ(queue.error_of(SetProducerId{kQueue, ProducerId(77)}), ErrorCode::ok);
}

TEST(TransfersWithoutProducerId, are_refused) {
  TestQueue queue;
  queue.publish(1);
  queue.take(kAlice);
  BeginTransfer command{.cursor = kQueue, .entries = {{Offset(0), kAlice, {PartitionId(100)}}}};
  EXPECT_EQ(queue.error_of(command), ErrorCode::invalid_request);
}

TEST(TransfersOfExhausted, happen_also_after_a_crash) {
  TestQueue queue({.failed_max = 0});
  queue.send(SetProducerId{kQueue, ProducerId(77)});
  queue.publish(2);
  queue.take_all(kAlice);
  queue.release_failed(kAlice, {1});
  queue.crash();
  BeginTransferReply reply = queue.move(kNoHolder, 1, {100});
  ASSERT_EQ(reply.begun.size(), 1u);
  EXPECT_EQ(reply.begun[0].before, (DeliveryCounts{.acquired = 1, .failed = 1}));
  EXPECT_TRUE(queue.cursor().exhausted().empty());
  queue.crash();
  EXPECT_TRUE(queue.cursor().exhausted().empty());  // it is on its way
  queue.send(EndTransfer{kQueue, {Offset(1)}});
  queue.crash();
  EXPECT_EQ(queue.take_all(kBob), offsets({0}));
}

TEST(TransfersOfExpired, are_counted_as_such) {
  TestQueue queue;
  queue.send(SetProducerId{kQueue, ProducerId(77)});
  queue.publish(1);
  queue.take(kAlice);
  queue.send(BeginTransfer{.cursor = kQueue,
                           .reason = RemovalReason::expired,
                           .entries = {{Offset(0), kAlice, {PartitionId(100)}}}});
  queue.send(EndTransfer{kQueue, {Offset(0)}});
  EXPECT_EQ(queue.cursor().counters().expired, 1);
  EXPECT_EQ(queue.cursor().counters().dead_lettered, 1);
}

TEST(TransferSequences, begin_again_at_0_behind_the_greatest) {
  EXPECT_EQ(sequence_after(0), 1);
  EXPECT_EQ(sequence_after(2'147'483'646), 2'147'483'647);
  EXPECT_EQ(sequence_after(2'147'483'647), 0);
}

}  // namespace
}  // namespace millrace::queues_test
