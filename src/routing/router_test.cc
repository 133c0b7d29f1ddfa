#include "routing/router.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr ExchangeId kDirect{1}, kFanout{2}, kTopic{3}, kHeaders{4};
constexpr QueueId kRed{11}, kGreen{12}, kBlue{13};
const std::string kHome = "/";

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router_.add_exchange(kDirect, {kHome, "direct", ExchangeKind::direct, {}});
    router_.add_exchange(kFanout, {kHome, "fanout", ExchangeKind::fanout, {}});
    router_.add_exchange(kTopic, {kHome, "topic", ExchangeKind::topic, {}});
    router_.add_exchange(kHeaders, {kHome, "headers", ExchangeKind::headers, {}});
    router_.add_queue(kRed, kHome, "red");
    router_.add_queue(kGreen, kHome, "green");
    router_.add_queue(kBlue, kHome, "blue");
  }
  void add(ExchangeId id, const std::string& name, const std::string& alternate,
           ExchangeKind kind = ExchangeKind::direct) {
    router_.add_exchange(id, {kHome, name, kind, alternate});
  }
  const Targets& route(ExchangeId exchange, std::string_view key,
                       std::span<const std::string_view> more_keys = {}) {
    EXPECT_TRUE(router_.route(exchange, {key, more_keys, nullptr}, targets_));
    return targets_;
  }
  const Targets& route_headers(ExchangeId exchange, ValueTable headers) {
    LazyHeaders source([&] { return headers; });
    EXPECT_TRUE(router_.route(exchange, {"", {}, &source}, targets_));
    return targets_;
  }
  const Targets& route_to_default(std::string_view tenant, std::string_view key) {
    router_.route_to_default(tenant, {key, {}, nullptr}, targets_);
    return targets_;
  }

  Router router_;
  Targets targets_;
};

TEST_F(RouterTest, TheDefaultExchangeKnowsEveryQueueByItsName) {
  EXPECT_THAT(route_to_default("/", "red"), ElementsAre(kRed));
  EXPECT_THAT(route_to_default("/", "yellow"), IsEmpty());
  EXPECT_THAT(route_to_default("other", "red"), IsEmpty());
  const std::vector<std::string_view> copies{"blue", "red", "none", "green"};
  router_.route_to_default("/", {"red", copies, nullptr}, targets_);
  EXPECT_THAT(targets_, ElementsAre(kRed, kBlue, kGreen));
}

TEST_F(RouterTest, DirectByTheWholeKey) {
  router_.bind({kDirect, kRed, "warm", {}});
  router_.bind({kDirect, kGreen, "cold", {}});
  router_.bind({kDirect, kBlue, "cold", {}});
  EXPECT_THAT(route(kDirect, "warm"), ElementsAre(kRed));
  EXPECT_THAT(route(kDirect, "cold"), ElementsAre(kGreen, kBlue));
  EXPECT_THAT(route(kDirect, "col"), IsEmpty());
  const std::vector<std::string_view> copies{"warm", "cold"};
  EXPECT_THAT(route(kDirect, "cold", copies), ElementsAre(kGreen, kBlue, kRed));
}

TEST_F(RouterTest, FanoutToAllInOrderAndOnce) {
  router_.bind({kFanout, kBlue, "", {}});
  router_.bind({kFanout, kRed, "x", {}});
  router_.bind({kFanout, kBlue, "y", {}});
  EXPECT_THAT(route(kFanout, "anything"), ElementsAre(kBlue, kRed));
}

TEST_F(RouterTest, TopicByPatterns) {
  router_.bind({kTopic, kRed, "*.orange.*", {}});
  router_.bind({kTopic, kGreen, "*.*.rabbit", {}});
  router_.bind({kTopic, kGreen, "lazy.#", {}});
  EXPECT_THAT(route(kTopic, "quick.orange.rabbit"), UnorderedElementsAre(kRed, kGreen));
  EXPECT_THAT(route(kTopic, "lazy.pink.rabbit"), ElementsAre(kGreen));
  EXPECT_THAT(route(kTopic, "quick.brown.fox"), IsEmpty());
}

