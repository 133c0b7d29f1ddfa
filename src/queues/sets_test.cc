// The sets of offsets beside a plain std::set, and what they cost.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "queues/count_map.h"
#include "queues/offset_set.h"
#include "queues/range_set.h"
#include "queues/returned.h"
#include "queues/test_queue.h"

namespace millrace::queues_test {
namespace {

using Plain = std::set<std::int64_t>;

OffsetRuns runs_of(const Plain& plain) {
  OffsetRuns runs;
  for (std::int64_t offset : plain) append_run(runs, OffsetRange::of(Offset(offset)));
  return runs;
}
OffsetRuns runs_of(const RangeSet& set) {
  OffsetRuns runs;
  for (const auto& [first, end] : set.runs()) runs.push_back({first, end});
  return runs;
}
OffsetRuns runs_of(const OffsetSet& set) { return set.runs(); }

OffsetRange front_of(const RangeSet& set) { return set.front(); }
OffsetRange front_of(const OffsetSet& set) { return set.next_run(set.front()); }
Offset end_of(const RangeSet& set) { return set.back().end; }
Offset end_of(const OffsetSet& set) { return set.end(); }

template <class Set>
class Sets : public testing::Test {};
using Kinds = testing::Types<RangeSet, OffsetSet>;
TYPED_TEST_SUITE(Sets, Kinds);

TYPED_TEST(Sets, are_what_a_plain_set_is) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 60; ++round) {
    TypeParam set;
    Plain plain;
    for (int i = 0; i < 120; ++i) {
      std::int64_t first = static_cast<std::int64_t>(random() % 700);
      std::int64_t count = 1 + static_cast<std::int64_t>(random() % (i % 5 == 0 ? 300 : 9));
      OffsetRange range{Offset(first), Offset(first + count)};
      bool erase = random() % 5 < 2;
      std::int64_t changed = 0;
      for (std::int64_t at = first; at < first + count; ++at) {
        changed += erase ? static_cast<std::int64_t>(plain.erase(at)) : plain.insert(at).second;
      }
      ASSERT_EQ(erase ? set.erase(range) : set.insert(range), changed);
      ASSERT_EQ(set.count(), static_cast<std::int64_t>(plain.size()));
      ASSERT_EQ(set.empty(), plain.empty());
      ASSERT_EQ(runs_of(set), runs_of(plain));
      Offset probe(static_cast<std::int64_t>(random() % 1'000));
      ASSERT_EQ(set.contains(probe), plain.contains(probe.value()));
      OffsetRuns in_range;
      set.visit(range, [&](OffsetRange run) { in_range.push_back(run); });
      ASSERT_EQ(in_range,
                runs_of(Plain(plain.lower_bound(first), plain.lower_bound(first + count))));
      if (plain.empty()) continue;
      ASSERT_EQ(front_of(set), runs_of(plain).front());
      ASSERT_EQ(end_of(set), Offset(*plain.rbegin() + 1));
    }
    // However it came about, the same set is equal.
    TypeParam again;
    for (std::int64_t offset : plain) again.insert(OffsetRange::of(Offset(offset)));
    ASSERT_EQ(again, set);
  }
}

TEST(OffsetSet, gives_the_prefix_that_adjoins) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 300; ++round) {
    OffsetSet set;
    Plain plain;
    Offset floor(static_cast<std::int64_t>(random() % 200));
    for (int i = 0; i < 30; ++i) {
      std::int64_t first = floor.value() + static_cast<std::int64_t>(random() % 300);
      std::int64_t count = 1 + static_cast<std::int64_t>(random() % 90);
      set.insert({Offset(first), Offset(first + count)});
      for (std::int64_t at = first; at < first + count; ++at) plain.insert(at);
      Offset expected = floor;
      while (plain.erase(expected.value()) == 1) ++expected;
      floor = set.take_prefix(floor);
      ASSERT_EQ(floor, expected);
      ASSERT_EQ(set.runs(), runs_of(plain));
      ASSERT_EQ(set.count(), static_cast<std::int64_t>(plain.size()));
    }
  }
}

