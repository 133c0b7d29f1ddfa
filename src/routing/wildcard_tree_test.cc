// The tree beside the obvious matcher, what removal leaves, and very many patterns.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "routing/wildcard_test_support.h"
#include "routing/wildcard_trie.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(WildcardTree, ANumberForAPattern) {
  WildcardTree tree(kAmqpWildcards);
  const PatternId first = tree.insert("a.*.c");
  EXPECT_EQ(tree.insert("a.*.c"), first);
  EXPECT_NE(tree.insert("a.*"), first);
  EXPECT_EQ(tree.find("a.*.c"), first);
  EXPECT_EQ(tree.find("a"), std::nullopt);
  EXPECT_EQ(tree.find("a.x.c"), std::nullopt);
  EXPECT_EQ(tree.pattern_count(), 2U);
}

TEST(WildcardTree, RemovalLeavesWhatOthersNeed) {
  WildcardTree tree(kAmqpWildcards);
  const PatternId shorter = tree.insert("a.b");
  const PatternId longer = tree.insert("a.b.#.c");
  tree.remove(shorter);
  EXPECT_THAT(tree.match("a.b.c"), ElementsAre(longer));
  EXPECT_EQ(tree.node_count(), 5U);
  tree.insert("a.b");
  tree.remove(longer);
  EXPECT_EQ(tree.node_count(), 3U);
  EXPECT_EQ(tree.word_count(), 2U);
}

TEST(WildcardTree, TheEmptyPatternIsTheRoot) {
  WildcardTree tree(kAmqpWildcards);
  const PatternId empty = tree.insert("");
  EXPECT_THAT(tree.match(""), ElementsAre(empty));
  EXPECT_THAT(tree.match("a"), IsEmpty());
  tree.remove(empty);
  EXPECT_THAT(tree.match(""), IsEmpty());
  EXPECT_EQ(tree.node_count(), 1U);
}

struct Language {
  const WildcardDialect& dialect;
  std::vector<std::string> pattern_words;
  std::vector<std::string> key_words;
};

std::string random_text(std::mt19937& random, const WildcardDialect& dialect,
                        const std::vector<std::string>& words, bool is_pattern) {
  std::string text;
  const std::size_t count = random() % 7;
  for (std::size_t at = 0; at < count; ++at) {
    if (at > 0) text += dialect.separator;
    const std::string& word = words[random() % words.size()];
    text += word;
    // In two of the dialects this ends a pattern.
    const bool ends = &dialect != &kAmqpWildcards && word == std::string(1, dialect.many);
    if (is_pattern && ends) return text;
  }
  return text;
}

void expect_model_equal(const Language& language, std::uint32_t seed) {
  std::mt19937 random(seed);
  WildcardTrie<int> trie(language.dialect);
  std::multiset<std::pair<std::string, int>> pairs;
  for (int step = 0; step < 3000; ++step) {
    const std::string pattern = random_text(random, language.dialect, language.pattern_words, true);
    const int value = static_cast<int>(random() % 3);
    const bool known = pairs.contains({pattern, value});
    if (random() % 5 < 3) {
      EXPECT_EQ(trie.insert(pattern, value), !known);
      if (!known) pairs.emplace(pattern, value);
    } else {
      EXPECT_EQ(trie.remove(pattern, value), known);
      pairs.erase({pattern, value});
    }
    ASSERT_EQ(trie.pair_count(), pairs.size());
    // The obvious way takes its time.
    if (step % 10 != 0) continue;
    const std::string key = random_text(random, language.dialect, language.key_words, false);
    std::multiset<int> expected;
    for (const auto& [candidate, of] : pairs) {
      if (test::obviously_matches(language.dialect, candidate, key)) expected.insert(of);
    }
    std::multiset<int> matched;
    trie.match(key, [&](int of) { matched.insert(of); });
    ASSERT_EQ(matched, expected) << "step " << step << " key '" << key << "'";
  }
  EXPECT_GT(pairs.size(), 100U);
  for (const auto& [pattern, value] : pairs) EXPECT_TRUE(trie.remove(pattern, value));
  EXPECT_EQ(trie.tree().node_count(), 1U);
  EXPECT_EQ(trie.tree().word_count(), 0U);
  EXPECT_EQ(trie.tree().pattern_count(), 0U);
}

