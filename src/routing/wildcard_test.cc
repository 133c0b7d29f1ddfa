// Patterns as the three protocols' texts explain them, and what is accepted as one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "routing/wildcard_test_support.h"
#include "routing/wildcard_trie.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using Patterns = std::vector<std::string>;

// Those of `patterns` that match.
Patterns matching(const WildcardDialect& dialect, const Patterns& patterns, std::string_view key) {
  WildcardTrie<std::string> trie(dialect);
  for (const std::string& pattern : patterns) trie.insert(pattern, pattern);
  Patterns matched;
  trie.match(key, [&](const std::string& pattern) { matched.push_back(pattern); });
  return matched;
}

TEST(AmqpWildcards, ATopicExchange) {
  const Patterns patterns{"*.orange.*", "*.*.rabbit", "lazy.#"};
  auto match = [&](std::string_view key) { return matching(kAmqpWildcards, patterns, key); };
  EXPECT_THAT(match("quick.orange.rabbit"), UnorderedElementsAre("*.orange.*", "*.*.rabbit"));
  EXPECT_THAT(match("lazy.orange.elephant"), UnorderedElementsAre("*.orange.*", "lazy.#"));
  EXPECT_THAT(match("quick.orange.fox"), ElementsAre("*.orange.*"));
  EXPECT_THAT(match("lazy.pink.rabbit"), UnorderedElementsAre("*.*.rabbit", "lazy.#"));
  EXPECT_THAT(match("quick.brown.fox"), IsEmpty());
  EXPECT_THAT(match("orange"), IsEmpty());
  EXPECT_THAT(match("quick.orange.new.rabbit"), IsEmpty());
  EXPECT_THAT(match("lazy.orange.new.rabbit"), ElementsAre("lazy.#"));
  EXPECT_THAT(match("lazy"), ElementsAre("lazy.#"));
}

TEST(AmqpWildcards, AnyNumberOfWordsAnywhere) {
  auto match = [](std::string_view pattern, std::string_view key) {
    return !matching(kAmqpWildcards, {std::string(pattern)}, key).empty();
  };
  EXPECT_TRUE(match("#", ""));
  EXPECT_TRUE(match("#", "a.b.c"));
  EXPECT_TRUE(match("a.#.c", "a.c"));
  EXPECT_TRUE(match("a.#.c", "a.b.b.c"));
  EXPECT_FALSE(match("a.#.c", "a.b.c.d"));
  EXPECT_TRUE(match("#.b.#", "a.b.c"));
  EXPECT_TRUE(match("#.b.#", "b"));
  EXPECT_TRUE(match("#.#", ""));
  EXPECT_TRUE(match("*.#", "a"));
  EXPECT_FALSE(match("*.#", ""));
  EXPECT_TRUE(match("#.*", "a.b"));
  EXPECT_TRUE(match("#.a.a", "a.a.a"));
}

TEST(AmqpWildcards, AWildcardIsAWholeWord) {
  EXPECT_THAT(matching(kAmqpWildcards, {"a*.b", "#a", "**"}, "ax.b"), IsEmpty());
  EXPECT_THAT(matching(kAmqpWildcards, {"a*.b"}, "a*.b"), ElementsAre("a*.b"));
  EXPECT_THAT(matching(kAmqpWildcards, {"##", "#.x"}, "##"), ElementsAre("##"));
}

TEST(AmqpWildcards, AnEmptyWordIsAWord) {
  const Patterns patterns{"a..b", "a.*.b", "a.b", ".", "*.*", "", "*"};
  EXPECT_THAT(matching(kAmqpWildcards, patterns, "a..b"), UnorderedElementsAre("a..b", "a.*.b"));
  EXPECT_THAT(matching(kAmqpWildcards, patterns, "."), UnorderedElementsAre(".", "*.*"));
  // The empty key has no word at all.
  EXPECT_THAT(matching(kAmqpWildcards, patterns, ""), ElementsAre(""));
}

TEST(NatsWildcards, AsDocumented) {
  const Patterns patterns{"time.us.east", "time.*.east", "time.us.>", ">", "*.*"};
  auto match = [&](std::string_view key) { return matching(kNatsWildcards, patterns, key); };
  EXPECT_THAT(match("time.us.east"),
              UnorderedElementsAre("time.us.east", "time.*.east", "time.us.>", ">"));
  EXPECT_THAT(match("time.eu.east"), UnorderedElementsAre("time.*.east", ">"));
  EXPECT_THAT(match("time.us.east.atlanta"), UnorderedElementsAre("time.us.>", ">"));
  // One or more.
  EXPECT_THAT(match("time.us"), UnorderedElementsAre(">", "*.*"));
  EXPECT_THAT(match("time.New*York"), UnorderedElementsAre(">", "*.*"));
}

