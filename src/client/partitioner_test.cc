#include "client/partitioner.h"

#include <gtest/gtest.h>

#include <vector>

namespace millrace::client {
namespace {

struct Known {
  std::string_view key;
  std::int32_t hash;
};

// What the Java clients give, as they say in their own tests.
constexpr Known kKnown[] = {
    {"21", -973932308},
    {"foobar", -790332482},
    {"a-little-bit-long-string", -985981536},
    {"a-little-bit-longer-string", -1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    {"abc", 479470107},
};

TEST(PartitionerTest, HashesAsTheJavaClientsDo) {
  for (const Known& known : kKnown)
    EXPECT_EQ(static_cast<std::int32_t>(murmur2(as_bytes(known.key))), known.hash) << known.key;
}

TEST(PartitionerTest, NegativeHashesLoseTheirSign) {
  // -973932308 & 0x7fffffff = 1173551340
  EXPECT_EQ(partition_of_key(as_bytes("21"), 7), 1173551340 % 7);
  EXPECT_EQ(partition_of_key(as_bytes("abc"), 7), 479470107 % 7);
}

TEST(PartitionerTest, EveryPartitionIsReached) {
  std::vector<int> reached(11);
  for (int i = 0; i < 1000; ++i)
    ++reached.at(static_cast<std::size_t>(partition_of_key(as_bytes(std::to_string(i)), 11)));
  for (const int count : reached) EXPECT_GT(count, 40);
}

TEST(PartitionerTest, AnEmptyKeyIsAKey) {
  EXPECT_EQ(partition_of_key({}, 1), 0);
  EXPECT_EQ(partition_of_key({}, 5), partition_of_key({}, 5));
}

}  // namespace
}  // namespace millrace::client
