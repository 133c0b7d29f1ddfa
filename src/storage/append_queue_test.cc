// Who goes next with a group of the journal.
#include "storage/append_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "runtime/runtime.h"
#include "storage/direct_segments.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSmall = 100;
constexpr std::size_t kLarge = 5000;

struct Numbered : Append {
  explicit Numbered(int number_in) : number(number_in) {}
  void done(Result<void>) override {}
  int number;
};

class AppendQueueTest : public testing::Test {
 protected:
  static StorageLimits limits() {
    StorageLimits limits;
    limits.group_bytes_max = 20'000;
    limits.small_append_bytes = 1000;
    limits.large_share_bytes = 6000;  // two of the large ones: one more than is below it
    limits.small_last = 1s;
    return limits;
  }

  // Gives its number.
  int add(std::vector<std::uint64_t> partitions, std::size_t bytes, bool of_checkpoint = false) {
    auto append = std::make_unique<Numbered>(made_);
    append->of_checkpoint = of_checkpoint;
    for (std::uint64_t id : partitions) {
      JournalFrame& frame = append->frames.emplace_back();
      frame.partition = PartitionId(id);
      frame.batch = Bytes(Buffer::allocate(bytes), 0, bytes);
    }
    std::vector<WaitingAppend> appends;
    appends.push_back({nullptr, std::move(append)});
    queue_.add(std::move(appends));
    return made_++;
  }
  static std::vector<int> numbers(std::vector<WaitingAppend> group) {
    std::vector<int> numbers;
    for (const WaitingAppend& waiting : group) {
      numbers.push_back(static_cast<const Numbered&>(*waiting.append).number);
    }
    return numbers;
  }
  std::vector<int> take() { return numbers(queue_.take(now_)); }
  // From here on a group has a share of what is large.
  void let_small_come() {
    const int number = add({999}, kSmall);
    ASSERT_EQ(take(), std::vector<int>{number});
  }

  AppendQueue queue_{limits()};
  MonotonicTime now_{1'000'000'000'000};
  int made_ = 0;
};

using Numbers = std::vector<int>;

TEST_F(AppendQueueTest, where_little_waits_everything_goes_in_its_order) {
  for (std::uint64_t id : {1, 2, 1, 3}) add({id}, id == 2 ? kLarge : kSmall);
  EXPECT_EQ(take(), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(take(), Numbers{});
}

TEST_F(AppendQueueTest, small_ones_go_before_large_ones_of_other_partitions) {
  let_small_come();
  for (int i = 0; i < 4; ++i) add({1}, kLarge);  // 1 to 4
  add({2}, kSmall);                              // 5
  EXPECT_EQ(take(), (Numbers{1, 2, 5}));
  EXPECT_EQ(take(), (Numbers{3, 4}));
}

TEST_F(AppendQueueTest, a_small_one_stays_behind_what_has_a_partition_in_common) {
  let_small_come();
  for (int i = 0; i < 3; ++i) add({1}, kLarge);  // 1 to 3
  add({1}, kSmall);                              // 4
  add({2, 1}, kSmall);                           // 5
  add({2}, kSmall);                              // 6: behind 5
  add({3}, kSmall);                              // 7
  EXPECT_EQ(take(), (Numbers{1, 2, 7}));
  EXPECT_EQ(take(), (Numbers{3, 4, 5, 6}));
}

TEST_F(AppendQueueTest, large_ones_get_their_share_however_many_small_ones_come) {
  let_small_come();
  for (int i = 0; i < 10; ++i) add({1}, kLarge);
  Numbers large;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 300; ++i) add({2}, kSmall);  // more than a group takes
    Numbers taken = take();
    EXPECT_GT(taken.size(), 50u);
    std::ranges::copy_if(taken, std::back_inserter(large), [](int n) { return n <= 10; });
    EXPECT_EQ(large.size(), 2u * (round + 1));
  }
  EXPECT_TRUE(std::ranges::is_sorted(large));
}

TEST_F(AppendQueueTest, large_ones_get_a_whole_group_when_no_small_one_came_for_a_time) {
  let_small_come();
  for (int i = 0; i < 7; ++i) add({1}, kLarge);
  now_ = now_ + Duration(999ms).count();
  EXPECT_EQ(take().size(), 2u);
  now_ = now_ + Duration(1ms).count();
  EXPECT_EQ(take().size(), 4u);
}

TEST_F(AppendQueueTest, what_is_held_stays_and_what_has_nothing_to_do_with_it_goes) {
  add({1}, kLarge);  // 0
  add({2}, kSmall);  // 1
  add({1}, kSmall);  // 2
  add({3}, kLarge);  // 3
  queue_.hold({PartitionId(1)});
  EXPECT_EQ(take(), (Numbers{1, 3}));
  EXPECT_EQ(take(), Numbers{});
  queue_.hold({});
  EXPECT_EQ(take(), (Numbers{0, 2}));
}

TEST_F(AppendQueueTest, what_stands_in_a_segment_is_not_held) {
  add({1}, kLarge);  // 0
  add({1}, kLarge);  // 1
  for (JournalFrame* frame : queue_.candidates()) {
    frame->direct = std::make_shared<DirectSegment>(PartitionId(1), 1, "");
    break;
  }
  EXPECT_EQ(queue_.candidates().size(), 1u);
  queue_.hold({PartitionId(1)});
  EXPECT_EQ(take(), Numbers{0});
}