TEST_F(RouterTest, HeadersByArguments) {
  router_.bind({kHeaders, kRed, "", {{"x-match", Value("all")}, {"a", Value(1)}, {"b", Value(2)}}});
  router_.bind(
      {kHeaders, kGreen, "", {{"x-match", Value("any")}, {"a", Value(1)}, {"b", Value(2)}}});
  EXPECT_THAT(route_headers(kHeaders, {{"a", Value(1)}, {"b", Value(2)}}),
              ElementsAre(kRed, kGreen));
  EXPECT_THAT(route_headers(kHeaders, {{"b", Value(2)}}), ElementsAre(kGreen));
  EXPECT_THAT(route_headers(kHeaders, {}), IsEmpty());
  // A message may have no headers at all.
  EXPECT_THAT(route(kHeaders, "a"), IsEmpty());
}

TEST_F(RouterTest, HeadersAreDecodedOnceAndOnlyWhenNeeded) {
  int decoded = 0;
  LazyHeaders source([&] {
    ++decoded;
    return ValueTable{{"a", Value(1)}};
  });
  router_.bind({kDirect, kRed, "key", {}});
  router_.route(kDirect, {"key", {}, &source}, targets_);
  EXPECT_EQ(decoded, 0);
  router_.add_exchange(ExchangeId(5), {kHome, "more", ExchangeKind::headers, {}});
  router_.bind({kHeaders, ExchangeId(5), "", {}});
  router_.bind({ExchangeId(5), kBlue, "", {{"a", Value(1)}}});
  router_.route(kHeaders, {"key", {}, &source}, targets_);
  EXPECT_THAT(targets_, ElementsAre(kBlue));
  EXPECT_EQ(decoded, 1);
}

TEST_F(RouterTest, ExchangesPassOn) {
  router_.bind({kTopic, kFanout, "news.#", {}});
  router_.bind({kTopic, kRed, "#", {}});
  router_.bind({kFanout, kGreen, "", {}});
  router_.bind({kFanout, kRed, "", {}});
  EXPECT_THAT(route(kTopic, "news.today"), ElementsAre(kRed, kGreen));
  EXPECT_THAT(route(kTopic, "olds"), ElementsAre(kRed));
}

TEST_F(RouterTest, CirclesEnd) {
  router_.bind({kFanout, kFanout, "", {}});
  router_.bind({kFanout, kTopic, "", {}});
  router_.bind({kTopic, kFanout, "#", {}});
  router_.bind({kTopic, kBlue, "#", {}});
  EXPECT_THAT(route(kFanout, "x"), ElementsAre(kBlue));
  EXPECT_THAT(route(kTopic, "x"), ElementsAre(kBlue));
}

TEST_F(RouterTest, TheAlternateTakesWhatMatchesNothing) {
  add(ExchangeId(5), "with", "fanout");
  router_.bind({ExchangeId(5), kRed, "known", {}});
  router_.bind({kFanout, kBlue, "", {}});
  EXPECT_THAT(route(ExchangeId(5), "known"), ElementsAre(kRed));
  EXPECT_THAT(route(ExchangeId(5), "unknown"), ElementsAre(kBlue));
  // One key that matches is enough.
  const std::vector<std::string_view> copies{"known"};
  EXPECT_THAT(route(ExchangeId(5), "unknown", copies), ElementsAre(kRed));
}

TEST_F(RouterTest, AlternatesFollowEachOther) {
  add(ExchangeId(5), "first", "second");
  add(ExchangeId(6), "second", "third");
  add(ExchangeId(7), "third", "fanout");
  router_.bind({kFanout, kBlue, "", {}});
  EXPECT_THAT(route(ExchangeId(5), "x"), ElementsAre(kBlue));
  router_.bind({ExchangeId(6), kGreen, "x", {}});
  EXPECT_THAT(route(ExchangeId(5), "x"), ElementsAre(kGreen));
}

TEST_F(RouterTest, AlternatesInACircleEnd) {
  add(ExchangeId(5), "first", "second");
  add(ExchangeId(6), "second", "first");
  EXPECT_THAT(route(ExchangeId(5), "x"), IsEmpty());
  router_.bind({ExchangeId(5), kRed, "y", {}});
  EXPECT_THAT(route(ExchangeId(6), "y"), ElementsAre(kRed));
}

// The rule is about an exchange and what matches in it, not about what comes of it.
TEST_F(RouterTest, AnExchangeThatMatchesIsEnough) {
  add(ExchangeId(5), "first", "fanout");
  add(ExchangeId(6), "second", "topic");
  router_.bind({kFanout, kBlue, "", {}});
  router_.bind({ExchangeId(5), ExchangeId(6), "x", {}});
  EXPECT_THAT(route(ExchangeId(5), "x"), IsEmpty());
  // That exchange has an alternate of its own.
  router_.bind({kTopic, kGreen, "#", {}});
  EXPECT_THAT(route(ExchangeId(5), "x"), ElementsAre(kGreen));
  EXPECT_THAT(route(ExchangeId(5), "y"), ElementsAre(kBlue));
}

