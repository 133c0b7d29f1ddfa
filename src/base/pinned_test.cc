#include "base/pinned.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace {
namespace {

ByteChain two_views() {
  BufferRef large = Buffer::allocate(1000);
  BufferRef own = Buffer::allocate(50);
  for (std::size_t i = 0; i < 1000; ++i) large->data()[i] = static_cast<std::uint8_t>('a' + i % 26);
  for (std::size_t i = 0; i < 50; ++i) own->data()[i] = 'X';
  ByteChain chain;
  chain.append(Bytes(large, 10, 30));
  chain.append(Bytes(own, 0, 50));
  return chain;
}

std::string text(const ByteChain& chain) { return std::string(as_text(chain.flatten().view())); }

TEST(PinnedTest, AViewCostsTheBlockBehindIt) {
  EXPECT_EQ(pinned_bytes(ByteChain()), 0u);
  EXPECT_EQ(pinned_bytes(two_views()), 1050u);
}

TEST(PinnedTest, SlimmedIsTheSameBytesWithoutTheLargeBlock) {
  const ByteChain chain = two_views();
  const std::string all = text(chain);
  for (std::size_t skip = 0; skip <= chain.size(); ++skip) {
    EXPECT_EQ(text(without_front(chain, skip)), all.substr(skip));
    const ByteChain slim = slimmed(chain, skip);
    EXPECT_EQ(text(slim), all.substr(skip));
    EXPECT_LE(pinned_bytes(slim), 2 * slim.size());
  }
  EXPECT_EQ(pinned_bytes(slimmed(chain, 0)), 80u);
}

TEST(PinnedTest, WhatIsMostOfItsBlockIsNotCopied) {
  BufferRef block = Buffer::allocate(100);
  ByteChain chain;
  chain.append(Bytes(block, 0, 60));
  EXPECT_EQ(slimmed(chain, 5).parts().front().data(), block->data() + 5);
  EXPECT_NE(slimmed(chain, 15).parts().front().data(), block->data() + 15);
}

TEST(PinnedTest, LiteralsCostWhatTheyHave) {
  ByteChain chain;
  chain.append(Bytes::of_static(as_bytes("literal")));
  EXPECT_EQ(pinned_bytes(slimmed(chain, 3)), 4u);
}

}  // namespace
}  // namespace millrace
