// What is written to disk: that it can be read again, what it costs, and that damage is seen.
#include "queues/events.h"

#include <gtest/gtest.h>

#include "queues/test_queue.h"

namespace millrace::queues_test {
namespace {

std::vector<CursorEvent> all_kinds() {
  CursorPolicy policy{
      .return_order = ReturnOrder::return_time, .failed_max = 3, .holder_end_fails = true};
  return {
      CursorCreated{kQueue, Offset(12), policy},
      CursorDeleted{kQueue},
      CursorConfigured{kQueue, {.failed_max = 0}},
      CursorChanged{.cursor = kQueue,
                    .acknowledged = {range(0, 1), range(5, 700)},
                    .released = {range(2, 4)},
                    .released_failed = {range(4, 5)},
                    .dropped = {{RemovalReason::expired, {range(1'000'000, 1'000'001)}},
                                {RemovalReason::max_length, {range(800, 900)}}},
                    .purged = {range(2'000'000, 3'000'000)},
                    .absent = {range(701, 702)},
                    .transferred = {range(703, 704)},
                    .horizon = Offset(4'000'000'000)},
      TransfersBegun{kQueue,
                     RemovalReason::delivery_limit,
                     {{Offset(8), {{PartitionId(100), 0}, {PartitionId(101), 2'147'483'647}}},
                      {Offset(3), {{PartitionId(100), 1}}}}},
      ProducerIdSet{kQueue, ProducerId(1'000)},
  };
}

TEST(CursorEvents, come_back_as_they_were_written) {
  for (const CursorEvent& event : all_kinds()) {
    auto read = read_cursor_event(write_cursor_event(event));
    ASSERT_TRUE(read.has_value()) << event.index();
    EXPECT_EQ(*read, event) << event.index();
  }
}

TEST(CursorEvents, cut_short_are_damaged_or_another_event) {
  for (const CursorEvent& event : all_kinds()) {
    Event bytes = write_cursor_event(event);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      auto read = read_cursor_event(ByteView(bytes).first(size));
      if (read) {
        EXPECT_NE(*read, event) << event.index();
      }
    }
  }
}

TEST(CursorEvents, a_policy_without_anything_set_is_the_usual_one) {
  CursorEvent event = CursorCreated{kQueue, Offset(0), {}};
  EXPECT_EQ(read_cursor_event(write_cursor_event(event)), event);
}

TEST(CursorEvents, of_an_unknown_kind_are_refused) {
  FieldWriter writer;
  writer.put(1, 99);
  writer.put(2, 7);
  EXPECT_FALSE(read_cursor_event(writer.view()).has_value());
}

TEST(CursorEvents, skip_fields_of_a_later_version) {
  FieldWriter later;
  later.put(99, 5);
  Event event = write_cursor_event(CursorDeleted{kQueue});
  event.insert(event.end(), later.view().begin(), later.view().end());
  EXPECT_EQ(read_cursor_event(event), CursorEvent(CursorDeleted{kQueue}));
}

TEST(CursorEvents, a_long_run_of_acknowledgements_takes_a_few_bytes) {
  CursorChanged change{.cursor = kQueue, .acknowledged = {range(1'000'000'000, 1'000'000'500)}};
  EXPECT_LE(write_cursor_event(change).size(), 15u);
}

TEST(CursorEvents, single_acknowledgements_that_lie_near_each_other_take_one_byte_each) {
  CursorChanged change{.cursor = kQueue};
  for (std::int64_t at = 0; at < 1'000; ++at) {
    change.acknowledged.push_back(OffsetRange::of(Offset(1'000'000 + at * 10)));
  }
  EXPECT_LE(write_cursor_event(change).size(), 1'015u);
}

TEST(Runs, that_cannot_be_are_damage) {
  OffsetRuns runs;
  EXPECT_TRUE(read_runs(std::vector<std::uint8_t>{}, runs));
  EXPECT_FALSE(read_runs(std::vector<std::uint8_t>{0x80}, runs));        // cut short
  EXPECT_FALSE(read_runs(std::vector<std::uint8_t>{0x01}, runs));        // no length
  EXPECT_FALSE(read_runs(std::vector<std::uint8_t>{0x02, 0x00}, runs));  // adjoining
  EXPECT_FALSE(read_runs(std::vector<std::uint8_t>(10, 0xFF), runs));    // no number
  std::vector<std::uint8_t> too_far = {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01};
  EXPECT_FALSE(read_runs(too_far, runs));
}

TEST(CursorSnapshot, that_says_what_cannot_be_is_refused) {
  TestQueue queue({.failed_max = 0});
  queue.send(SetProducerId{kQueue, ProducerId(77)});
  queue.publish(10);
  queue.take_all(kAlice);
  queue.acknowledge(kAlice, {0, 5});
  queue.release_failed(kAlice, {1});
  queue.release(kAlice, {2});
  queue.move(kAlice, 3, {100});
  FieldWriter writer;
  queue.machine().snapshot(writer);
  std::vector<std::uint8_t> whole = writer.take();
  ASSERT_TRUE(CursorMachine().restore(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(CursorMachine().restore(ByteView(whole).first(size))) << size;
  }
  // Whatever is flipped: it is refused, or it is a state that can be written again.
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::vector<std::uint8_t> flipped = whole;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    CursorMachine machine;
    if (!machine.restore(flipped)) continue;
    FieldWriter again;
    machine.snapshot(again);
    EXPECT_TRUE(CursorMachine().restore(again.view())) << bit;
  }
}

}  // namespace
}  // namespace millrace::queues_test
