#include "settings/nearest.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(NearestTest, Distances) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kafka", "kafka"), 0U);
  EXPECT_EQ(edit_distance("kafak", "kafka"), 1U);
  EXPECT_EQ(edit_distance("lisen", "listen"), 1U);
  EXPECT_EQ(edit_distance("abc", "xyz"), 3U);
}

TEST(NearestTest, TheNearestAndOfEquallyNearTheFirst) {
  EXPECT_EQ(nearest("kafak", {"http", "kafka"}), "kafka");
  EXPECT_EQ(nearest("ac", {"ab", "ad"}), "ab");
}

}  // namespace
}  // namespace millrace
