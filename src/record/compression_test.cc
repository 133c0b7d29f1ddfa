#include "record/compression.h"

#include <gtest/gtest.h>
#include <lz4frame.h>

#include <algorithm>
#include <string>

#include "record/codecs.h"
#include "record/endian.h"

namespace millrace {
namespace {

using Blob = std::vector<std::uint8_t>;

constexpr std::size_t kMiB = 1024 * 1024;
constexpr Compression kCodecs[] = {Compression::gzip, Compression::snappy, Compression::lz4,
                                   Compression::zstd};

Blob text(std::size_t size) {
  const std::string words = "the quick brown fox jumps over the lazy dog, ";
  Blob run(size);
  for (std::size_t i = 0; i < size; ++i) run[i] = words[(i + i / 1000) % words.size()];
  return run;
}

Blob noise(std::size_t size) {
  Blob run(size);
  std::uint32_t state = 7;
  for (std::uint8_t& byte : run) byte = (state = state * 1664525 + 1013904223) >> 24;
  return run;
}

Blob joined(Blob first, const Blob& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

ErrorCode outcome(Compression codec, ByteView compressed, std::size_t bytes_max) {
  DecompressionBuffer buffer;
  Result<ByteView> bytes = decompress(codec, compressed, bytes_max, buffer);
  return bytes ? ErrorCode::ok : bytes.error().code;
}

class EveryCodec : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Compression, EveryCodec, testing::ValuesIn(kCodecs));

TEST_P(EveryCodec, gives_back_what_it_was_given) {
  DecompressionBuffer buffer;
  for (std::size_t size : {0UL, 1UL, 100UL, 32767UL, 32768UL, 32769UL, 65536UL, 300000UL})
    for (const Blob& run : {text(size), noise(size)}) {
      const Blob compressed = compress(GetParam(), run);
      Result<ByteView> bytes = decompress(GetParam(), compressed, size, buffer);
      ASSERT_TRUE(bytes) << size << ": " << bytes.error().message();
      ASSERT_TRUE(std::ranges::equal(*bytes, run)) << size;
    }
}

TEST_P(EveryCodec, makes_text_smaller) {
  EXPECT_LT(compress(GetParam(), text(100000)).size(), 20000U);
}

TEST_P(EveryCodec, the_limit_itself_is_allowed_and_one_byte_more_is_not) {
  for (std::size_t size : {1UL, 5000UL, 200000UL}) {
    const Blob compressed = compress(GetParam(), text(size));
    EXPECT_EQ(outcome(GetParam(), compressed, size), ErrorCode::ok);
    EXPECT_EQ(outcome(GetParam(), compressed, size - 1), ErrorCode::message_too_large);
  }
}

TEST_P(EveryCodec, a_bomb_stops_at_the_limit) {
  const Blob bomb = compress(GetParam(), Blob(64 * kMiB, 0));
  ASSERT_LT(bomb.size(), 4 * kMiB);
  DecompressionBuffer buffer;
  Result<ByteView> bytes = decompress(GetParam(), bomb, 5 * kMiB, buffer);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::message_too_large);
  EXPECT_LE(buffer.capacity(), 5 * kMiB + 1);
}

TEST_P(EveryCodec, every_truncation_is_refused_or_shorter) {
  const Blob run = text(70000);
  const Blob compressed = compress(GetParam(), run);
  DecompressionBuffer buffer;
  for (std::size_t size = 0; size < compressed.size(); ++size) {
    Result<ByteView> bytes = decompress(GetParam(), ByteView(compressed).first(size), kMiB, buffer);
    // Only snappy's framing has no end: cut between two blocks it is shorter, never other bytes.
    if (!bytes) {
      ASSERT_EQ(bytes.error().code, ErrorCode::corrupt_message);
      continue;
    }
    ASSERT_EQ(GetParam(), Compression::snappy) << size;
    ASSERT_EQ(bytes->size() % 32768, 0U) << size;
    ASSERT_LT(bytes->size(), run.size());
    ASSERT_TRUE(std::equal(bytes->begin(), bytes->end(), run.begin()));
  }
}

TEST_P(EveryCodec, damage_never_passes_the_limit) {
  const Blob compressed = compress(GetParam(), text(3000));
  DecompressionBuffer buffer;
  for (std::size_t bit = 0; bit < compressed.size() * 8; ++bit) {
    Blob damaged = compressed;
    damaged[bit / 8] ^= 1 << bit % 8;
    Result<ByteView> bytes = decompress(GetParam(), damaged, 4000, buffer);
    if (bytes) ASSERT_LE(bytes->size(), 4000U);
    ASSERT_LE(buffer.capacity(), std::max<std::size_t>(4001, compressed.size() * 4));
  }
}

TEST_P(EveryCodec, noise_and_nothing_are_refused) {
  EXPECT_EQ(outcome(GetParam(), {}, kMiB), ErrorCode::corrupt_message);
  EXPECT_EQ(outcome(GetParam(), noise(1000), kMiB), ErrorCode::corrupt_message);
}

TEST_P(EveryCodec, a_byte_after_the_end_is_refused) {
  EXPECT_EQ(outcome(GetParam(), joined(compress(GetParam(), text(1000)), {0}), kMiB),
            ErrorCode::corrupt_message);
}

TEST(CompressionTypes, unknown_ones_are_refused_and_none_copies) {
  for (int type : {5, 6, 7})
    EXPECT_EQ(outcome(static_cast<Compression>(type), text(10), kMiB),
              ErrorCode::unsupported_compression_type);
  DecompressionBuffer buffer;
  const Blob run = text(10);
  Result<ByteView> bytes = decompress(Compression::none, run, 10, buffer);
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(std::ranges::equal(*bytes, run));
  EXPECT_EQ(outcome(Compression::none, run, 9), ErrorCode::message_too_large);
}

TEST(Gzip, further_members_are_read) {
  const Blob two = joined(gzip_compress(text(1000)), gzip_compress(noise(500)));
  DecompressionBuffer buffer;
  Result<ByteView> bytes = decompress(Compression::gzip, two, kMiB, buffer);
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(std::ranges::equal(*bytes, joined(text(1000), noise(500))));
}

TEST(Gzip, many_empty_members_come_to_an_end) {
  Blob many;
  for (int i = 0; i < 10000; ++i) many = joined(std::move(many), gzip_compress({}));
  EXPECT_EQ(outcome(Compression::gzip, many, 10), ErrorCode::ok);
}

TEST(Zstd, further_frames_are_read) {
  const Blob two = joined(zstd_compress(text(1000)), zstd_compress(noise(500)));
  DecompressionBuffer buffer;
  Result<ByteView> bytes = decompress(Compression::zstd, two, kMiB, buffer);
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(std::ranges::equal(*bytes, joined(text(1000), noise(500))));
}

TEST(Zstd, a_window_over_128_mib_is_refused) {
  // Magic; a header without content size; the window's exponent; an empty last block.
  Blob frame = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0, 0x01, 0x00, 0x00};
  frame[5] = (27 - 10) << 3;
  EXPECT_EQ(outcome(Compression::zstd, frame, kMiB), ErrorCode::ok);
  frame[5] = (28 - 10) << 3;
  EXPECT_EQ(outcome(Compression::zstd, frame, kMiB), ErrorCode::corrupt_message);
}

