#include "base/persistent_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace millrace {
namespace {

using Map = PersistentMap<std::string, int>;

std::map<std::string, int> entries(const Map& map) {
  std::map<std::string, int> all;
  std::string last;
  for (const auto& [key, value] : map) {
    EXPECT_TRUE(all.empty() || last < key);
    last = key;
    all.emplace(key, value);
  }
  EXPECT_EQ(all.size(), map.size());
  return all;
}

TEST(PersistentMapTest, what_is_set_is_found_until_it_is_erased) {
  Map map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.find("a"), nullptr);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  EXPECT_EQ(*map.find(std::string_view("a")), 3);
  EXPECT_EQ(map.size(), 2u);
  EXPECT_TRUE(map.erase("a"));
  EXPECT_FALSE(map.erase("a"));
  EXPECT_EQ(map.find("a"), nullptr);
  EXPECT_EQ(entries(map), (std::map<std::string, int>{{"b", 2}}));
}

TEST(PersistentMapTest, a_copy_does_not_see_what_changes_later) {
  Map map;
  for (int i = 0; i < 100; ++i) map.set(std::to_string(i), i);
  const Map copy = map;
  const auto before = entries(map);
  for (int i = 0; i < 100; i += 2) map.erase(std::to_string(i));
  map.set("50", -1);
  map.set("new", 0);
  EXPECT_EQ(entries(copy), before);
  EXPECT_EQ(map.size(), 52u);
}

TEST(PersistentMapTest, it_is_a_map_whatever_happens) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    Map map;
    std::map<std::string, int> model;
    std::vector<std::pair<Map, std::map<std::string, int>>> copies;
    for (int step = 0; step < 600; ++step) {
      const std::string key = std::to_string(random() % 200);
      if (random() % 3 == 0) {
        EXPECT_EQ(map.erase(key), model.erase(key) == 1);
      } else {
        map.set(key, step);
        model[key] = step;
      }
      if (step % 100 == 0) copies.emplace_back(map, model);
    }
    copies.emplace_back(map, model);
    for (const auto& [copy, was] : copies) ASSERT_EQ(entries(copy), was) << "seed " << seed;
  }
}

// In order is the worst that can come for a tree that is not kept in balance.
TEST(PersistentMapTest, a_change_is_cheap_in_a_large_one) {
  PersistentMap<int, int> map;
  constexpr int kCount = 20'000;
  std::vector<PersistentMap<int, int>> copies;
  for (int i = 0; i < kCount; ++i) {
    map.set(i, i);
    copies.push_back(map);  // 20,000 whole ones would be 200 million entries
  }
  for (int i = 0; i < kCount; i += 997)
    EXPECT_EQ(copies[static_cast<std::size_t>(i)].size(), i + 1);
}

}  // namespace
}  // namespace millrace
