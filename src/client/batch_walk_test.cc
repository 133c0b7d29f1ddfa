#include "client/batch_walk.h"

#include <gtest/gtest.h>

namespace millrace::client {
namespace {

// Batches of two records each, from offset 10 on.
std::vector<std::uint8_t> batches(int count) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < count; ++i) {
    BatchBuilder builder;
    builder.base_offset(Offset(10 + 2 * i));
    builder.add(WallMs(0), std::nullopt, as_bytes("value"));
    builder.add(WallMs(0), std::nullopt, as_bytes("other"));
    const Bytes batch = builder.build();
    bytes.insert(bytes.end(), batch.view().begin(), batch.view().end());
  }
  return bytes;
}

TEST(BatchWalkTest, GivesEachWholeBatch) {
  const auto bytes = batches(3);
  BatchWalk walk(bytes);
  for (const int offset : {10, 12, 14}) {
    const auto batch = walk.next();
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->header.base_offset.value(), offset);
    EXPECT_TRUE(checksum_matches(batch->bytes));
  }
  EXPECT_FALSE(walk.next());
  EXPECT_FALSE(walk.error());
}

TEST(BatchWalkTest, ACutOffLastBatchIsTheEnd) {
  const auto bytes = batches(2);
  const std::size_t one = bytes.size() / 2;
  for (std::size_t size = one; size < bytes.size(); ++size)
    EXPECT_EQ(end_of_batches(ByteView(bytes).first(size)), 12) << size;
  EXPECT_EQ(end_of_batches(bytes), 14);
}

TEST(BatchWalkTest, NoWholeBatchIsAnError) {
  const auto bytes = batches(1);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(end_of_batches(ByteView(bytes).first(size)).error().code,
              ErrorCode::message_too_large);
}

TEST(BatchWalkTest, SomethingElseIsAnError) {
  const std::vector<std::uint8_t> zeros(200);
  EXPECT_FALSE(end_of_batches(zeros));
  auto bytes = batches(2);
  bytes[bytes.size() / 2 + 16] = 1;  // the second one's format
  EXPECT_EQ(end_of_batches(bytes).error().code, ErrorCode::unsupported_for_message_format);
}

}  // namespace
}  // namespace millrace::client
