// Finding an offset or a time in a segment.
#include "storage/segment.h"

#include "storage/storage_test_support.h"

namespace millrace::test {
namespace {

constexpr std::uint64_t kInterval = 64 << 10;
constexpr Offset kNoLimit{std::numeric_limits<std::int64_t>::max()};

// A file that gives up on who reads it for ever, and whose cache can be empty.
class CountingChunks final : public ChunkSource {
 public:
  std::size_t chunk_size() const override { return chunk_bytes; }
  Result<Bytes> chunk(std::uint64_t number, std::size_t needed, ReadFrom from) override {
    if (from == ReadFrom::cache && number >= cached_below) return fail(ErrorCode::would_block);
    if (++reads > 1000) return fail(ErrorCode::timed_out, "this read goes round in circles");
    std::size_t begin = std::min(file.size(), number * chunk_bytes);
    // No more than was asked for: a chunk that was read early may be short.
    std::size_t size = std::min(short_chunks ? needed : chunk_bytes, file.size() - begin);
    return Bytes::copy_of(ByteView(file).subspan(begin, size));
  }

  Blob file;
  std::size_t chunk_bytes = 4096;
  bool short_chunks = false;
  int reads = 0;
  std::uint64_t cached_below = std::numeric_limits<std::uint64_t>::max();
};

class SegmentTest : public ::testing::Test {
 protected:
  // Appends a batch of `records` records and about `bytes` bytes.
  void add(int records, std::size_t bytes, WallMs time) {
    Bytes batch = batch_of(fmt::format("batch {}", places.size()), records, bytes, time);
    auto header = read_batch_header(batch.view());
    set_base_offset(batch.mutable_data(), next);
    places.push_back({next, next + header->last_offset_delta, header->max_timestamp, header->size});
    positions.push_back(end);
    next = next + records;
    chunks.file.insert(chunks.file.end(), batch.data(), batch.data() + batch.size());
    end += batch.size();
  }
  void fill() {
    SimRandom random(5);
    for (int i = 0; i < 300; ++i) {
      add(static_cast<int>(1 + random.below(9)), random.below(3000), WallMs(1000 + 10 * i));
    }
  }
  Result<SegmentRead> read(std::uint64_t position, Offset offset, std::size_t bytes_max,
                           ReadFrom from = ReadFrom::device) {
    chunks.reads = 0;
    return read_segment(chunks, position, end, offset, bytes_max, kNoLimit, from);
  }
  Segment as_segment(Offset base = Offset(0)) {
    SegmentState state;
    state.base = state.end = base;
    return Segment(nullptr, state, kInterval);
  }
  // With everything that was added.
  Segment written_segment() {
    Segment segment = as_segment();
    segment.extend(places, segment.index(0, places));
    return segment;
  }
  std::size_t batch_with(Offset offset) {
    return static_cast<std::size_t>(
        std::ranges::lower_bound(places, offset, {}, &BatchPlace::last) - places.begin());
  }