TEST(RangeSet, pops_from_the_front) {
  RangeSet set;
  set.insert({Offset(5), Offset(7)});
  set.insert(OffsetRange::of(Offset(9)));
  EXPECT_EQ(set.pop_front(), Offset(5));
  EXPECT_EQ(set.pop_front(), Offset(6));
  EXPECT_EQ(set.count(), 1);
  set.pop_front_run();
  EXPECT_TRUE(set.empty());
}

TEST(CountMap, counts_as_one_count_for_each_offset_does) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 60; ++round) {
    CountMap map;
    std::vector<DeliveryCounts> plain(100);
    for (int i = 0; i < 60; ++i) {
      std::size_t first = random() % 90;
      std::size_t end = first + 1 + random() % 10;
      OffsetRange range{Offset(static_cast<std::int64_t>(first)),
                        Offset(static_cast<std::int64_t>(end))};
      bool failed = random() % 2 == 0;
      bool erase = random() % 4 == 0;
      erase ? map.erase(range) : map.add_delivery(range, failed);
      for (std::size_t at = first; at < end; ++at) {
        if (erase) plain[at] = {};
        if (!erase) plain[at].acquired += 1;
        if (!erase && failed) plain[at].failed += 1;
      }
      std::size_t runs = 0;
      for (std::size_t at = 0; at < plain.size(); ++at) {
        ASSERT_EQ(map.find(Offset(static_cast<std::int64_t>(at))), plain[at]);
        bool is_start = at == 0 || plain[at] != plain[at - 1];
        if (is_start && plain[at].acquired > 0) ++runs;
      }
      ASSERT_EQ(map.runs().size(), runs);  // neighbours differ
    }
  }
}

TEST(CountMap, a_million_equal_counts_are_one_entry) {
  CountMap map;
  map.add_delivery({Offset(0), Offset(500'000)}, true);
  map.add_delivery({Offset(500'000), Offset(1'000'000)}, true);
  EXPECT_EQ(map.runs().size(), 1u);
}

TEST(Returned, in_the_order_of_time_a_hole_splits_a_run) {
  Returned returned;
  returned.set_order(ReturnOrder::return_time);
  returned.add({Offset(10), Offset(20)});
  returned.add({Offset(0), Offset(5)});
  returned.erase({Offset(12), Offset(18)});
  returned.erase(OffsetRange::of(Offset(0)));
  std::vector<Offset> order;
  while (!returned.empty()) {
    Offset front = returned.front();
    EXPECT_EQ(returned.pop_front(), front);
    order.push_back(front);
  }
  EXPECT_EQ(order, offsets({10, 11, 18, 19, 1, 2, 3, 4}));
}

TEST(InFlight, a_holder_has_what_it_was_given_and_the_rest_is_refused) {
  InFlight in_flight;
  for (std::int64_t at = 0; at < 100; ++at) in_flight.add(Offset(at), at % 3 == 0 ? kAlice : kBob);
  OffsetRuns removed;
  OffsetRuns refused;
  in_flight.remove({Offset(30), Offset(33)}, kAlice, removed, refused);
  EXPECT_EQ(removed, OffsetRuns({range(30, 31)}));
  EXPECT_EQ(refused, OffsetRuns({range(31, 33)}));
  EXPECT_EQ(in_flight.count(), 99);
  EXPECT_EQ(in_flight.find(Offset(30)), kNoHolder);
  EXPECT_EQ(in_flight.held_by(kAlice).size(), 33u);
  in_flight.remove_all({Offset(0), Offset(1'000)});
  EXPECT_EQ(in_flight.count(), 0);
  EXPECT_TRUE(in_flight.held_by(kBob).empty());
}

}  // namespace
}  // namespace millrace::queues_test