TEST(Zstd, a_stated_content_size_takes_no_memory) {
  // A single segment of 8 stated bytes size: 2^40.
  const Blob frame = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 0x01, 0x00, 0x00};
  DecompressionBuffer buffer;
  Result<ByteView> bytes = decompress(Compression::zstd, frame, 64 * kMiB, buffer);
  EXPECT_FALSE(bytes);
  EXPECT_LE(buffer.capacity(), 4096U);
}

TEST(Zstd, a_refused_run_does_not_disturb_the_next) {
  const Blob good = zstd_compress(text(100000));
  for (std::size_t size = 1; size < good.size(); size += 7) {
    EXPECT_EQ(outcome(Compression::zstd, ByteView(good).first(size), kMiB),
              ErrorCode::corrupt_message);
    EXPECT_EQ(outcome(Compression::zstd, good, 100000), ErrorCode::ok);
  }
}

Blob lz4_frame(LZ4F_blockMode_t mode) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = mode;
  const Blob bytes = text(200000);
  Blob frame(LZ4F_compressFrameBound(bytes.size(), &preferences));
  frame.resize(
      LZ4F_compressFrame(frame.data(), frame.size(), bytes.data(), bytes.size(), &preferences));
  return frame;
}

TEST(Lz4, only_what_the_java_client_reads) {
  const Blob frame = lz4_compress(text(1000));
  EXPECT_EQ(outcome(Compression::lz4, frame, kMiB), ErrorCode::ok);
  EXPECT_EQ(outcome(Compression::lz4, joined(frame, frame), kMiB), ErrorCode::corrupt_message);
  EXPECT_EQ(outcome(Compression::lz4, lz4_frame(LZ4F_blockIndependent), kMiB), ErrorCode::ok);
  EXPECT_EQ(outcome(Compression::lz4, lz4_frame(LZ4F_blockLinked), kMiB),
            ErrorCode::corrupt_message);
  // A skippable frame in front.
  const Blob skippable = {0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7};
  EXPECT_EQ(outcome(Compression::lz4, joined(skippable, lz4_compress(text(10))), kMiB),
            ErrorCode::corrupt_message);
}