  CountingChunks chunks;
  Offset next{0};
  std::uint64_t end = 0;
  std::vector<BatchPlace> places;
  std::vector<std::uint64_t> positions;
};

TEST_F(SegmentTest, every_offset_is_found_from_every_place_in_front_of_it) {
  fill();
  SimRandom random(9);
  for (Offset offset(0); offset < next;
       offset = offset + static_cast<std::int64_t>(1 + random.below(20))) {
    std::size_t batch = batch_with(offset);
    for (std::size_t start = 0; start <= batch; start += 1 + random.below(40)) {
      auto found = read(positions[start], offset, 1 + random.below(8000));
      ASSERT_TRUE(found) << found.error().message();
      Bytes flat = found->batches.flatten();
      auto header = read_batch_header(flat.view());
      ASSERT_TRUE(header);
      EXPECT_EQ(header->base_offset, places[batch].base);
      ASSERT_EQ(
          blob_of(flat.view()),
          Blob(chunks.file.begin() + static_cast<std::ptrdiff_t>(positions[batch]),
               chunks.file.begin() + static_cast<std::ptrdiff_t>(positions[batch] + flat.size())));
      EXPECT_EQ(found->begin, positions[batch]);
      EXPECT_EQ(found->end, positions[batch] + flat.size());
    }
  }
}

TEST_F(SegmentTest, a_read_gives_whole_batches_up_to_its_size_and_at_least_one) {
  fill();
  for (std::size_t bytes_max : {std::size_t{1}, std::size_t{500}, std::size_t{5000},
                                std::size_t{200'000}, std::size_t{10'000'000}}) {
    std::size_t batch = 0;
    for (Offset offset(0); offset < next;) {
      auto found = read(positions[batch], offset, bytes_max);
      ASSERT_TRUE(found) << found.error().message();
      std::size_t size = 0;
      std::size_t count = 0;
      while (size < found->batches.size()) {
        ASSERT_LT(batch + count, places.size());
        size += places[batch + count].size;
        ++count;
      }
      ASSERT_EQ(size, found->batches.size()) << "whole batches";
      EXPECT_TRUE(count == 1 || size <= bytes_max);
      batch += count;
      EXPECT_EQ(found->next, places[batch - 1].last + 1);
      offset = found->next;
    }
    EXPECT_EQ(batch, places.size());
  }
}

TEST_F(SegmentTest, a_batch_larger_than_the_read_is_read_whole) {
  add(1, 10, WallMs(1));
  add(3, 500'000, WallMs(2));
  add(1, 10, WallMs(3));
  for (std::uint64_t start : {positions[0], positions[1]}) {
    auto found = read(start, places[1].base + 1, 100);
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(found->batches.size(), places[1].size);
    EXPECT_EQ(found->next, places[2].base);
  }
  auto last = read(0, places[2].base, 100);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->batches.size(), places[2].size);
}

TEST_F(SegmentTest, nothing_that_reaches_the_limit_is_given) {
  fill();
  for (std::size_t batch = 1; batch < places.size(); batch += 17) {
    Offset limit = places[batch].base;
    chunks.reads = 0;
    auto found = read_segment(chunks, 0, end, Offset(0), 10'000'000, limit, ReadFrom::device);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->next, limit);
    EXPECT_EQ(found->batches.size(), positions[batch]);
  }
}

// It used to read on to the segment's end, each time from the same place and a little further.
TEST_F(SegmentTest, a_read_ends_where_the_limit_comes_before_the_offset) {
  fill();
  chunks.reads = 0;
  auto beyond =
      read_segment(chunks, 0, end, places[200].base, 100, places[3].base, ReadFrom::device);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::offset_out_of_range);
  EXPECT_LE(chunks.reads, 4) << "four batches of three kilobytes";
  // With the offset in front of the limit, it is a batch that claims too many offsets.
  chunks.reads = 0;
  auto damaged = read_segment(chunks, positions[3], end, places[1].base, 100, places[2].base,
                              ReadFrom::device);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::storage_corrupt);
  EXPECT_LE(chunks.reads, 2);
}

TEST_F(SegmentTest, an_offset_beyond_the_end_is_out_of_range) {
  fill();
  auto found = read(0, next, 1000);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::offset_out_of_range);
}

TEST_F(SegmentTest, a_read_from_the_cache_gives_what_is_there_and_never_waits) {
  fill();
  chunks.cached_below = 0;
  auto found = read(0, Offset(0), 1000, ReadFrom::cache);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::would_block);
  EXPECT_EQ(chunks.reads, 0);
  // Whole batches up to where the cache ends.
  chunks.cached_below = 5;
  auto part = read(0, Offset(0), 1'000'000, ReadFrom::cache);
  ASSERT_TRUE(part);
  std::size_t last = batch_with(part->next - 1);
  EXPECT_EQ(part->batches.size(), positions[last + 1]);
  EXPECT_LE(positions[last + 1], 5 * chunks.chunk_bytes);
  EXPECT_GT(positions[last + 2], 5 * chunks.chunk_bytes) << "the next one is not all there";
}

// The chunk at the end of a growing file was loaded when it was shorter.
TEST_F(SegmentTest, a_chunk_is_asked_for_again_when_more_of_it_is_needed) {
  fill();
  chunks.short_chunks = true;
  auto found = read(0, places[250].base, 20'000);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(blob_of(found->batches.flatten().view()),
            Blob(chunks.file.begin() + static_cast<std::ptrdiff_t>(positions[250]),
                 chunks.file.begin() +
                     static_cast<std::ptrdiff_t>(positions[250] + found->batches.size())));
}