TEST(MqttWildcards, AsInTheSpecification) {
  const Patterns patterns{
      "sport/tennis/player1/#", "sport/#", "#", "sport/tennis/+", "sport/+", "+/+", "/+", "+"};
  auto match = [&](std::string_view key) { return matching(kMqttWildcards, patterns, key); };
  EXPECT_THAT(match("sport/tennis/player1"),
              UnorderedElementsAre("sport/tennis/player1/#", "sport/#", "#", "sport/tennis/+"));
  EXPECT_THAT(match("sport/tennis/player1/ranking"),
              UnorderedElementsAre("sport/tennis/player1/#", "sport/#", "#"));
  EXPECT_THAT(match("sport"), UnorderedElementsAre("sport/#", "#", "+"));
  EXPECT_THAT(match("sport/"), UnorderedElementsAre("sport/#", "#", "sport/+", "+/+"));
  EXPECT_THAT(match("/finance"), UnorderedElementsAre("#", "+/+", "/+"));
}

TEST(MqttWildcards, DollarIsHiddenFromWildcardsInFront) {
  const Patterns patterns{"#", "+/monitor/Clients", "$SYS/#", "$SYS/monitor/+", "+/#"};
  EXPECT_THAT(matching(kMqttWildcards, patterns, "$SYS/monitor/Clients"),
              UnorderedElementsAre("$SYS/#", "$SYS/monitor/+"));
  EXPECT_THAT(matching(kMqttWildcards, patterns, "SYS/monitor/Clients"),
              UnorderedElementsAre("#", "+/monitor/Clients", "+/#"));
  // A later level may begin as it likes.
  EXPECT_THAT(matching(kMqttWildcards, {"a/+", "a/#"}, "a/$x"), UnorderedElementsAre("a/+", "a/#"));
}

TEST(ValidPattern, AmqpTakesWhatFits) {
  EXPECT_TRUE(valid_amqp_pattern(""));
  EXPECT_TRUE(valid_amqp_pattern("#.*.##.a*..."));
  EXPECT_TRUE(valid_amqp_pattern(std::string(255, '.')));
  EXPECT_FALSE(valid_amqp_pattern(std::string(256, 'a')));
}

TEST(ValidPattern, Nats) {
  for (const char* good : {"a", "a.b.c", "*", ">", "a.*.c.>", "a*.>b", "$SYS.>"}) {
    EXPECT_TRUE(valid_nats_pattern(good)) << good;
  }
  for (const char* bad : {"", ".", "a.", ".a", "a..b", ">.a", "a.>.b", "a b", "a.\tb", "a\r\n"}) {
    EXPECT_FALSE(valid_nats_pattern(bad)) << bad;
  }
  EXPECT_FALSE(valid_nats_pattern(std::string_view("a\0b", 3)));
}

TEST(ValidPattern, Mqtt) {
  for (const char* good :
       {"#", "+", "/", "sport/tennis/#", "+/tennis/#", "sport/+/player1", "/+", "a//b", "$SYS/#"}) {
    EXPECT_TRUE(valid_mqtt_pattern(good)) << good;
  }
  for (const char* bad : {"", "sport/tennis#", "sport/tennis/#/ranking", "sport+", "+a/b", "#/"}) {
    EXPECT_FALSE(valid_mqtt_pattern(bad)) << bad;
  }
  EXPECT_FALSE(valid_mqtt_pattern(std::string_view("a\0b", 3)));
  EXPECT_FALSE(valid_mqtt_pattern(std::string(kMqttPatternBytesMax + 1, 'a')));
  EXPECT_TRUE(valid_mqtt_pattern(std::string(kPatternWordsMax - 1, '/')));
  EXPECT_FALSE(valid_mqtt_pattern(std::string(kPatternWordsMax, '/')));
}

TEST(ObviousMatcher, IsRightWhereItIsObvious) {
  using test::obviously_matches;
  EXPECT_TRUE(obviously_matches(kAmqpWildcards, "lazy.#", "lazy"));
  EXPECT_FALSE(obviously_matches(kAmqpWildcards, "*.orange.*", "orange"));
  EXPECT_TRUE(obviously_matches(kNatsWildcards, "time.>", "time.us.east"));
  EXPECT_FALSE(obviously_matches(kNatsWildcards, "time.>", "time"));
  EXPECT_TRUE(obviously_matches(kMqttWildcards, "sport/#", "sport"));
  EXPECT_FALSE(obviously_matches(kMqttWildcards, "#", "$SYS"));
}

}  // namespace
}  // namespace millrace
