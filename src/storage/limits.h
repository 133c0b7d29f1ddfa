// What storage may use. Every limit has a name and a unit.
#pragma once

#include <chrono>
#include <cstdint>

namespace millrace {

struct StorageLimits {
  // Journal: files of this size, together at most this much; the first one is small so that a first
  // start is quick.
  std::uint64_t journal_bytes_max = 1024ull << 20;
  std::uint64_t journal_file_bytes = 64ull << 20;
  std::uint64_t journal_first_file_bytes = 8ull << 20;
  // One group, and so one flush, takes at most this much.
  std::uint64_t group_bytes_max = 8ull << 20;
  // Appends up to small_append_bytes go before larger ones. While such have come within the last
  // small_last, a group takes large_share_bytes of what is larger: they wait for it.
  std::uint64_t small_append_bytes = 64 << 10;
  std::uint64_t large_share_bytes = 1 << 20;
  std::chrono::milliseconds small_last{1000};
  // A flush costs as much as many small appends. While several come during each, and together are
  // less than paced_bytes_max, flushes begin no closer than this.
  std::chrono::microseconds flush_pace{300};
  std::uint64_t paced_bytes_max = 64ull << 10;
  // Appended and not yet durable; above it producers wait. What is larger than small_append_bytes
  // leaves room of pending_small_bytes, or half if that is less: small appends don't wait for it.
  std::uint64_t pending_bytes_max = 64ull << 20;
  std::uint64_t pending_small_bytes = 4ull << 20;
  // Journal written since the last checkpoint that starts the next one. Well below tail_bytes_max:
  // a checkpoint that finds the bytes in memory no more has to read them from the journal, batch by
  // batch, and falls behind.
  std::uint64_t checkpoint_bytes = 24ull << 20;
  // ... and the longest time between two while there is anything to write.
  std::chrono::seconds checkpoint_interval{30};
  // Where more partitions than this have less than carry_bytes each, a checkpoint carries them
  // forward in the journal, each at most so many times, instead of writing so many files
  // (carry.cc).
  std::size_t carry_partitions_min = 16;
  std::uint64_t carry_bytes = 4 << 10;
  unsigned carry_times_max = 8;
  // With less than this free on the disk, producing is refused: the rest is for what drains it.
  std::uint64_t disk_reserve_bytes = 64ull << 20;
  // Durable batches kept in memory for readers at the end of a partition, all cores together.
  std::uint64_t tail_bytes_max = 64ull << 20;
  // Segments: files open at a time, two descriptors each, and memory for what was read of them.
  std::size_t open_segments_max = 500;
  std::uint64_t segment_cache_bytes_max = 32ull << 20;
  std::size_t segment_chunk_bytes = 1 << 20;
  // A segment's index has an entry for this many bytes.
  std::uint64_t segment_index_interval = 1 << 20;
  // What a checkpoint writes of one partition goes past the page cache from this much on.
  std::uint64_t direct_write_bytes = 64 << 10;
  // A partition that has this much in one group has it written straight to a segment, and so on
  // until its groups are small again (direct_segments.h). At most so many partitions at a time.
  std::uint64_t direct_append_bytes = 256 << 10;
  std::size_t direct_writers = 6;
  // Written so since the last checkpoint that starts the next one, which only has to list it:
  // bytes, and batches, each of which is an entry in memory until then.
  std::uint64_t checkpoint_direct_bytes = 256ull << 20;
  std::uint64_t checkpoint_direct_batches = 50'000;
  // A partition's file is closed and the next begun at this size.
  std::uint64_t segment_bytes = 1024ull << 20;
  // A mark follows when the journal was idle for this long (STORAGE.md rule 3: within 1 s).
  std::chrono::milliseconds mark_after{500};
};

}  // namespace millrace
