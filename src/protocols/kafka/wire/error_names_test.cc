#include "protocols/kafka/wire/error_names.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace millrace::kafka {
namespace {

TEST(ErrorNames, AsKafkaPrintsThem) {
  EXPECT_EQ(error_code_name(0), "NONE");
  EXPECT_EQ(error_code_name(-1), "UNKNOWN_SERVER_ERROR");
  EXPECT_EQ(error_code_name(3), "UNKNOWN_TOPIC_OR_PARTITION");
  EXPECT_EQ(error_code_name(56), "KAFKA_STORAGE_ERROR");
  EXPECT_EQ(error_code_name(106), "FETCH_SESSION_TOPIC_ID_ERROR");
}

TEST(ErrorNames, UnknownCodesKeepTheirNumber) {
  EXPECT_EQ(error_code_name(1234), "ERROR_1234");
  EXPECT_EQ(error_code_name(102), "ERROR_102");
  EXPECT_EQ(error_code_name(-2), "ERROR_-2");
}

// Whatever this broker answers has a name.
TEST(ErrorNames, EveryErrorOfOursHasOne) {
#define MILLRACE_ERROR(name, kafka_code, amqp_code, text) \
  EXPECT_FALSE(error_code_name(kafka_code).starts_with("ERROR_")) << #name;
#include "base/error_table.h"
#undef MILLRACE_ERROR
}

}  // namespace
}  // namespace millrace::kafka
