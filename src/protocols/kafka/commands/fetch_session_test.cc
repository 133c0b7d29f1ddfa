// Fetch sessions without a connection: their life, their limits, their order.
#include "protocols/kafka/commands/fetch_session.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace millrace::kafka {
namespace {

constexpr Duration kIdle = std::chrono::minutes(2);
constexpr std::int32_t kEpochMax = std::numeric_limits<std::int32_t>::max();

FetchRequest request_of(std::vector<std::int32_t> partitions, std::int32_t id = kNoFetchSession,
                        std::int32_t epoch = kFirstFetchEpoch) {
  FetchRequest request;
  request.session_id = id;
  request.session_epoch = epoch;
  if (partitions.empty()) return request;
  FetchRequest::Topic& topic = request.topics.emplace_back();
  topic.topic = "orders";
  for (std::int32_t partition : partitions) topic.partitions.push_back({.partition = partition});
  return request;
}

void forget(FetchRequest& request, std::vector<std::int32_t> partitions) {
  request.forgotten_topics_data.push_back({.topic = "orders", .partitions = std::move(partitions)});
}

std::vector<std::int32_t> order_of(FetchSession& session) {
  std::vector<std::int32_t> order;
  for (const FetchedPartition& known : session.partitions())
    order.push_back(known.wanted.partition);
  return order;
}

class FetchSessionsTest : public testing::Test {
 protected:
  std::shared_ptr<FetchSession> open(std::vector<std::int32_t> partitions, const int* owner) {
    return sessions.open(owner, request_of(std::move(partitions)), false, random++, now);
  }
  Result<std::shared_ptr<FetchSession>> resume(const FetchRequest& request, const int* owner) {
    return sessions.resume(owner, request, false, now);
  }
  ErrorCode refusal(const FetchRequest& request, const int* owner, bool by_topic_id = false) {
    auto resumed = sessions.resume(owner, request, by_topic_id, now);
    return resumed ? ErrorCode::ok : resumed.error().code;
  }
  void pass(Duration time) { now = now + time.count(); }

