#include "record/varint.h"

#include <gtest/gtest.h>

#include <limits>

namespace millrace {
namespace {

using Encoded = std::vector<std::uint8_t>;

template <class Number>
struct Case {
  Number value;
  Encoded bytes;
};

constexpr auto kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr auto kInt32Min = std::numeric_limits<std::int32_t>::min();
constexpr auto kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();

const std::vector<Case<std::int32_t>> kVarints = {
    {0, {0x00}},
    {-1, {0x01}},
    {1, {0x02}},
    {63, {0x7e}},
    {-64, {0x7f}},
    {64, {0x80, 0x01}},
    {-65, {0x81, 0x01}},
    {8191, {0xfe, 0x7f}},
    {-8192, {0xff, 0x7f}},
    {8192, {0x80, 0x80, 0x01}},
    {kInt32Max, {0xfe, 0xff, 0xff, 0xff, 0x0f}},
    {kInt32Min, {0xff, 0xff, 0xff, 0xff, 0x0f}},
};
const std::vector<Case<std::int64_t>> kVarlongs = {
    {0, {0x00}},
    {-1, {0x01}},
    {8192, {0x80, 0x80, 0x01}},
    {std::int64_t{kInt32Max} + 1, {0x80, 0x80, 0x80, 0x80, 0x10}},
    {kInt64Max, {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
    {kInt64Min, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
};

template <class Number>
void check(const Case<Number>& known) {
  Encoded written;
  append_varint_of(written, known.value);
  EXPECT_EQ(written, known.bytes) << known.value;
  EXPECT_EQ(varint_size(known.value), known.bytes.size()) << known.value;

  // With bytes after it and without: the fast path needs two bytes.
  for (std::size_t extra = 0; extra < 3; ++extra) {
    Encoded bytes = known.bytes;
    bytes.resize(bytes.size() + extra, 0xff);
    const std::uint8_t* at = bytes.data();
    Number value = 0;
    ASSERT_TRUE(read_varint_of(at, bytes.data() + bytes.size(), value)) << known.value;
    EXPECT_EQ(value, known.value);
    EXPECT_EQ(at, bytes.data() + known.bytes.size());
  }
}

template <class Number>
bool refused(const Encoded& bytes) {
  const std::uint8_t* at = bytes.data();
  Number value = 42;
  const bool read = read_varint_of(at, bytes.data() + bytes.size(), value);
  EXPECT_EQ(at == bytes.data(), !read) << "the position moves on success only";
  return !read;
}

TEST(Varint, known_encodings) {
  for (const auto& known : kVarints) check(known);
  for (const auto& known : kVarlongs) check(known);
}

TEST(Varint, round_trip_around_every_power_of_two) {
  for (int bit = 0; bit < 63; ++bit)
    for (std::int64_t near = -2; near <= 2; ++near)
      for (std::int64_t sign : {1, -1}) {
        const std::int64_t value = sign * ((std::int64_t{1} << bit) + near);
        Encoded bytes;
        append_varlong(bytes, value);
        ASSERT_LE(bytes.size(), kVarlongSizeMax);
        const std::uint8_t* at = bytes.data();
        std::int64_t read = 0;
        ASSERT_TRUE(read_varlong(at, bytes.data() + bytes.size(), read));
        ASSERT_EQ(read, value);
      }
}

TEST(Varint, refuses_every_truncation) {
  for (const auto& known : kVarlongs)
    for (std::size_t size = 0; size < known.bytes.size(); ++size)
      EXPECT_TRUE(refused<std::int64_t>(Encoded(known.bytes.begin(), known.bytes.begin() + size)));
}

TEST(Varint, refuses_more_bits_than_the_type_has) {
  EXPECT_TRUE(refused<std::int32_t>({0xff, 0xff, 0xff, 0xff, 0x1f}));
  EXPECT_TRUE(refused<std::int32_t>({0xff, 0xff, 0xff, 0xff, 0x8f, 0x00}));
  EXPECT_TRUE(refused<std::int32_t>({0x80, 0x80, 0x80, 0x80, 0x10}));
  EXPECT_TRUE(refused<std::int64_t>({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}));
  EXPECT_TRUE(
      refused<std::int64_t>({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00}));
}

TEST(Varint, reads_longer_encodings_than_needed) {
  const Encoded bytes = {0x82, 0x80, 0x80, 0x00};
  const std::uint8_t* at = bytes.data();
  std::int32_t value = 0;
  ASSERT_TRUE(read_varint(at, bytes.data() + bytes.size(), value));
  EXPECT_EQ(value, 1);
  EXPECT_EQ(at, bytes.data() + 4);
}

}  // namespace
}  // namespace millrace
