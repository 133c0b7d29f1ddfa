#include "client/server_error.h"

#include <gtest/gtest.h>

namespace millrace::client {
namespace {

TEST(ServerErrorTest, ZeroIsNone) {
  EXPECT_EQ(server_error(0, "ignored").code, ErrorCode::ok);
  EXPECT_TRUE(check(0));
}

TEST(ServerErrorTest, EachOfOurCodesComesBackAsOneWithTheSameNumber) {
#define MILLRACE_ERROR(name, kafka, amqp, text)                                     \
  EXPECT_EQ(kafka_error_code(server_error(kafka_error_code(ErrorCode::name)).code), \
            kafka_error_code(ErrorCode::name));
#include "base/error_table.h"
#undef MILLRACE_ERROR
}

TEST(ServerErrorTest, TheServersWordsComeFirst) {
  EXPECT_EQ(server_error(36).message(), error_text(ErrorCode::topic_already_exists));
  EXPECT_EQ(server_error(36, "").message(), error_text(ErrorCode::topic_already_exists));
  EXPECT_EQ(server_error(36, "taken").message(), "taken");
  EXPECT_EQ(server_error(36, "taken").code, ErrorCode::topic_already_exists);
}

TEST(ServerErrorTest, CodesOfOtherBrokersHaveWordsOrTheirNumber) {
  EXPECT_EQ(server_error(41).message(), "this broker is not the controller");
  EXPECT_NE(server_error(119).message().find("119"), std::string::npos);
  EXPECT_EQ(check(119).error().code, ErrorCode::io_error);
}

TEST(ServerErrorTest, WhatPassesIsRetriable) {
  for (const std::int16_t code : {5, 6, 7, 14, 16, 19, 56}) EXPECT_TRUE(is_retriable(code)) << code;
  for (const std::int16_t code : {0, 1, 2, 3, 10, 17, 29, 36, 45, 87, 119})
    EXPECT_FALSE(is_retriable(code)) << code;
}

TEST(ServerErrorTest, ALeaderThatIsAwayIsRetriableAfterTheTranslationToo) {
  EXPECT_TRUE(is_retriable(server_error(5)));
  EXPECT_TRUE(is_retriable(server_error(6)));
  EXPECT_TRUE(is_retriable(Error(ErrorCode::connection_broken)));
  EXPECT_TRUE(is_retriable(Error(ErrorCode::timed_out)));
  EXPECT_FALSE(is_retriable(Error(ErrorCode::corrupt_message)));
  EXPECT_FALSE(is_retriable(Error(ErrorCode::unknown_topic_or_partition)));
}

}  // namespace
}  // namespace millrace::client