TEST(WildcardTree, AgreesWithTheObviousMatcher) {
  const std::vector<std::string> amqp{"a", "b", "", "*", "#", "a*", "##"};
  const std::vector<std::string> nats{"a", "b", "c", "*", ">", "a>"};
  const std::vector<std::string> mqtt{"a", "b", "", "$x", "+", "#"};
  const std::vector<std::string> keys{"a", "b", "", "c", "a*"};
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    expect_model_equal({kAmqpWildcards, amqp, keys}, seed);
    expect_model_equal({kNatsWildcards, nats, {"a", "b", "c", "d"}}, seed);
    expect_model_equal({kMqttWildcards, mqtt, {"a", "b", "", "$x", "c"}}, seed);
  }
}

TEST(WildcardTrie, ManyValuesOfOnePatternInTheirOrder) {
  WildcardTrie<int> trie(kNatsWildcards);
  constexpr int kValues = 100'000;
  for (int value = 0; value < kValues; ++value) ASSERT_TRUE(trie.insert("orders.*", value));
  EXPECT_FALSE(trie.insert("orders.*", 7));
  for (int value = 0; value < kValues; ++value) {
    if (value % 1000 != 7) ASSERT_TRUE(trie.remove("orders.*", value));
  }
  EXPECT_FALSE(trie.remove("orders.*", 8));
  std::vector<int> matched;
  trie.match("orders.eu", [&](int value) { matched.push_back(value); });
  std::vector<int> expected;
  for (int value = 7; value < kValues; value += 1000) expected.push_back(value);
  EXPECT_EQ(matched, expected);
  // What came again comes last.
  trie.remove("orders.*", 7);
  trie.insert("orders.*", 7);
  matched.clear();
  trie.match("orders.eu", [&](int value) { matched.push_back(value); });
  EXPECT_EQ(matched.front(), 1007);
  EXPECT_EQ(matched.back(), 7);
}

TEST(WildcardTree, AHundredThousandPatterns) {
  WildcardTree tree(kAmqpWildcards);
  std::map<std::uint32_t, std::string> texts;
  for (int number = 0; number < 100'000; ++number) {
    const std::string text = fmt::format("site.{}.*.{}.#", number % 317, number);
    texts.emplace(tree.insert(text).value(), text);
  }
  EXPECT_EQ(texts.size(), 100'000U);
  const auto matched = tree.match("site.8.x.642.y.z");  // 642 % 317 == 8
  ASSERT_EQ(matched.size(), 1U);
  EXPECT_EQ(texts[matched[0].value()], "site.8.*.642.#");
  EXPECT_THAT(tree.match("site.9.x.642.y.z"), IsEmpty());
  for (const auto& [id, text] : texts) tree.remove(PatternId(id));
  EXPECT_EQ(tree.node_count(), 1U);
  EXPECT_EQ(tree.word_count(), 0U);
}

// Followed one path at a time, these keys have more paths than could ever be walked.
TEST(WildcardTree, ManyWildcardsAgainstALongKey) {
  WildcardTree tree(kAmqpWildcards);
  std::string pattern = "#";
  for (int at = 0; at < 60; ++at) pattern += ".a.#";
  const PatternId matching = tree.insert(pattern);
  tree.insert(pattern + ".b");
  for (int width = 0; width < 1000; ++width) tree.insert(fmt::format("#.a.#.a.#.c{}.#", width));
  std::string key = "a";
  for (int at = 0; at < 126; ++at) key += ".a";
  EXPECT_THAT(tree.match(key), ElementsAre(matching));
}

}  // namespace
}  // namespace millrace