// "abc" as a bare snappy block: size, one literal.
const Blob kBareBlock = {0x03, 0x08, 'a', 'b', 'c'};

Blob snappy_frame(const std::vector<Blob>& blocks) {
  Blob frame = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
  for (const Blob& block : blocks) {
    frame.resize(frame.size() + 4);
    store_big_endian(frame.data() + frame.size() - 4, static_cast<std::int32_t>(block.size()));
    frame = joined(std::move(frame), block);
  }
  return frame;
}

TEST(Snappy, both_framings_are_read) {
  DecompressionBuffer buffer;
  Result<ByteView> bytes = decompress(Compression::snappy, kBareBlock, 3, buffer);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), "abc");
  bytes = decompress(Compression::snappy, snappy_frame({kBareBlock, kBareBlock}), 6, buffer);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), "abcabc");
}

TEST(Snappy, the_framing_is_written) {
  const Blob compressed = compress(Compression::snappy, text(100));
  const Blob header = snappy_frame({});
  ASSERT_GT(compressed.size(), header.size());
  EXPECT_TRUE(std::equal(header.begin(), header.end(), compressed.begin()));
}

TEST(Snappy, a_stated_size_takes_no_memory) {
  const Blob lie = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x08, 'a', 'b', 'c'};    // 4 GiB
  const Blob smaller_lie = {0x80, 0x80, 0x80, 0x10, 0x08, 'a', 'b', 'c'};  // 32 MiB
  for (const Blob& run : {lie, smaller_lie, snappy_frame({lie}), snappy_frame({smaller_lie})}) {
    DecompressionBuffer buffer;
    Result<ByteView> bytes = decompress(Compression::snappy, run, 64 * kMiB, buffer);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, ErrorCode::corrupt_message);
    EXPECT_LE(buffer.capacity(), 4096U);
  }
}

TEST(Snappy, the_densest_block_is_read) {
  // A literal byte, then copies of 64 bytes in 3: what the bound on stated sizes must let through.
  constexpr int kCopies = 10000;
  Blob block;
  for (std::uint32_t size = 1 + 64 * kCopies; size > 0; size >>= 7)
    block.push_back((size & 0x7f) | (size >= 0x80 ? 0x80 : 0));
  block.insert(block.end(), {0x00, 'x'});
  for (int i = 0; i < kCopies; ++i) block.insert(block.end(), {63 << 2 | 2, 1, 0});
  DecompressionBuffer buffer;
  Result<ByteView> bytes = decompress(Compression::snappy, block, kMiB, buffer);
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_EQ(as_text(*bytes), std::string(1 + 64 * kCopies, 'x'));
}

TEST(Snappy, impossible_block_sizes_are_refused) {
  const Blob header = snappy_frame({});
  for (const Blob& sizes : {Blob{0xff, 0xff, 0xff, 0xff}, Blob{0x7f, 0xff, 0xff, 0xff},
                            Blob{0, 0, 0, 0}, Blob{0, 0, 0, 6}, Blob{0, 0, 0}})
    EXPECT_EQ(outcome(Compression::snappy, joined(joined(header, sizes), kBareBlock), kMiB),
              ErrorCode::corrupt_message);
  Blob other_version = snappy_frame({kBareBlock});
  other_version[15] = 2;
  EXPECT_EQ(outcome(Compression::snappy, other_version, kMiB), ErrorCode::corrupt_message);
}

TEST(DecompressionBuffer, gives_memory_back_beyond_what_may_be_kept) {
  DecompressionBuffer buffer;
  ASSERT_TRUE(decompress(Compression::none, text(10000), kMiB, buffer));
  const std::size_t capacity = buffer.capacity();
  ASSERT_GE(capacity, 10000U);
  buffer.keep_at_most(capacity);
  EXPECT_EQ(buffer.capacity(), capacity);
  buffer.keep_at_most(capacity - 1);
  EXPECT_EQ(buffer.capacity(), 0U);
  Result<ByteView> bytes = decompress(Compression::none, text(10), kMiB, buffer);
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(std::ranges::equal(*bytes, text(10)));
}

TEST(DecompressionBuffer, a_smaller_limit_holds_in_a_larger_buffer) {
  DecompressionBuffer buffer;
  ASSERT_TRUE(decompress(Compression::none, text(10000), kMiB, buffer));
  for (Compression codec : kCodecs) {
    Result<ByteView> bytes = decompress(codec, compress(codec, text(200)), 100, buffer);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, ErrorCode::message_too_large);
    EXPECT_LE(buffer.view().size(), 101U) << "work stops there";
  }
}

}  // namespace
}  // namespace millrace
