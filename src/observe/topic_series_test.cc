#include "observe/topic_series.h"

#include <gtest/gtest.h>

#include "observe/limits.h"

namespace millrace {
namespace {

TopicId id_of(std::uint8_t number) {
  TopicId id{};
  id[0] = number;
  return id;
}

class TopicSeriesTest : public testing::Test {
 protected:
  void put(std::uint8_t number, std::string_view name, std::uint64_t records,
           std::uint64_t log_bytes = 0) {
    topics_[id_of(number)] = {name, {.records_in = records, .log_bytes = log_bytes}};
  }
  // "name=records" of each series, in order.
  std::string folded() {
    std::string text;
    for (const auto& [name, figures] : series_.fold(topics_)) {
      text += name + "=" + std::to_string(figures.records_in) + " ";
    }
    return text;
  }
  TopicSeries series_{2};
  std::map<TopicId, TopicSeries::Topic> topics_;
};

TEST_F(TopicSeriesTest, EachTopicHasItsOwnWhileThereIsRoom) {
  put(1, "orders", 5);
  put(2, "bills", 7);
  EXPECT_EQ(folded(), "bills=7 orders=5 ");
}

TEST_F(TopicSeriesTest, WhoComesLateIsOneOfTheOthersForGood) {
  put(2, "orders", 5);
  put(3, "bills", 7);
  EXPECT_EQ(folded(), "bills=7 orders=5 ");
  put(1, "alerts", 11);
  put(4, "zebras", 13);
  EXPECT_EQ(folded(), "bills=7 orders=5 (other)=24 ");
  // Room for one: not for who was counted among the others.
  topics_.erase(id_of(2));
  EXPECT_EQ(folded(), "bills=7 (other)=24 ");
  put(5, "new", 1);
  EXPECT_EQ(folded(), "bills=7 new=1 (other)=24 ");
}

TEST_F(TopicSeriesTest, TheOthersNeverFall) {
  put(1, "a", 1);
  put(2, "b", 2);
  put(3, "c", 3, 1000);
  put(4, "d", 4, 500);
  EXPECT_EQ(folded(), "a=1 b=2 (other)=7 ");
  topics_.erase(id_of(3));
  EXPECT_EQ(folded(), "a=1 b=2 (other)=7 ");
  const auto series = series_.fold(topics_);
  EXPECT_EQ(series.back().first, kOther);
  EXPECT_EQ(series.back().second.log_bytes, 500u) << "a deleted topic keeps nothing";
  topics_.erase(id_of(4));
  EXPECT_EQ(folded(), "a=1 b=2 (other)=7 ");
}

}  // namespace
}  // namespace millrace
