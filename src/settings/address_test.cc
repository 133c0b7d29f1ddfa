#include "settings/address.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(AddressTest, HostAndPort) {
  auto address = parse_address("example.org:9092");
  ASSERT_TRUE(address.has_value());
  EXPECT_EQ(address->host, "example.org");
  EXPECT_EQ(address->port, 9092);
  EXPECT_EQ(address->text(), "example.org:9092");
}

TEST(AddressTest, BracketsOfVersion6AreTakenOffAndPutBack) {
  auto address = parse_address("[::1]:9092");
  ASSERT_TRUE(address.has_value());
  EXPECT_EQ(address->host, "::1");
  EXPECT_EQ(address->text(), "[::1]:9092");
}

TEST(AddressTest, PortsFromZeroToTheLargest) {
  EXPECT_EQ(parse_address("h:0")->port, 0);
  EXPECT_EQ(parse_address("h:65535")->port, 65535);
}

TEST(AddressTest, WhatIsNoAddressIsRefused) {
  for (const char* text :
       {"", "host", ":9092", "host:", "host:65536", "host:-1", "host:90x", "host: 9092",
        "host:9092 ", "host:+1", "host:99999999999999999999", "[]:9092"}) {
    EXPECT_FALSE(parse_address(text).has_value()) << "'" << text << "'";
  }
}

// Nobody can tell where the address ends and the port begins.
TEST(AddressTest, BugVersion6WithoutBracketsIsRefused) {
  EXPECT_FALSE(parse_address("::1:9092").has_value());
  EXPECT_FALSE(parse_address("fe80::1").has_value());
  EXPECT_FALSE(parse_address("[::1:9092").has_value());
  EXPECT_FALSE(parse_address("::1]:9092").has_value());
}

}  // namespace
}  // namespace millrace
