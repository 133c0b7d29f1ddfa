#include "client/assignor.h"

#include <gtest/gtest.h>

namespace millrace::client {
namespace {

Bytes bytes_of(std::initializer_list<int> list) {
  std::vector<std::uint8_t> bytes;
  for (const int byte : list) bytes.push_back(static_cast<std::uint8_t>(byte));
  return Bytes::copy_of(bytes);
}

TEST(AssignorTest, SubscriptionsComeBack) {
  const std::vector<std::string> topics = {"orders", "payments"};
  EXPECT_EQ(decode_subscription(encode_subscription(topics)), topics);
  EXPECT_EQ(decode_subscription(encode_subscription({})), std::vector<std::string>());
}

TEST(AssignorTest, ASubscriptionIsWhatOtherClientsWrite) {
  const Bytes bytes = bytes_of({0, 0, 0, 0, 0, 1, 0, 1, 't', 0xff, 0xff, 0xff, 0xff});
  const Bytes ours = encode_subscription({"t"});
  EXPECT_TRUE(std::ranges::equal(bytes.view(), ours.view()));
}

TEST(AssignorTest, FieldsOfLaterVersionsAreLeft) {
  // Version 1 adds the partitions that the member had.
  const auto topics = decode_subscription(
      bytes_of({0, 1, 0, 0, 0, 1, 0, 1, 't', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}));
  EXPECT_EQ(topics, std::vector<std::string>{"t"});
}

TEST(AssignorTest, AssignmentsComeBack) {
  const Assignment assignment = {{"a", {0, 5}}, {"b", {}}};
  EXPECT_EQ(decode_assignment(encode_assignment(assignment)), assignment);
  EXPECT_EQ(decode_assignment(Bytes()), Assignment());
}

TEST(AssignorTest, RefusesWhatCannotBeRead) {
  const Bytes whole = encode_assignment({{"topic", {0, 1, 2}}});
  // What follows the partitions is the user data, which is not read.
  for (std::size_t size = 1; size + 4 < whole.size(); ++size)
    EXPECT_FALSE(decode_assignment(Bytes::copy_of(whole.view().first(size)))) << size;
  EXPECT_FALSE(decode_subscription(bytes_of({0, 0, 0x7f, 0xff, 0xff, 0xff})));
  EXPECT_FALSE(decode_subscription(Bytes()));
}

TEST(AssignorTest, RangesInTheOrderOfIds) {
  const auto assigned = assign_ranges({{"m2", {"t"}}, {"m1", {"t"}}, {"m3", {"t"}}}, {{"t", 8}});
  EXPECT_EQ(assigned.at("m1"), (Assignment{{"t", {0, 1, 2}}}));
  EXPECT_EQ(assigned.at("m2"), (Assignment{{"t", {3, 4, 5}}}));
  EXPECT_EQ(assigned.at("m3"), (Assignment{{"t", {6, 7}}}));
}

TEST(AssignorTest, OnlyWhoSubscribedIsGivenPartitions) {
  const auto assigned =
      assign_ranges({{"a", {"x", "y"}}, {"b", {"y"}}, {"c", {"gone"}}}, {{"x", 2}, {"y", 1}});
  EXPECT_EQ(assigned.at("a"), (Assignment{{"x", {0, 1}}, {"y", {0}}}));
  EXPECT_EQ(assigned.at("b"), Assignment());
  EXPECT_EQ(assigned.at("c"), Assignment());
}

}  // namespace
}  // namespace millrace::client