TEST_F(RouterTest, AnAlternateMayComeAndGo) {
  add(ExchangeId(5), "first", "later");
  EXPECT_THAT(route(ExchangeId(5), "x"), IsEmpty());
  router_.add_exchange(ExchangeId(6), {"other", "later", ExchangeKind::fanout, {}});
  router_.bind({ExchangeId(6), kRed, "", {}});
  EXPECT_THAT(route(ExchangeId(5), "x"), IsEmpty());  // of another tenant
  router_.add_exchange(ExchangeId(7), {kHome, "later", ExchangeKind::fanout, {}});
  router_.bind({ExchangeId(7), kBlue, "", {}});
  EXPECT_THAT(route(ExchangeId(5), "x"), ElementsAre(kBlue));
  router_.remove_exchange(ExchangeId(7));
  EXPECT_THAT(route(ExchangeId(5), "x"), IsEmpty());
}

TEST_F(RouterTest, TheDefaultExchangeAsAlternate) {
  add(ExchangeId(5), "first", "");
  EXPECT_THAT(route(ExchangeId(5), "green"), ElementsAre(kGreen));
  add(ExchangeId(6), "", "first");
  EXPECT_THAT(route(ExchangeId(5), "green"), ElementsAre(kGreen));
  EXPECT_THAT(route(ExchangeId(6), "red"), ElementsAre(kRed));
  EXPECT_THAT(route(ExchangeId(6), "none"), IsEmpty());
}

TEST_F(RouterTest, TheSameBindingIsOne) {
  const Binding plain{kDirect, kRed, "key", {}};
  const Binding marked{kDirect, kRed, "key", {{"note", Value(std::int32_t{1})}}};
  EXPECT_TRUE(router_.bind(plain));
  EXPECT_FALSE(router_.bind(plain));
  EXPECT_TRUE(router_.bind(marked));
  EXPECT_FALSE(router_.bind({kDirect, kRed, "key", {{"note", Value(std::int64_t{1})}}}));
  EXPECT_EQ(router_.bindings().size(), 2U);
  EXPECT_TRUE(router_.unbind(plain));
  EXPECT_FALSE(router_.unbind(plain));
  EXPECT_THAT(route(kDirect, "key"), ElementsAre(kRed));
  EXPECT_TRUE(router_.unbind(marked));
  EXPECT_THAT(route(kDirect, "key"), IsEmpty());
  EXPECT_FALSE(router_.has_bindings(kDirect));
}

TEST_F(RouterTest, ARemovedQueueTakesItsBindingsAlong) {
  router_.bind({kDirect, kRed, "a", {}});
  router_.bind({kDirect, kRed, "b", {}});
  router_.bind({kTopic, kRed, "#", {}});
  router_.bind({kTopic, kBlue, "#", {}});
  router_.bind({kFanout, kRed, "", {}});
  const Removed removed = router_.remove_queue(kRed);
  EXPECT_TRUE(removed.existed);
  EXPECT_EQ(removed.bindings, 4U);
  EXPECT_THAT(removed.emptied, ElementsAre(kDirect, kFanout));
  EXPECT_THAT(route(kTopic, "x"), ElementsAre(kBlue));
  EXPECT_THAT(route(kFanout, "x"), IsEmpty());
  EXPECT_EQ(router_.find_queue("/", "red"), std::nullopt);
  EXPECT_FALSE(router_.remove_queue(kRed).existed);
  // Another one of its name begins without bindings.
  router_.add_queue(QueueId(99), kHome, "red");
  EXPECT_THAT(route_to_default("/", "red"), ElementsAre(QueueId(99)));
  EXPECT_THAT(router_.bindings_to(QueueId(99)), IsEmpty());
}

