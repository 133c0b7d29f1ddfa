// The router beside a slow obvious one, through thousands of random changes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "routing/router.h"
#include "routing/wildcard_test_support.h"

namespace millrace {
namespace {

// Lists that are searched from the front for everything.
struct ObviousRouter {
  struct Exchange {
    ExchangeKind kind;
    std::string name;
    std::optional<std::string> alternate;
  };
  std::map<ExchangeId, Exchange> exchanges;
  std::map<QueueId, std::string> queues;
  std::vector<Binding> bindings;

  bool matches(const Binding& binding, ExchangeKind kind, const std::vector<std::string_view>& keys,
               const ValueTable& headers) const {
    if (kind == ExchangeKind::fanout) return true;
    if (kind == ExchangeKind::headers) {
      return headers_match(*headers_mode(binding.arguments), binding.arguments, headers);
    }
    return std::ranges::any_of(keys, [&](std::string_view key) {
      return kind == ExchangeKind::direct
                 ? binding.key == key
                 : test::obviously_matches(kAmqpWildcards, binding.key, key);
    });
  }

  void route(ExchangeId id, const std::vector<std::string_view>& keys, const ValueTable& headers,
             std::set<ExchangeId>& seen, std::set<QueueId>& targets) const {
    if (!seen.insert(id).second) return;
    const Exchange& exchange = exchanges.at(id);
    bool matched = false;
    for (const Binding& binding : bindings) {
      if (binding.source != id || !matches(binding, exchange.kind, keys, headers)) continue;
      matched = true;
      if (const auto* queue = std::get_if<QueueId>(&binding.destination)) {
        targets.insert(*queue);
      } else {
        route(std::get<ExchangeId>(binding.destination), keys, headers, seen, targets);
      }
    }
    if (matched || !exchange.alternate) return;
    for (const auto& [other, declared] : exchanges) {
      if (declared.name == *exchange.alternate) route(other, keys, headers, seen, targets);
    }
  }

  std::size_t remove_to_and_from(const Destination& node) {
    return std::erase_if(bindings, [&](const Binding& binding) {
      return binding.destination == node || Destination(binding.source) == node;
    });
  }
};

class RandomRouting {
 public:
  explicit RandomRouting(std::uint32_t seed) : random_(seed) {}

  void step() {
    switch (below(10)) {
      case 0:
        return add();
      case 1:
        return below(3) == 0 ? remove() : add();
      case 2:
      case 3:
        return unbind();
      default:
        bind();
        bind();
    }
  }

  void compare_routes() {
    for (const auto& [id, exchange] : model_.exchanges) {
      const std::string key = random_key(false);
      const std::string copy = random_key(false);
      const std::vector<std::string_view> copies(below(2), copy);
      ValueTable headers = random_headers();
      LazyHeaders source([&] { return headers; });
      ASSERT_TRUE(router_.route(id, {key, copies, &source}, targets_));
      std::vector<std::string_view> keys(copies);
      keys.push_back(key);
      std::set<ExchangeId> seen;
      std::set<QueueId> expected;
      model_.route(id, keys, headers, seen, expected);
      ASSERT_EQ(targets_.size(), expected.size()) << "a duplicate, or more, or fewer";
      ASSERT_EQ(std::set<QueueId>(targets_.begin(), targets_.end()), expected);
      routed_ += targets_.size();
    }
  }

  void compare_listings() {
    const auto listed = router_.bindings();
    ASSERT_EQ(listed.size(), model_.bindings.size());
    for (std::size_t at = 0; at < listed.size(); ++at) {
      ASSERT_TRUE(same_binding(*listed[at], model_.bindings[at]));
    }
    for (const auto& entry : model_.exchanges) {
      const ExchangeId id = entry.first;
      const auto source = [id](const Binding& binding) { return binding.source == id; };
      ASSERT_EQ(router_.bindings_from(id).size(), std::ranges::count_if(model_.bindings, source));
      ASSERT_EQ(router_.has_bindings(id), std::ranges::any_of(model_.bindings, source));
    }
  }

  // What was reached at all, so that a test can tell that it compared something.
  std::size_t routed() const { return routed_; }

  Router::Size after_removing_all() {
    while (!model_.queues.empty()) remove_queue(model_.queues.begin()->first);
    while (!model_.exchanges.empty()) remove_exchange(model_.exchanges.begin()->first);
    return router_.size();
  }
  Router::Size after_removing_bindings() {
    while (!model_.bindings.empty()) {
      EXPECT_TRUE(router_.unbind(model_.bindings.back()));
      model_.bindings.pop_back();
    }
    return router_.size();
  }

 private:
  std::uint32_t below(std::size_t end) { return static_cast<std::uint32_t>(random_() % end); }

