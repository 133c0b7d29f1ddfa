#include "record/crc32c.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace millrace {
namespace {

// The definition, a bit at a time.
std::uint32_t crc32c_by_definition(ByteView bytes, std::uint32_t seed = 0) {
  std::uint32_t remainder = ~seed;
  for (std::uint8_t byte : bytes) {
    remainder ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = (remainder >> 1) ^ ((remainder & 1) ? 0x82f63b78U : 0);
  }
  return ~remainder;
}

std::vector<std::uint8_t> pattern(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  std::uint32_t state = 12345;
  for (std::uint8_t& byte : bytes) byte = (state = state * 1664525 + 1013904223) >> 24;
  return bytes;
}

TEST(Crc32c, known_values) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
  // RFC 3720, B.4
  std::vector<std::uint8_t> bytes(32, 0);
  EXPECT_EQ(crc32c(bytes), 0x8a9136aaU);
  bytes.assign(32, 0xff);
  EXPECT_EQ(crc32c(bytes), 0x62a8ab43U);
  std::iota(bytes.begin(), bytes.end(), 0);
  EXPECT_EQ(crc32c(bytes), 0x46dd794eU);
  std::reverse(bytes.begin(), bytes.end());
  EXPECT_EQ(crc32c(bytes), 0x113fdb5cU);
}

TEST(Crc32c, of_nothing_is_the_seed) {
  EXPECT_EQ(crc32c({}), 0U);
  EXPECT_EQ(crc32c({}, 0xdeadbeef), 0xdeadbeefU);
}

TEST(Crc32c, equals_the_definition_at_every_size_and_alignment) {
  const std::vector<std::uint8_t> bytes = pattern(1500);
  for (std::size_t start = 0; start < 9; ++start)
    for (std::size_t size = 0; start + size <= bytes.size(); size += size < 300 ? 1 : 97) {
      ByteView part(bytes.data() + start, size);
      ASSERT_EQ(crc32c(part), crc32c_by_definition(part)) << start << " " << size;
      ASSERT_EQ(crc32c(part, 77), crc32c_by_definition(part, 77)) << start << " " << size;
    }
}

TEST(Crc32c, continues_from_an_earlier_part) {
  const std::vector<std::uint8_t> bytes = pattern(700);
  const std::uint32_t whole = crc32c(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ByteView all(bytes);
    ASSERT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), whole) << cut;
  }
}

TEST(Crc32c, seeds_keep_uses_apart) {
  EXPECT_NE(crc32c(as_bytes("123456789"), 1), crc32c(as_bytes("123456789"), 2));
}

}  // namespace
}  // namespace millrace