TEST_F(AppendQueueTest,
       bug_nothing_of_a_partition_that_has_something_left_to_the_journal_is_offered) {
  add({1}, kLarge);     // 0
  add({2, 1}, kLarge);  // 1: the part of 2 was written, that of 1 was left
  add({1}, kLarge);     // 2
  add({3}, kSmall);     // 3
  for (JournalFrame* frame : queue_.candidates()) {
    if (frame->partition != PartitionId(2)) continue;
    frame->direct = std::make_shared<DirectSegment>(PartitionId(2), 1, "");
  }
  const auto offered = queue_.candidates();
  ASSERT_EQ(offered.size(), 1u);
  EXPECT_EQ(offered.front()->partition, PartitionId(3));
}

TEST_F(AppendQueueTest, what_a_checkpoint_writes_again_is_no_candidate_and_never_stays) {
  add({1}, kLarge);               // 0
  add({1, 2}, 2 * kLarge, true);  // 1
  EXPECT_EQ(queue_.candidates().size(), 1u);
  queue_.hold({PartitionId(1)});
  EXPECT_EQ(take(), Numbers{1});
  add({3}, kSmall, true);  // 2
  EXPECT_EQ(numbers(queue_.take_of_checkpoint()), Numbers{2});
  EXPECT_EQ(numbers(queue_.take_all()), Numbers{0});
}

TEST_F(AppendQueueTest, candidates_are_a_groups_worth_from_the_front) {
  for (int i = 0; i < 9; ++i) add({1}, kLarge);
  EXPECT_EQ(queue_.candidates().size(), 4u);
}

// Whatever comes, is held and is taken: each goes once, and per partition in its order.
TEST_F(AppendQueueTest, the_order_of_each_partition_is_kept) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    made_ = 0;
    std::vector<std::vector<std::uint64_t>> partitions_of;
    std::map<std::uint64_t, Numbers> taken;
    std::set<int> gone;
    std::unordered_set<PartitionId> held;
    auto take_some = [&] {
      for (int number : take()) {
        EXPECT_TRUE(gone.insert(number).second);
        for (std::uint64_t id : partitions_of[static_cast<std::size_t>(number)]) {
          EXPECT_FALSE(held.contains(PartitionId(id)));
          taken[id].push_back(number);
        }
      }
    };
    for (int step = 0; step < 60; ++step) {
      for (unsigned i = random() % 8; i > 0; --i) {
        std::vector<std::uint64_t> ids{random() % 5};
        if (random() % 3 == 0) ids.push_back(5 + random() % 3);
        add(ids, random() % 2 ? kSmall : kLarge);
        partitions_of.push_back(ids);
      }
      held.clear();
      if (random() % 2) held = {PartitionId(random() % 8), PartitionId(random() % 8)};
      queue_.hold(held);
      now_ = now_ + static_cast<std::int64_t>(random() % 600) * 1'000'000;
      take_some();
    }
    held.clear();
    queue_.hold({});
    while (gone.size() < partitions_of.size()) {
      const std::size_t before = gone.size();
      take_some();
      ASSERT_GT(gone.size(), before) << "seed " << seed;
    }
    for (const auto& [id, numbers] : taken) {
      EXPECT_TRUE(std::ranges::is_sorted(numbers)) << "seed " << seed << ", partition " << id;
    }
  }
}

// As DirectSegments does it: of the partitions that are offered some are written, each to its file,
// and the files of the others are closed.
class AnyDirectWrites {
 public:
  explicit AnyDirectWrites(std::mt19937& random) : random_(random) {}

  void write(const std::vector<JournalFrame*>& offered) {
    std::map<PartitionId, bool> chosen;
    for (JournalFrame* frame : offered) {
      auto [place, is_new] = chosen.try_emplace(frame->partition, false);
      if (is_new) place->second = random_() % 2 == 0;
      if (!place->second) {
        files_.erase(frame->partition);
        continue;
      }
      auto& file = files_[frame->partition];
      if (!file) file = std::make_shared<DirectSegment>(frame->partition, ++made_, "");
      frame->direct = file;
    }
  }
  std::unordered_set<PartitionId> open() const {
    std::unordered_set<PartitionId> open;
    for (const auto& [partition, file] : files_) open.insert(partition);
    return open;
  }

 private:
  std::mt19937& random_;
  std::map<PartitionId, std::shared_ptr<DirectSegment>> files_;
  std::uint64_t made_ = 0;
};

TEST_F(AppendQueueTest, what_stands_in_one_file_follows_each_other_in_its_partition) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    AnyDirectWrites direct(random);
    std::map<PartitionId, std::vector<std::uint64_t>> files;  // 0: the journal
    for (int step = 0; step < 80; ++step) {
      for (unsigned i = step < 60 ? random() % 8 : 0; i > 0; --i) {
        std::vector<std::uint64_t> ids{random() % 4};
        if (random() % 3 > 0) ids.push_back(4 + random() % 4);
        add(ids, random() % 2 ? kSmall : kLarge);
      }
      if (random() % 3 == 0) direct.write(queue_.candidates());
      queue_.hold(direct.open());
      now_ = now_ + static_cast<std::int64_t>(random() % 600) * 1'000'000;
      for (const WaitingAppend& taken : queue_.take(now_)) {
        for (const JournalFrame& frame : taken.append->frames) {
          files[frame.partition].push_back(frame.direct ? frame.direct->number() : 0);
        }
      }
    }
    (void)queue_.take_all();
    for (auto& [partition, in_order] : files) {
      in_order.erase(std::ranges::unique(in_order).begin(), in_order.end());
      std::erase(in_order, 0);
      std::set<std::uint64_t> once(in_order.begin(), in_order.end());
      ASSERT_EQ(once.size(), in_order.size()) << "seed " << seed << ": a file was gone on with";
    }
  }
}

}  // namespace
}  // namespace millrace