  int alice = 0, bob = 0;  // two connections
  std::uint64_t random = 100;
  MonotonicTime now{1'000'000'000};
  FetchSessions sessions{{.sessions_max = 3, .sessions_per_connection = 2, .partitions_max = 10}};
};

TEST(FetchEpoch, WrapsToOne) {
  EXPECT_EQ(next_fetch_epoch(0), 1);
  EXPECT_EQ(next_fetch_epoch(1), 2);
  EXPECT_EQ(next_fetch_epoch(kEpochMax - 1), kEpochMax);
  EXPECT_EQ(next_fetch_epoch(kEpochMax), 1);
}

TEST_F(FetchSessionsTest, EpochsCountUpFromOne) {
  auto session = open({0, 1}, &alice);
  for (std::int32_t epoch = 1; epoch <= 3; ++epoch) {
    auto resumed = resume(request_of({}, session->id(), epoch), &alice);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(*resumed, session);
  }
  for (std::int32_t epoch : {3, 5, -2, kEpochMax}) {
    EXPECT_EQ(refusal(request_of({}, session->id(), epoch), &alice),
              ErrorCode::invalid_fetch_session_epoch);
  }
  // What was refused changed nothing.
  EXPECT_EQ(refusal(request_of({}, session->id(), 4), &alice), ErrorCode::ok);
}

TEST_F(FetchSessionsTest, IdsAreNeverZeroAndNeverTaken) {
  random = 0;
  auto first = open({0}, &alice);
  EXPECT_EQ(first->id(), 1);
  random = 0x8000'0001;
  auto second = open({0}, &alice);
  EXPECT_EQ(second->id(), 2);
  random = kEpochMax;
  auto last = open({0}, &bob);
  EXPECT_EQ(last->id(), kEpochMax);
}

TEST_F(FetchSessionsTest, AnotherConnectionDoesNotFindIt) {
  auto session = open({0}, &alice);
  EXPECT_EQ(refusal(request_of({}, session->id(), 1), &bob), ErrorCode::fetch_session_not_found);
  sessions.close(&bob, session->id());
  EXPECT_EQ(refusal(request_of({}, session->id(), 1), &alice), ErrorCode::ok);
  sessions.close_all(&alice);
  EXPECT_EQ(refusal(request_of({}, session->id(), 2), &alice), ErrorCode::fetch_session_not_found);
  EXPECT_EQ(sessions.size(), 0u);
  EXPECT_EQ(sessions.partitions(), 0u);
}

TEST_F(FetchSessionsTest, NamesAndIdsDoNotMix) {
  auto session = open({0}, &alice);
  EXPECT_EQ(refusal(request_of({}, session->id(), 1), &alice, true),
            ErrorCode::fetch_session_topic_id_error);
  EXPECT_EQ(refusal(request_of({}, session->id(), 1), &alice), ErrorCode::ok);
}

TEST_F(FetchSessionsTest, ARequestAddsChangesAndForgets) {
  auto session = open({0, 1, 2}, &alice);
  FetchRequest request = request_of({1, 7}, session->id(), 1);
  request.topics[0].partitions[0].fetch_offset = 55;
  forget(request, {0, 99});
  ASSERT_TRUE(resume(request, &alice));
  EXPECT_EQ(order_of(*session), (std::vector<std::int32_t>{1, 2, 7}));
  EXPECT_EQ(session->partitions().front().wanted.fetch_offset, 55);
  EXPECT_EQ(sessions.partitions(), 3u);
}

TEST_F(FetchSessionsTest, WhatIsNamedAndForgottenAtOnceIsForgotten) {
  auto session = open({0, 1}, &alice);
  FetchRequest request = request_of({1, 2}, session->id(), 1);
  forget(request, {1, 2});
  ASSERT_TRUE(resume(request, &alice));
  EXPECT_EQ(order_of(*session), (std::vector<std::int32_t>{0}));
}

TEST_F(FetchSessionsTest, ASessionOfNothingIsClosed) {
  auto session = open({0}, &alice);
  FetchRequest request = request_of({}, session->id(), 1);
  forget(request, {0});
  auto resumed = resume(request, &alice);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(*resumed, nullptr);
  EXPECT_EQ(sessions.size(), 0u);
  EXPECT_EQ(sessions.partitions(), 0u);
}

TEST_F(FetchSessionsTest, TopicsOfTheSameNumberAreApart) {
  FetchRequest request = request_of({0});
  FetchRequest::Topic& other = request.topics.emplace_back();
  other.topic = "invoices";
  other.partitions.push_back({.partition = 0});
  auto session = sessions.open(&alice, request, false, 7, now);
  EXPECT_EQ(session->size(), 2u);
  session->forget("orders", {}, 0);
  ASSERT_EQ(session->size(), 1u);
  EXPECT_EQ(session->partitions().front().topic, "invoices");
}

TEST_F(FetchSessionsTest, AConnectionsOldestSessionGivesWay) {
  auto first = open({0}, &alice);
  auto second = open({0}, &alice);
  ASSERT_TRUE(resume(request_of({}, first->id(), 1), &alice));
  auto third = open({0}, &alice);  // the second was not used for longer
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(refusal(request_of({}, second->id(), 1), &alice), ErrorCode::fetch_session_not_found);
  EXPECT_EQ(refusal(request_of({}, first->id(), 2), &alice), ErrorCode::ok);
}

TEST_F(FetchSessionsTest, AFullCoreEvictsOnlyWhatWasIdle) {
  int others[3];
  std::shared_ptr<FetchSession> held[3];
  for (int i = 0; i < 3; ++i) held[i] = open({0}, &others[i]);
  EXPECT_EQ(open({0}, &alice), nullptr);
  pass(kIdle - std::chrono::nanoseconds(1));
  ASSERT_TRUE(resume(request_of({}, held[0]->id(), 1), &others[0]));
  EXPECT_EQ(open({0}, &alice), nullptr);
  pass(std::chrono::nanoseconds(1));
  EXPECT_NE(open({0}, &alice), nullptr);
  EXPECT_EQ(sessions.size(), 3u);
  EXPECT_EQ(refusal(request_of({}, held[0]->id(), 2), &others[0]), ErrorCode::ok);
  EXPECT_EQ(refusal(request_of({}, held[1]->id(), 1), &others[1]),
            ErrorCode::fetch_session_not_found);
  EXPECT_EQ(refusal(request_of({}, held[2]->id(), 1), &others[2]), ErrorCode::ok);
}

TEST_F(FetchSessionsTest, PartitionsAreLimitedToo) {
  auto first = open({0, 1, 2, 3, 4, 5}, &alice);
  EXPECT_EQ(open({0, 1, 2, 3, 4}, &bob), nullptr);
  auto second = open({0, 1, 2, 3}, &bob);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(sessions.partitions(), 10u);
  // What outgrows the limit is closed: its client begins anew.
  EXPECT_EQ(refusal(request_of({9}, second->id(), 1), &bob), ErrorCode::fetch_session_not_found);
  EXPECT_EQ(sessions.partitions(), 6u);
  EXPECT_EQ(refusal(request_of({6, 7, 8, 9}, first->id(), 1), &alice), ErrorCode::ok);
  EXPECT_EQ(sessions.partitions(), 10u);
  pass(kIdle);
  EXPECT_EQ(open({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, &bob), nullptr);
  EXPECT_EQ(sessions.partitions(), 10u) << "nothing is evicted for what can not fit";
  EXPECT_NE(open({0}, &bob), nullptr);
  EXPECT_EQ(sessions.partitions(), 1u);
}

TEST(FetchSession, NewsAreRecordsErrorsAndMovedEnds) {
  FetchedPartition known;
  FetchResponse::Partition answer;
  answer.high_watermark = 10;
  answer.log_start_offset = 0;
  EXPECT_TRUE(FetchSession::has_news(known, answer)) << "never told before";
  EXPECT_FALSE(FetchSession::has_news(known, answer));
  answer.high_watermark = 11;
  EXPECT_TRUE(FetchSession::has_news(known, answer));
  EXPECT_FALSE(FetchSession::has_news(known, answer));
  answer.log_start_offset = 5;
  EXPECT_TRUE(FetchSession::has_news(known, answer));
  EXPECT_FALSE(FetchSession::has_news(known, answer));
  const std::uint8_t bytes[] = {1};
  answer.records.emplace().append(Bytes::copy_of(bytes));
  EXPECT_TRUE(FetchSession::has_news(known, answer));
  EXPECT_TRUE(FetchSession::has_news(known, answer));
}

TEST(FetchSession, ErrorsAreToldEachTimeAndTheirEndToo) {
  FetchedPartition known;
  FetchResponse::Partition sound;
  sound.high_watermark = 10;
  sound.log_start_offset = 0;
  ASSERT_TRUE(FetchSession::has_news(known, sound));
  FetchResponse::Partition failed = sound;
  failed.error_code = 1;
  EXPECT_TRUE(FetchSession::has_news(known, failed));
  EXPECT_TRUE(FetchSession::has_news(known, failed));
  EXPECT_TRUE(FetchSession::has_news(known, sound));
  EXPECT_FALSE(FetchSession::has_news(known, sound));
}

TEST(FetchSession, WhoGaveRecordsGoesToTheEnd) {
  FetchSession session(1, false);
  session.update(request_of({0, 1, 2, 3}));
  session.move_to_end(session.partitions().front());
  session.move_to_end(session.partitions().front());
  EXPECT_EQ(order_of(session), (std::vector<std::int32_t>{2, 3, 0, 1}));
  session.update(request_of({2, 4}));
  EXPECT_EQ(order_of(session), (std::vector<std::int32_t>{2, 3, 0, 1, 4}));
}

}  // namespace
}  // namespace millrace::kafka
