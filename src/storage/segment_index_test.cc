// The sparse index of a segment, on disk and made anew.
#include "storage/segment_index.h"

#include "storage/segment.h"
#include "storage/storage_test_support.h"

namespace millrace::test {
namespace {

constexpr std::uint64_t kInterval = 1000;

class SegmentIndexTest : public ::testing::Test {
 protected:
  SegmentIndexTest() {
    auto made = disk.files().open("index", OpenMode::create);
    file = std::move(*made);
    SimRandom random(3);
    std::uint64_t position = 0;
    Offset base{0};
    for (int i = 0; i < 200; ++i) {
      BatchPlace place{base, base + 4, WallMs(static_cast<std::int64_t>(random.below(1000))),
                       static_cast<std::uint32_t>(100 + random.below(400))};
      places.push_back(place);
      positions.push_back(position);
      if (auto entry = builder.add(position, place)) entries.push_back(*entry);
      position += place.size;
      base = base + 5;
    }
    bytes = position;
  }
  std::vector<IndexEntry> stored(std::uint64_t below) {
    auto read = read_index(*file, 7, below);
    EXPECT_TRUE(read);
    return *read;
  }
  static void expect_same(const std::vector<IndexEntry>& left,
                          const std::vector<IndexEntry>& right) {
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
      EXPECT_EQ(left[i].base, right[i].base);
      EXPECT_EQ(left[i].position, right[i].position);
      EXPECT_EQ(left[i].max_timestamp_before, right[i].max_timestamp_before);
    }
  }

  SimDisk disk{1};
  std::unique_ptr<File> file;
  IndexBuilder builder{kInterval};
  std::vector<BatchPlace> places;
  std::vector<std::uint64_t> positions;
  std::vector<IndexEntry> entries;
  std::uint64_t bytes = 0;
};

TEST_F(SegmentIndexTest, an_entry_for_each_interval_and_none_for_the_first) {
  ASSERT_GT(entries.size(), 30u);
  std::uint64_t before = 0;
  for (const IndexEntry& entry : entries) {
    EXPECT_GE(entry.position, before + kInterval);
    EXPECT_LT(entry.position, before + kInterval + 500);
    before = entry.position;
    auto at =
        static_cast<std::size_t>(std::ranges::find(positions, entry.position) - positions.begin());
    EXPECT_EQ(entry.base, places[at].base);
    WallMs newest(-1);
    for (std::size_t i = 0; i < at; ++i) newest = std::max(newest, places[i].max_timestamp);
    EXPECT_EQ(entry.max_timestamp_before, newest);
  }
}

TEST_F(SegmentIndexTest, what_is_written_in_parts_comes_back) {
  std::size_t half = entries.size() / 2;
  auto middle = entries.begin() + static_cast<std::ptrdiff_t>(half);
  ASSERT_TRUE(write_index(*file, 7, 0, {entries.begin(), middle}));
  ASSERT_TRUE(write_index(*file, 7, half, {middle, entries.end()}));
  expect_same(stored(bytes), entries);
}

// What a checkpoint left behind that never counted stands at the end; the next one cuts it.
TEST_F(SegmentIndexTest, entries_beyond_the_segment_do_not_count_and_are_cut) {
  ASSERT_TRUE(write_index(*file, 7, 0, entries));
  std::uint64_t below = entries[10].position;
  auto read = stored(below);
  EXPECT_EQ(read.size(), 10u);
  IndexEntry other = entries[10];
  other.base = other.base + 1;
  ASSERT_TRUE(write_index(*file, 7, read.size(), {other}));
  auto again = stored(bytes);
  ASSERT_EQ(again.size(), 11u);
  EXPECT_EQ(again.back().base, other.base);
}

TEST_F(SegmentIndexTest, any_flipped_bit_ends_it_there) {
  ASSERT_TRUE(write_index(*file, 7, 0, entries));
  for (std::uint64_t byte = 0; byte < 32 * 4; ++byte) {
    disk.flip_bit("index", byte, byte % 8);
    EXPECT_EQ(stored(bytes).size(), byte / 32) << byte;
    disk.flip_bit("index", byte, byte % 8);
  }
  EXPECT_EQ(stored(bytes).size(), entries.size());
  auto of_another_segment = read_index(*file, 8, bytes);
  ASSERT_TRUE(of_another_segment);
  EXPECT_TRUE(of_another_segment->empty());
}

TEST_F(SegmentIndexTest, what_is_missing_is_found_by_walking) {
  auto segments = std::make_shared<SegmentFiles>(disk.files(), 10, 1 << 20, 4096);
  auto segment = *segments->create("segment.log");
  std::vector<BatchPlace> written;
  std::uint64_t end = 0;
  Offset next{0};
  for (int i = 0; i < 100; ++i) {
    Bytes batch = batch_of("x", 2, 300, WallMs(1000 + i * 7 % 50));
    set_base_offset(batch.mutable_data(), next);
    auto header = read_batch_header(batch.view());
    written.push_back({next, header->last_offset(), header->max_timestamp, header->size});
    ByteChain chain;
    chain.append(batch);
    ASSERT_TRUE(segment->write_at(end, chain));
    end += batch.size();
    next = header->next_offset();
  }
  IndexBuilder whole(kInterval);
  std::vector<IndexEntry> expected;
  std::uint64_t position = 0;
  for (const BatchPlace& place : written) {
    if (auto entry = whole.add(position, place)) expected.push_back(*entry);
    position += place.size;
  }
  for (std::size_t known = 0; known <= expected.size(); known += 3) {
    std::vector<IndexEntry> found(expected.begin(),
                                  expected.begin() + static_cast<std::ptrdiff_t>(known));
    ASSERT_TRUE(complete_index(found, *segment, end, kInterval));
    expect_same(found, expected);
  }
}

}  // namespace
}  // namespace millrace::test
