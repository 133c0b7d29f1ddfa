// Who gets the next message.
#include "queues/consumers.h"

#include <gtest/gtest.h>

#include <random>

namespace millrace {
namespace {

const HolderId kA(1), kB(2), kC(3);

// Gives out `count` messages; who got them, as letters. '-': nobody could be given one.
std::string deliver(Consumers& consumers, int count) {
  std::string who;
  for (int i = 0; i < count; ++i) {
    auto next = consumers.next();
    if (!next) {
      who += '-';
      continue;
    }
    consumers.delivered(*next);
    who += static_cast<char>('a' + next->value() - 1);
  }
  return who;
}

void add(Consumers& consumers, HolderId holder, ConsumerOptions options = {}) {
  EXPECT_EQ(consumers.add(holder, options), std::nullopt);
}

TEST(Consumers, nobody_is_given_anything_without_consumers) {
  Consumers consumers;
  EXPECT_EQ(deliver(consumers, 1), "-");
  EXPECT_EQ(consumers.total_credit(), 0);
}

TEST(Consumers, equals_take_turns) {
  Consumers consumers;
  add(consumers, kA);
  add(consumers, kB);
  add(consumers, kC);
  EXPECT_EQ(deliver(consumers, 7), "abcabca");
}

TEST(Consumers, one_without_credit_is_passed_over_until_it_has_some) {
  Consumers consumers;
  add(consumers, kA, {.credit = 2});
  add(consumers, kB, {.credit = 4});
  EXPECT_EQ(deliver(consumers, 7), "ababbb-");
  consumers.grant(kA, 1);
  EXPECT_EQ(deliver(consumers, 2), "a-");
  consumers.set_credit(kB, kUnlimitedCredit);
  consumers.grant(kB, 5);
  EXPECT_EQ(consumers.credit(kB), kUnlimitedCredit);
  EXPECT_EQ(deliver(consumers, 3), "bbb");
  consumers.set_credit(kB, 0);
  EXPECT_EQ(deliver(consumers, 1), "-");
}

TEST(Consumers, lower_priorities_get_what_higher_ones_cannot_take) {
  Consumers consumers;
  add(consumers, kA, {.priority = -1});
  add(consumers, kB, {.priority = 10, .credit = 2});
  add(consumers, kC, {.priority = 10, .credit = 1});
  EXPECT_EQ(deliver(consumers, 5), "bcbaa");
  consumers.grant(kC, 1);
  EXPECT_EQ(deliver(consumers, 2), "ca");
}

TEST(Consumers, a_blocked_one_is_passed_over_and_keeps_its_credit) {
  Consumers consumers;
  add(consumers, kA, {.credit = 3});
  add(consumers, kB, {.credit = 3});
  consumers.set_blocked(kA, true);
  EXPECT_EQ(deliver(consumers, 2), "bb");
  consumers.set_blocked(kA, false);
  EXPECT_EQ(deliver(consumers, 5), "baaa-");
}

TEST(Consumers, one_that_goes_leaves_the_turns_of_the_others) {
  Consumers consumers;
  add(consumers, kA);
  add(consumers, kB);
  add(consumers, kC, {.credit = 0});
  EXPECT_EQ(deliver(consumers, 1), "a");
  EXPECT_EQ(consumers.remove(kB), std::nullopt);
  EXPECT_EQ(consumers.remove(kC), std::nullopt);
  EXPECT_EQ(deliver(consumers, 2), "aa");
  EXPECT_EQ(consumers.holders(), std::vector<HolderId>{kA});
  EXPECT_EQ(consumers.remove(kA), std::nullopt);
  EXPECT_TRUE(consumers.empty());
}

TEST(Consumers, their_credit_is_known_together) {
  Consumers consumers;
  add(consumers, kA, {.credit = 10});
  add(consumers, kB, {.credit = 5});
  EXPECT_EQ(consumers.total_credit(), 15);
  deliver(consumers, 3);
  EXPECT_EQ(consumers.total_credit(), 12);
  add(consumers, kC);
  EXPECT_EQ(consumers.total_credit(), kUnlimitedCredit);
  EXPECT_EQ(consumers.remove(kC), std::nullopt);
  EXPECT_EQ(consumers.remove(kA), std::nullopt);
  EXPECT_EQ(consumers.total_credit(), 4);
}

TEST(SingleActiveConsumer, is_the_one_that_came_first) {
  Consumers consumers(true);
  EXPECT_EQ(consumers.add(kA, {.credit = 2}), kA);
  EXPECT_EQ(consumers.add(kB, {}), std::nullopt);
  EXPECT_TRUE(consumers.is_active(kA));
  EXPECT_FALSE(consumers.is_active(kB));
  EXPECT_EQ(deliver(consumers, 3), "aa-");  // nobody else, also when it has no credit
}

TEST(SingleActiveConsumer, is_followed_by_the_next_that_came) {
  Consumers consumers(true);
  EXPECT_EQ(consumers.add(kA, {}), kA);
  EXPECT_EQ(consumers.add(kB, {}), std::nullopt);
  EXPECT_EQ(consumers.add(kC, {}), std::nullopt);
  EXPECT_EQ(consumers.remove(kB), std::nullopt);
  EXPECT_EQ(consumers.remove(kA), kC);
  EXPECT_EQ(deliver(consumers, 2), "cc");
  EXPECT_EQ(consumers.remove(kC), std::nullopt);
  EXPECT_EQ(consumers.active(), std::nullopt);
}

TEST(SingleActiveConsumer, gives_way_to_a_higher_priority) {
  Consumers consumers(true);
  EXPECT_EQ(consumers.add(kA, {}), kA);
  EXPECT_EQ(consumers.add(kB, {.priority = 1}), kB);
  EXPECT_EQ(consumers.add(kC, {.priority = 1}), std::nullopt);
  EXPECT_EQ(deliver(consumers, 1), "b");
  EXPECT_EQ(consumers.remove(kB), kC);
  EXPECT_EQ(consumers.remove(kC), kA);
}

TEST(SingleActiveConsumer, can_be_turned_on_and_off) {
  Consumers consumers;
  add(consumers, kA);
  add(consumers, kB);
  EXPECT_EQ(consumers.set_single_active(true), kA);
  EXPECT_EQ(deliver(consumers, 2), "aa");
  EXPECT_EQ(consumers.set_single_active(false), std::nullopt);
  EXPECT_EQ(consumers.active(), std::nullopt);
  EXPECT_EQ(deliver(consumers, 2), "ba");
}

// Beside a model that looks through all of them.
TEST(Consumers, random_ones_are_served_as_the_rules_say) {
  struct Model {
    HolderId holder;
    std::int32_t priority;
    std::int64_t credit;
    bool blocked = false;
  };
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    Consumers consumers;
    std::vector<Model> models;
    std::uint64_t last = 0;
    for (int i = 0; i < 400; ++i) {
      auto dice = random() % 10;
      Model* some = models.empty() ? nullptr : &models[random() % models.size()];
      if (dice == 0 || some == nullptr) {
        models.push_back({HolderId(++last), static_cast<std::int32_t>(random() % 3),
                          static_cast<std::int64_t>(random() % 4) - 1});
        add(consumers, models.back().holder,
            {.priority = models.back().priority, .credit = models.back().credit});
      } else if (dice == 1 && models.size() > 3) {
        EXPECT_EQ(consumers.remove(some->holder), std::nullopt);
        models.erase(models.begin() + (some - models.data()));
      } else if (dice == 2) {
        some->blocked = !some->blocked;
        consumers.set_blocked(some->holder, some->blocked);
      } else if (dice == 3) {
        some->credit = some->credit < 0 ? -1 : some->credit + 2;
        consumers.grant(some->holder, 2);
      } else {
        auto next = consumers.next();
        const Model* best = nullptr;
        std::int64_t total = 0;
        for (const Model& model : models) {
          total = total < 0 || model.credit < 0 ? -1 : total + model.credit;
          if (model.credit == 0 || model.blocked) continue;
          if (best == nullptr || model.priority > best->priority) best = &model;
        }
        ASSERT_EQ(consumers.total_credit(), total);
        ASSERT_EQ(next.has_value(), best != nullptr);
        if (!next) continue;
        auto given = std::find_if(models.begin(), models.end(),
                                  [&](const Model& model) { return model.holder == *next; });
        ASSERT_TRUE(given != models.end() && !given->blocked && given->credit != 0);
        ASSERT_EQ(given->priority, best->priority);
        if (given->credit > 0) --given->credit;
        consumers.delivered(*next);
      }
    }
  }
}

}  // namespace
}  // namespace millrace
