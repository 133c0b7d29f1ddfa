#include "client/address.h"

#include <gtest/gtest.h>

namespace millrace::client {
namespace {

TEST(ServerAddressTest, HostAndPort) {
  EXPECT_EQ(parse_server("broker.example:1234"), (ServerAddress{"broker.example", 1234}));
  EXPECT_EQ(parse_server("127.0.0.1:65535")->port, 65535);
}

TEST(ServerAddressTest, WithoutAPortItIsKafkas) {
  EXPECT_EQ(parse_server("broker.example"), (ServerAddress{"broker.example", 9092}));
  EXPECT_EQ(parse_server("[::1]"), (ServerAddress{"::1", 9092}));
}

TEST(ServerAddressTest, Version6StandsInBrackets) {
  const auto address = parse_server("[fe80::1]:9093");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->host, "fe80::1");
  EXPECT_EQ(address->text(), "[fe80::1]:9093");
  EXPECT_FALSE(parse_server("fe80::1:9093"));
}

TEST(ServerAddressTest, RefusesWhatIsNone) {
  for (const char* text : {"", ":9092", "host:", "host:0", "host:65536", "host:x", "host:90 ",
                           "[::1", "[]:9092", "[::1]9092", "host:-1", "a:1:2"}) {
    const auto address = parse_server(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, ErrorCode::invalid_config);
    EXPECT_NE(address.error().message().find('\'' + std::string(text) + '\''), std::string::npos);
  }
}

}  // namespace
}  // namespace millrace::client
