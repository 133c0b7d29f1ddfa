#include "base/fields.h"

#include <gtest/gtest.h>

#include <limits>

namespace millrace {
namespace {

constexpr std::uint64_t kUnsignedMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t kSignedMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSignedMin = std::numeric_limits<std::int64_t>::min();

bool is_damaged(ByteView bytes) {
  FieldReader reader(bytes);
  while (reader.next()) {
  }
  return !reader.ok();
}

TEST(FieldsTest, NumbersComeBack) {
  for (std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{127}, std::uint64_t{128},
        std::uint64_t{16383}, std::uint64_t{16384}, kUnsignedMax >> 1, kUnsignedMax}) {
    FieldWriter out;
    out.put(3, value);
    FieldReader reader(out.view());
    auto field = reader.next();
    ASSERT_TRUE(field.has_value()) << value;
    EXPECT_EQ(field->number, 3u);
    EXPECT_EQ(field->value, value);
    EXPECT_FALSE(reader.next().has_value());
    EXPECT_TRUE(reader.ok());
  }
}

TEST(FieldsTest, SignedNumbersComeBack) {
  for (std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{-64},
                             std::int64_t{64}, kSignedMax, kSignedMin}) {
    FieldWriter out;
    out.put_signed(1, value);
    FieldReader reader(out.view());
    auto field = reader.next();
    ASSERT_TRUE(field.has_value()) << value;
    EXPECT_EQ(field->as_signed(), value);
  }
}

// As Protocol Buffers has them: the layout is on disk, so it must not drift.
TEST(FieldsTest, TheBytesAreTheDocumentedOnes) {
  FieldWriter out;
  out.put(1, 150);
  out.put_text(2, "ab");
  out.put_signed(3, -2);
  EXPECT_EQ(out.take(),
            (std::vector<std::uint8_t>{0x08, 0x96, 0x01, 0x12, 0x02, 'a', 'b', 0x18, 0x03}));
}

TEST(FieldsTest, TextAndBytesComeBack) {
  FieldWriter out;
  out.put_text(1, "");
  out.put_text(2, std::string(300, 'x'));
  out.put_bytes(3, as_bytes(std::string_view("\0\xff", 2)));
  FieldReader reader(out.view());
  EXPECT_EQ(reader.next()->text(), "");
  EXPECT_EQ(reader.next()->text(), std::string(300, 'x'));
  EXPECT_EQ(reader.next()->text(), std::string_view("\0\xff", 2));
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.ok());
}

TEST(FieldsTest, MessagesNest) {
  FieldWriter inner;
  inner.put(1, 5);
  inner.put_text(2, "x");
  FieldWriter out;
  out.put_message(7, inner);
  out.put(8, 1);
  FieldReader reader(out.view());
  auto message = reader.next();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->number, 7u);
  FieldReader fields(message->bytes);
  EXPECT_EQ(fields.next()->value, 5u);
  EXPECT_EQ(fields.next()->text(), "x");
  EXPECT_FALSE(fields.next().has_value());
  EXPECT_EQ(reader.next()->number, 8u);
}

TEST(FieldsTest, NothingIsSound) { EXPECT_FALSE(is_damaged({})); }

TEST(FieldsTest, LargeFieldNumbersComeBack) {
  FieldWriter out;
  out.put((1u << 29) - 1, 9);
  FieldReader reader(out.view());
  EXPECT_EQ(reader.next()->number, (1u << 29) - 1);
}

// A cut between two fields can't be seen; every other one is damage.
TEST(FieldsTest, ACutFieldIsDamage) {
  FieldWriter first;
  first.put(1, 1'000'000);
  FieldWriter whole;
  whole.put(1, 1'000'000);
  whole.put_text(2, "some text");
  const std::size_t boundary = first.view().size();
  for (std::size_t size = 1; size < whole.view().size(); ++size) {
    EXPECT_EQ(is_damaged(whole.view().first(size)), size != boundary) << size;
  }
}

TEST(FieldsTest, ALengthBeyondTheEndIsDamage) {
  const std::uint8_t little[] = {0x0a, 0x05, 'a', 'b'};
  EXPECT_TRUE(is_damaged(little));
  // Almost 2^64 bytes.
  const std::uint8_t huge[] = {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff,
                               0xff, 0xff, 0xff, 0xff, 0x01, 'a'};
  EXPECT_TRUE(is_damaged(huge));
}

TEST(FieldsTest, AWireTypeThatIsNeverWrittenIsDamage) {
  for (std::uint8_t type : {1, 3, 4, 5, 6, 7}) {
    const std::uint8_t bytes[] = {static_cast<std::uint8_t>(8 | type), 0, 0, 0, 0, 0, 0, 0, 0};
    EXPECT_TRUE(is_damaged(bytes)) << int{type};
  }
}

TEST(FieldsTest, AVarintThatNeverEndsIsDamage) {
  const std::vector<std::uint8_t> bytes(30, 0xff);
  EXPECT_TRUE(is_damaged(bytes));
}

TEST(FieldsTest, AfterDamageNothingComes) {
  const std::uint8_t bytes[] = {0x0b, 0x01, 0x08, 0x01};
  FieldReader reader(bytes);
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace millrace