  std::string random_key(bool pattern) {
    static const std::vector<std::string> words{"a", "b", "", "c", "*", "#"};
    std::string key;
    for (std::uint32_t left = below(4); left > 0; --left) {
      key += words[below(pattern ? 6 : 4)];
      if (left > 1) key += '.';
    }
    return key;
  }
  ValueTable random_headers() {
    ValueTable table;
    for (const char* name : {"size", "kind", "x-size"}) {
      if (below(2) == 0) table.set(name, below(4) == 0 ? Value() : Value(std::int32_t(below(2))));
    }
    return table;
  }
  ValueTable random_arguments() {
    if (below(2) == 0) return {};
    ValueTable table = random_headers();
    static const std::vector<const char*> modes{"all", "any", "all-with-x", "any-with-x"};
    if (below(4) != 0) table.set("x-match", Value(modes[below(4)]));
    return table;
  }
  template <class Map>
  auto random_id(const Map& map) {
    return std::next(map.begin(), below(map.size()))->first;
  }

  void add() {
    if (model_.queues.size() < 12) {
      const QueueId id(++last_id_);
      // Names come again after a removal.
      std::string name = fmt::format("q{}", below(20));
      for (const auto& [other, taken] : model_.queues) {
        if (taken == name) return;
      }
      router_.add_queue(id, "/", name);
      model_.queues.emplace(id, name);
    }
    if (model_.exchanges.size() >= 8) return;
    const std::string name = fmt::format("e{}", below(10));
    for (const auto& [other, taken] : model_.exchanges) {
      if (taken.name == name) return;
    }
    std::optional<std::string> alternate;
    if (below(2) == 0) alternate = fmt::format("e{}", below(10));
    const ExchangeId id(++last_id_);
    const auto kind = static_cast<ExchangeKind>(below(4));
    router_.add_exchange(id, {"/", name, kind, alternate});
    model_.exchanges.emplace(id, ObviousRouter::Exchange{kind, name, alternate});
  }
  void remove() {
    if (below(2) == 0 && !model_.queues.empty()) return remove_queue(random_id(model_.queues));
    if (!model_.exchanges.empty()) remove_exchange(random_id(model_.exchanges));
  }
  void remove_queue(QueueId id) {
    EXPECT_EQ(router_.find_queue("/", model_.queues.at(id)), id);
    model_.queues.erase(id);
    expect_removed(id, router_.remove_queue(id));
  }
  void remove_exchange(ExchangeId id) {
    EXPECT_EQ(router_.find_exchange("/", model_.exchanges.at(id).name), id);
    model_.exchanges.erase(id);
    expect_removed(id, router_.remove_exchange(id));
  }
  std::set<ExchangeId> sources() const {
    std::set<ExchangeId> sources;
    for (const Binding& binding : model_.bindings) sources.insert(binding.source);
    return sources;
  }
  void expect_removed(const Destination& node, const Removed& removed) {
    EXPECT_TRUE(removed.existed);
    std::set<ExchangeId> emptied = sources();
    EXPECT_EQ(removed.bindings, model_.remove_to_and_from(node));
    for (const ExchangeId left : sources()) emptied.erase(left);
    if (const auto* exchange = std::get_if<ExchangeId>(&node)) emptied.erase(*exchange);
    EXPECT_EQ(std::set<ExchangeId>(removed.emptied.begin(), removed.emptied.end()), emptied);
    EXPECT_EQ(removed.emptied.size(), emptied.size());
  }
  Binding random_binding() {
    Destination destination = random_id(model_.queues);
    if (below(5) == 0) destination = random_id(model_.exchanges);
    return {random_id(model_.exchanges), destination, random_key(true), random_arguments()};
  }
  bool known(const Binding& binding) const {
    return std::ranges::any_of(model_.bindings,
                               [&](const Binding& other) { return same_binding(binding, other); });
  }
  void bind() {
    if (model_.queues.empty() || model_.exchanges.empty() || model_.bindings.size() > 60) return;
    const Binding binding = random_binding();
    const bool is_new = !known(binding);
    EXPECT_EQ(router_.bind(binding), is_new);
    if (is_new) model_.bindings.push_back(binding);
  }
  void unbind() {
    if (model_.bindings.empty()) return;
    const auto gone = model_.bindings.begin() + below(model_.bindings.size());
    EXPECT_TRUE(router_.unbind(*gone));
    EXPECT_FALSE(router_.unbind(*gone));
    model_.bindings.erase(gone);
  }

  std::mt19937 random_;
  Router router_;
  ObviousRouter model_;
  Targets targets_;
  std::uint64_t last_id_ = 0;
  std::size_t routed_ = 0;
};

TEST(RouterModel, RandomChanges) {
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomRouting routing(seed);
    for (int step = 0; step < 3000; ++step) {
      routing.step();
      if (step % 4 == 0) routing.compare_routes();
      if (step % 50 == 0) routing.compare_listings();
      if (testing::Test::HasFailure()) FAIL() << "step " << step;
    }
    EXPECT_GT(routing.routed(), 1000U);
    EXPECT_EQ(routing.after_removing_all(), Router::Size{});
  }
}

TEST(RouterModel, UnbindingAllEmptiesTheIndexes) {
  RandomRouting routing(7);
  for (int step = 0; step < 1000; ++step) routing.step();
  const Router::Size size = routing.after_removing_bindings();
  EXPECT_GT(size.exchanges, 0U);
  EXPECT_EQ(size.bindings, 0U);
  EXPECT_EQ(size.index_entries, 0U);
}

}  // namespace
}  // namespace millrace