// The reader of one is not kept from what comes in front of the damage.
TEST_F(SegmentTest, good_batches_in_front_of_a_damaged_one_are_given) {
  for (int i = 0; i < 5; ++i) add(1, 200, WallMs(1));
  chunks.file[positions[3] + 8] = 0xff;  // the length
  auto front = read(0, Offset(0), 10'000);
  ASSERT_TRUE(front) << front.error().message();
  EXPECT_EQ(front->batches.size(), positions[3]);
  EXPECT_EQ(front->next, places[3].base);
  auto damaged = read(positions[3], places[3].base, 10'000);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::storage_corrupt);
  EXPECT_NE(damaged.error().message().find(fmt::to_string(positions[3])), std::string_view::npos);
}

// A slice of a large chunk must not keep all of it in memory.
TEST_F(SegmentTest, a_small_part_is_copied_out_of_a_large_chunk) {
  fill();
  chunks.chunk_bytes = 1 << 20;
  auto found = read(0, Offset(0), 1000);
  ASSERT_TRUE(found);
  std::size_t kept = 0;
  for (const Bytes& part : found->batches.parts()) kept += part.owner_capacity();
  EXPECT_LE(kept, 4 * found->batches.size());
}

TEST_F(SegmentTest, the_index_of_what_was_written_finds_a_place_close_in_front) {
  fill();
  Segment segment = written_segment();
  EXPECT_EQ(segment.bytes(), end);
  EXPECT_EQ(segment.end(), next);
  EXPECT_EQ(segment.max_timestamp(), places.back().max_timestamp);
  for (std::size_t batch = 0; batch < places.size(); ++batch) {
    std::uint64_t position = segment.position_before(places[batch].last);
    EXPECT_LE(position, positions[batch]);
    EXPECT_LE(positions[batch] - position, 2 * kInterval);
    EXPECT_NE(std::ranges::find(positions, position), positions.end());
  }
}

TEST_F(SegmentTest, a_read_that_goes_on_begins_where_the_one_before_ended) {
  fill();
  Segment segment = written_segment();
  auto found = read(0, places[200].base, 5000);
  ASSERT_TRUE(found);
  segment.learn(*found);
  EXPECT_EQ(segment.position_before(found->next), positions[batch_with(found->next)]);
}

TEST_F(SegmentTest, walking_gives_every_batch_and_its_place) {
  fill();
  std::vector<std::pair<std::uint64_t, BatchPlace>> all;
  for (std::uint64_t position = 0; position < end;) {
    auto some = walk_segment(chunks, position, end, 7);
    ASSERT_TRUE(some) << some.error().message();
    ASSERT_FALSE(some->empty());
    all.insert(all.end(), some->begin(), some->end());
    position = all.back().first + all.back().second.size;
  }
  ASSERT_EQ(all.size(), places.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].first, positions[i]);
    EXPECT_EQ(all[i].second.base, places[i].base);
    EXPECT_EQ(all[i].second.last, places[i].last);
    EXPECT_EQ(all[i].second.max_timestamp, places[i].max_timestamp);
  }
}

TEST_F(SegmentTest, where_a_search_for_a_time_begins_skips_no_batch_as_new_as_it) {
  SimRandom random(4);
  for (int i = 0; i < 400; ++i) {
    // Times go up, with some that are late and some that are early.
    std::int64_t jitter = static_cast<std::int64_t>(random.below(2000)) - 1000;
    add(1, 1500, WallMs(10'000 + 10 * i + jitter));
  }
  Segment segment = written_segment();
  for (std::int64_t time = 8000; time < 16'000; time += 37) {
    Offset begin = segment.offset_before(WallMs(time));
    auto first = std::ranges::find_if(
        places, [&](const BatchPlace& place) { return place.max_timestamp >= WallMs(time); });
    if (first == places.end()) continue;
    EXPECT_LE(begin, first->base) << time;
  }
  EXPECT_GT(segment.offset_before(WallMs(15'000)), Offset(0)) << "and it does skip";
}

// Bug B7: a damaged length that reaches beyond the end was asked for again and again.
TEST_F(SegmentTest, a_damaged_length_is_corruption_and_not_an_endless_read) {
  for (int i = 0; i < 5; ++i) add(1, 200, WallMs(1));
  const Offset last = places.back().base;
  int corrupt = 0;
  for (std::size_t batch = 0; batch < places.size(); ++batch) {
    for (std::uint64_t byte = 8; byte < 12; ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        chunks.file[positions[batch] + byte] ^= static_cast<std::uint8_t>(1u << bit);
        auto found = read(0, last, 100);
        chunks.file[positions[batch] + byte] ^= static_cast<std::uint8_t>(1u << bit);
        if (found)
          continue;  // a wrong length that leads to something like a batch; its checksum tells
        EXPECT_NE(found.error().code, ErrorCode::timed_out)
            << "batch " << batch << " byte " << byte << " bit " << bit;
        if (found.error().code == ErrorCode::storage_corrupt) ++corrupt;
      }
    }
  }
  EXPECT_GT(corrupt, 100);
}

TEST_F(SegmentTest, an_end_in_the_middle_of_a_batch_is_corruption) {
  add(1, 200, WallMs(1));
  add(1, 200, WallMs(2));
  for (std::uint64_t cut = positions[1] + 1; cut < end; ++cut) {
    chunks.reads = 0;
    auto found = read_segment(chunks, 0, cut, places[1].base, 100, kNoLimit, ReadFrom::device);
    ASSERT_FALSE(found) << cut;
    EXPECT_EQ(found.error().code, ErrorCode::storage_corrupt)
        << cut << ": " << found.error().message();
  }
}

}  // namespace
}  // namespace millrace::test