TEST_F(RouterTest, ARemovedExchangeTakesItsBindingsAlong) {
  router_.bind({kFanout, kFanout, "", {}});
  router_.bind({kFanout, kRed, "", {}});
  router_.bind({kTopic, kFanout, "#", {}});
  router_.bind({kDirect, kFanout, "a", {}});
  router_.bind({kDirect, kRed, "a", {}});
  const Removed removed = router_.remove_exchange(kFanout);
  EXPECT_EQ(removed.bindings, 4U);
  EXPECT_THAT(removed.emptied, ElementsAre(kTopic));
  EXPECT_THAT(route(kDirect, "a"), ElementsAre(kRed));
  EXPECT_FALSE(router_.route(kFanout, {"a", {}, nullptr}, targets_));
  EXPECT_THAT(targets_, IsEmpty());
  EXPECT_FALSE(router_.remove_exchange(kFanout).existed);
}

TEST_F(RouterTest, ListsInTheOrderOfMaking) {
  router_.bind({kDirect, kRed, "c", {}});
  router_.bind({kTopic, kRed, "b", {}});
  router_.bind({kDirect, kTopic, "a", {}});
  router_.unbind({kDirect, kRed, "c", {}});
  router_.bind({kDirect, kRed, "c", {}});
  auto keys = [](const std::vector<const Binding*>& bindings) {
    std::string joined;
    for (const Binding* binding : bindings) joined += binding->key;
    return joined;
  };
  EXPECT_EQ(keys(router_.bindings()), "bac");
  EXPECT_EQ(keys(router_.bindings_from(kDirect)), "ac");
  EXPECT_EQ(keys(router_.bindings_to(kRed)), "bc");
  EXPECT_EQ(keys(router_.bindings_to(kTopic)), "a");
  EXPECT_THAT(router_.bindings_from(ExchangeId(77)), IsEmpty());
  EXPECT_THAT(router_.bindings_to(QueueId(77)), IsEmpty());
}

TEST_F(RouterTest, NamesBelongToATenant) {
  router_.add_queue(QueueId(21), "shop", "red");
  router_.add_exchange(ExchangeId(22), {"shop", "red", ExchangeKind::direct, {}});
  EXPECT_EQ(router_.find_queue("/", "red"), kRed);
  EXPECT_EQ(router_.find_queue("shop", "red"), QueueId(21));
  EXPECT_EQ(router_.find_exchange("shop", "red"), ExchangeId(22));
  EXPECT_EQ(router_.find_exchange("/", "red"), std::nullopt);
  EXPECT_THAT(route_to_default("shop", "red"), ElementsAre(QueueId(21)));
  router_.remove_queue(QueueId(21));
  EXPECT_EQ(router_.size().tenants, 2U);
  router_.remove_exchange(ExchangeId(22));
  EXPECT_EQ(router_.size().tenants, 1U);
}

TEST_F(RouterTest, AHundredThousandBindingsComeAndGo) {
  const Router::Size before = router_.size();
  constexpr int kBindings = 100'000;
  for (int number = 0; number < kBindings; ++number) {
    const QueueId queue(1000 + number % 5000);
    if (number < 5000) router_.add_queue(queue, kHome, fmt::format("queue-{}", number));
    ASSERT_TRUE(router_.bind({kTopic, queue, fmt::format("site.{}.*.#", number), {}}));
    ASSERT_TRUE(router_.bind({kFanout, queue, fmt::format("{}", number), {}}));
    ASSERT_TRUE(router_.bind({kDirect, queue, "all", {{"n", Value(number)}}}));
  }
  EXPECT_THAT(route(kTopic, "site.70123.x.y.z"), ElementsAre(QueueId(1000 + 70123 % 5000)));
  EXPECT_EQ(route(kDirect, "all").size(), 5000U);
  EXPECT_EQ(route(kFanout, "").size(), 5000U);
  EXPECT_EQ(router_.size().bindings, 3U * kBindings);
  // Neither from the front nor from the back.
  for (int step = 0; step < kBindings; ++step) {
    const int number = static_cast<int>(std::int64_t{step} * 70'001 % kBindings);
    const QueueId queue(1000 + number % 5000);
    ASSERT_TRUE(router_.unbind({kTopic, queue, fmt::format("site.{}.*.#", number), {}}));
    ASSERT_TRUE(router_.unbind({kDirect, queue, "all", {{"n", Value(number)}}}));
  }
  std::size_t with_queues = 0;
  for (int number = 0; number < 5000; ++number) {
    with_queues += router_.remove_queue(QueueId(1000 + number)).bindings;
  }
  EXPECT_EQ(with_queues, std::size_t{kBindings});
  EXPECT_EQ(router_.size(), before);
}

}  // namespace
}  // namespace millrace
