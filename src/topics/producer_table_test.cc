#include "topics/producer_table.h"

#include <gtest/gtest.h>

#include <limits>

namespace millrace {
namespace {

using Kind = ProducerTable::Verdict::Kind;
constexpr std::int32_t kSequenceMax = std::numeric_limits<std::int32_t>::max();
constexpr Offset kAllDurable{1'000'000};

BatchHeader batch(std::int32_t sequence, std::int32_t count = 1, std::int16_t epoch = 0,
                  std::int64_t producer = 7) {
  BatchHeader header;
  header.producer_id = ProducerId(producer);
  header.producer_epoch = ProducerEpoch(epoch);
  header.base_sequence = sequence;
  header.record_count = count;
  header.last_offset_delta = count - 1;
  header.max_timestamp = WallMs(1000);
  return header;
}

BatchHeader at(std::int64_t offset, BatchHeader header) {
  header.base_offset = Offset(offset);
  return header;
}

void expect_duplicate(const ProducerTable& table, const BatchHeader& header, std::int64_t base,
                      std::int64_t next) {
  auto verdict = table.check(header);
  EXPECT_EQ(verdict.kind, Kind::duplicate);
  EXPECT_EQ(verdict.base_offset, Offset(base));
  EXPECT_EQ(verdict.next_offset, Offset(next));
}

void expect_refused(const ProducerTable& table, const BatchHeader& header, ErrorCode error) {
  auto verdict = table.check(header);
  EXPECT_EQ(verdict.kind, Kind::refuse);
  EXPECT_EQ(error_name(verdict.error), error_name(error));
}

void expect_append(const ProducerTable& table, const BatchHeader& header) {
  EXPECT_EQ(table.check(header).kind, Kind::append);
}

TEST(ProducerTableTest, ARepeatIsAnsweredWithItsFirstOffset) {
  ProducerTable table;
  table.apply(at(10, batch(0, 5)), kAllDurable);
  expect_duplicate(table, batch(0, 5), 10, 15);
  table.apply(at(40, batch(5, 2)), kAllDurable);
  expect_duplicate(table, batch(0, 5), 10, 15);
  expect_duplicate(table, batch(5, 2), 40, 42);
}

TEST(ProducerTableTest, AGapIsRefused) {
  ProducerTable table;
  table.apply(at(0, batch(0, 3)), kAllDurable);
  expect_append(table, batch(3));
  expect_refused(table, batch(4), ErrorCode::out_of_order_sequence_number);
  expect_refused(table, batch(2), ErrorCode::out_of_order_sequence_number);
}

TEST(ProducerTableTest, AheadIsWhatLiesBehindAllThatWasWritten) {
  ProducerTable table;
  EXPECT_TRUE(table.is_ahead(batch(4)));
  table.apply(at(0, batch(0, 3)), kAllDurable);
  for (std::int32_t sequence : {0, 1, 2}) EXPECT_FALSE(table.is_ahead(batch(sequence)));
  EXPECT_TRUE(table.is_ahead(batch(3)));
  EXPECT_TRUE(table.is_ahead(batch(1000)));
  EXPECT_TRUE(table.is_ahead(batch(0, 1, 0, 8)));
  ProducerTable round;
  round.apply(at(0, batch(kSequenceMax, 1)), kAllDurable);
  EXPECT_TRUE(round.is_ahead(batch(0)));
  EXPECT_FALSE(round.is_ahead(batch(kSequenceMax)));
  EXPECT_FALSE(round.is_ahead(batch(kSequenceMax - 5)));
}

// Same first sequence but another length: not what was written, so no repeat.
TEST(ProducerTableTest, AHalfOverlappingBatchIsNoRepeat) {
  ProducerTable table;
  table.apply(at(0, batch(0, 3)), kAllDurable);
  expect_refused(table, batch(0, 2), ErrorCode::out_of_order_sequence_number);
  expect_refused(table, batch(0, 4), ErrorCode::out_of_order_sequence_number);
  expect_refused(table, batch(1, 2), ErrorCode::out_of_order_sequence_number);
}

TEST(ProducerTableTest, AnUnknownProducerMayBeginAnywhere) {
  ProducerTable table;
  expect_append(table, batch(0));
  expect_append(table, batch(1234, 1, 3));
}

TEST(ProducerTableTest, ProducersDoNotKnowOfEachOther) {
  ProducerTable table;
  table.apply(at(0, batch(0, 3, 0, 7)), kAllDurable);
  expect_append(table, batch(0, 3, 0, 8));
  expect_duplicate(table, batch(0, 3, 0, 7), 0, 3);
}

TEST(ProducerTableTest, AnOldEpochIsFenced) {
  ProducerTable table;
  table.apply(at(0, batch(0, 1, 2)), kAllDurable);
  expect_refused(table, batch(1, 1, 1), ErrorCode::invalid_producer_epoch);
  // Even a repeat of what the old epoch had written.
  table.apply(at(1, batch(0, 1, 3)), kAllDurable);
  expect_refused(table, batch(0, 1, 2), ErrorCode::invalid_producer_epoch);
}

TEST(ProducerTableTest, ANewEpochBeginsAtZero) {
  ProducerTable table;
  table.apply(at(0, batch(0, 4, 0)), kAllDurable);
  expect_refused(table, batch(4, 1, 1), ErrorCode::out_of_order_sequence_number);
  expect_append(table, batch(0, 1, 1));
  table.apply(at(4, batch(0, 1, 1)), kAllDurable);
  expect_append(table, batch(1, 1, 1));
  expect_duplicate(table, batch(0, 1, 1), 4, 5);
}

TEST(ProducerTableTest, SequencesWrapAfterTheLargest) {
  ProducerTable table;
  table.apply(at(0, batch(kSequenceMax, 1)), kAllDurable);
  expect_refused(table, batch(1), ErrorCode::out_of_order_sequence_number);
  expect_append(table, batch(0));
}

TEST(ProducerTableTest, ABatchMayWrapInItsMiddle) {
  ProducerTable table;
  // Sequences max-1, max, 0, 1.
  table.apply(at(20, batch(kSequenceMax - 1, 4)), kAllDurable);
  expect_duplicate(table, batch(kSequenceMax - 1, 4), 20, 24);
  expect_append(table, batch(2));
  expect_refused(table, batch(0), ErrorCode::out_of_order_sequence_number);
}

TEST(ProducerTableTest, FiveBatchesAreKept) {
  ProducerTable table;
  for (int i = 0; i < 6; ++i) table.apply(at(i, batch(i)), Offset(i + 1));
  for (int i = 1; i < 6; ++i) expect_duplicate(table, batch(i), i, i + 1);
  expect_refused(table, batch(0), ErrorCode::out_of_order_sequence_number);
}

// What is not durable may be lost, and then the five before it are what the producer asks for.
TEST(ProducerTableTest, FiveDurableBatchesStayBehindWhatIsInFlight) {
  ProducerTable table;
  for (int i = 0; i < 5; ++i) table.apply(at(i, batch(i)), Offset(i + 1));
  for (int i = 5; i < 20; ++i) table.apply(at(i, batch(i)), Offset(5));
  for (int i = 0; i < 20; ++i) expect_duplicate(table, batch(i), i, i + 1);

  ProducerTable restarted;
  ASSERT_TRUE(restarted.decode(table.encode(Offset(5))));
  for (int i = 0; i < 5; ++i) expect_duplicate(restarted, batch(i), i, i + 1);
  expect_append(restarted, batch(5));
}

TEST(ProducerTableTest, OnlyWhatIsDurableIsEncoded) {
  ProducerTable table;
  table.apply(at(0, batch(0, 2)), Offset(2));
  table.apply(at(2, batch(2, 2)), Offset(2));
  table.apply(at(4, batch(0, 1, 0, 8)), Offset(2));
  ProducerTable restarted;
  ASSERT_TRUE(restarted.decode(table.encode(Offset(2))));
  expect_duplicate(restarted, batch(0, 2), 0, 2);
  expect_append(restarted, batch(2, 2));
  expect_refused(restarted, batch(4, 1), ErrorCode::out_of_order_sequence_number);
  // The other producer had nothing durable: unknown.
  expect_append(restarted, batch(5, 1, 0, 8));
}

// A batch that ends above the durable end is not durable, wherever it begins.
TEST(ProducerTableTest, ABatchAcrossTheDurableEndIsNotEncoded) {
  ProducerTable table;
  table.apply(at(0, batch(0, 4)), Offset(2));
  EXPECT_TRUE(table.encode(Offset(2)).empty());
  EXPECT_FALSE(table.encode(Offset(4)).empty());
}

// BUG: the batches of the old epoch were let go when one of the new epoch was appended, so a
// checkpoint before that is durable forgets the producer, and a late repeat of the old epoch is
// written again.
TEST(ProducerTableTest, BugAnEpochInFlightMustNotForgetTheDurableOne) {
  ProducerTable table;
  table.apply(at(0, batch(0, 2, 0)), Offset(2));
  table.apply(at(2, batch(0, 1, 1)), Offset(2));  // not durable
  ProducerTable restarted;
  ASSERT_TRUE(restarted.decode(table.encode(Offset(2))));
  expect_duplicate(restarted, batch(0, 2, 0), 0, 2);
  expect_append(restarted, batch(0, 1, 1));
}

TEST(ProducerTableTest, EncodedAndDecodedIsTheSame) {
  ProducerTable table;
  for (std::int64_t producer = 1; producer <= 3; ++producer) {
    for (int i = 0; i < 4; ++i) {
      table.apply(
          at(producer * 100 + i, batch(i, 1, static_cast<std::int16_t>(producer), producer)),
          kAllDurable);
    }
  }
  ProducerTable restarted;
  ASSERT_TRUE(restarted.decode(table.encode(kAllDurable)));
  for (std::int64_t producer = 1; producer <= 3; ++producer) {
    auto epoch = static_cast<std::int16_t>(producer);
    expect_duplicate(restarted, batch(2, 1, epoch, producer), producer * 100 + 2,
                     producer * 100 + 3);
    expect_append(restarted, batch(4, 1, epoch, producer));
    expect_refused(restarted, batch(4, 1, static_cast<std::int16_t>(epoch - 1), producer),
                   ErrorCode::invalid_producer_epoch);
  }
}

// Recovery applies what the journal still holds over what the manifest knew.
TEST(ProducerTableTest, ReplayOfWhatIsKnownChangesNothing) {
  ProducerTable table;
  table.apply(at(0, batch(0, 2)), kAllDurable);
  table.apply(at(2, batch(2, 2)), kAllDurable);
  const auto before = table.encode(kAllDurable);
  table.apply(at(0, batch(0, 2)), kAllDurable);
  table.apply(at(2, batch(2, 2)), kAllDurable);
  EXPECT_EQ(table.encode(kAllDurable), before);
}

TEST(ProducerTableTest, TruncatedBytesAreRefusedOrHoldWholeProducers) {
  ProducerTable table;
  table.apply(at(0, batch(0, 2, 0, 1)), kAllDurable);
  table.apply(at(2, batch(0, 2, 0, 2)), kAllDurable);
  const auto whole = table.encode(kAllDurable);
  std::size_t refused = 0;
  for (std::size_t size = 1; size < whole.size(); ++size) {
    ProducerTable damaged;
    if (!damaged.decode(ByteView(whole).first(size))) ++refused;
  }
  // One cut falls between the two producers: nothing can tell that one from a whole table.
  EXPECT_EQ(refused, whole.size() - 2);
}

TEST(ProducerTableTest, AnyBytesAreDecodedWithoutHarm) {
  ProducerTable table;
  for (int i = 0; i < 5; ++i) table.apply(at(i, batch(i)), kAllDurable);
  const auto whole = table.encode(kAllDurable);
  for (std::size_t position = 0; position < whole.size(); ++position) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto flipped = whole;
      flipped[position] ^= static_cast<std::uint8_t>(1u << bit);
      ProducerTable damaged;
      if (damaged.decode(flipped)) damaged.check(batch(5));
    }
  }
}

TEST(ProducerTableTest, TheProducerThatWroteLeastRecentlyGoesFirst) {
  ProducerTable table;
  for (std::size_t i = 0; i < ProducerTable::kProducersMax; ++i) {
    BatchHeader header =
        at(static_cast<std::int64_t>(i), batch(0, 1, 0, static_cast<std::int64_t>(i)));
    // Producer 5 wrote long before the others.
    header.max_timestamp = WallMs(i == 5 ? 1 : 1000);
    table.apply(header, kAllDurable);
  }
  table.apply(at(30000, batch(0, 1, 0, 99999)), kAllDurable);
  expect_append(table, batch(77, 1, 0, 5));  // nothing is known of it any more
  expect_duplicate(table, batch(0, 1, 0, 4), 4, 5);
  expect_duplicate(table, batch(0, 1, 0, 99999), 30000, 30001);
}

}  // namespace
}  // namespace millrace
