#include "base/bytes.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

Bytes text(std::string_view characters) { return Bytes::copy_of(as_bytes(characters)); }

TEST(BytesTest, ACopyIsItsOwn) {
  std::string source = "hello";
  Bytes copy = Bytes::copy_of(as_bytes(source));
  source[0] = 'j';
  EXPECT_EQ(as_text(copy.view()), "hello");
}

TEST(BytesTest, ASliceKeepsTheBlockAlive) {
  Bytes slice;
  {
    Bytes whole = text("0123456789");
    slice = whole.slice(3, 4);
  }
  EXPECT_EQ(as_text(slice.view()), "3456");
  EXPECT_EQ(slice.owner_capacity(), 10u);
  EXPECT_EQ(as_text(slice.slice(1, 2).view()), "45");
}

TEST(BytesTest, EmptyBytesHaveNoBlock) {
  EXPECT_TRUE(Bytes::copy_of({}).empty());
  EXPECT_EQ(Bytes().owner_capacity(), 0u);
  EXPECT_TRUE(Bytes().view().empty());
}

TEST(BytesTest, ABufferIsUniqueUntilAViewOfItIsTaken) {
  BufferRef buffer = Buffer::allocate(16);
  EXPECT_TRUE(buffer.unique());
  {
    Bytes view(buffer, 0, 8);
    EXPECT_FALSE(buffer.unique());
    Bytes other = view;
    view = Bytes();
    EXPECT_FALSE(buffer.unique());
  }
  EXPECT_TRUE(buffer.unique());
  EXPECT_FALSE(BufferRef().unique());
}

TEST(BytesTest, AMovedBufferIsLeftEmpty) {
  BufferRef buffer = Buffer::allocate(16);
  Buffer* block = buffer.get();
  BufferRef moved = std::move(buffer);
  EXPECT_EQ(moved.get(), block);
  EXPECT_TRUE(moved.unique());
  moved = BufferRef();
  EXPECT_FALSE(moved);
}

TEST(BytesTest, StaticBytesOwnNothing) {
  Bytes bytes = Bytes::of_static(as_bytes("literal"));
  EXPECT_EQ(as_text(bytes.view()), "literal");
  EXPECT_EQ(bytes.owner_capacity(), 0u);
}

TEST(ByteChainTest, PartsAreKeptInOrder) {
  ByteChain chain;
  chain.append(text("one "));
  chain.append(Bytes());  // leaves no part
  chain.append(text("two "));
  ByteChain tail;
  tail.append(text("three"));
  chain.append(std::move(tail));
  EXPECT_EQ(chain.parts().size(), 3u);
  EXPECT_EQ(chain.size(), 13u);
  EXPECT_EQ(as_text(chain.flatten().view()), "one two three");
}

TEST(ByteChainTest, OnePartIsNotCopied) {
  ByteChain chain;
  Bytes part = text("alone");
  chain.append(part);
  EXPECT_EQ(chain.flatten().data(), part.data());
}

TEST(ByteChainTest, AnEmptyChainIsEmpty) {
  ByteChain chain;
  EXPECT_TRUE(chain.empty());
  EXPECT_TRUE(chain.flatten().empty());
  chain.append(text("x"));
  EXPECT_FALSE(chain.empty());
  chain.clear();
  EXPECT_TRUE(chain.empty());
  EXPECT_TRUE(chain.parts().empty());
}

}  // namespace
}  // namespace millrace
