#include "server/options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace {
namespace {

Parsed parse(std::vector<std::string> words) {
  words.insert(words.begin(), "millrace");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

// The options, or the exit code and what was printed.
struct Outcome {
  std::optional<ServeOptions> serve;
  int exit_code = 0;
  std::string out;
  std::string err;
};
Outcome run(std::vector<std::string> words) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Parsed parsed = parse(std::move(words));
  return {parsed.serve, parsed.exit_code, testing::internal::GetCapturedStdout(),
          testing::internal::GetCapturedStderr()};
}

void expect_refused(std::vector<std::string> words, const std::string& part) {
  Outcome outcome = run(std::move(words));
  EXPECT_FALSE(outcome.serve.has_value());
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_NE((outcome.out + outcome.err).find(part), std::string::npos)
      << outcome.out << outcome.err;
}

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

TEST(OptionsTest, WithoutWordsItServesOnTheLoopback) {
  Outcome outcome = run({});
  ASSERT_TRUE(outcome.serve.has_value());
  EXPECT_EQ(outcome.serve->kafka->text(), "127.0.0.1:9092");
  EXPECT_EQ(outcome.serve->http->text(), "127.0.0.1:8080");
  EXPECT_FALSE(outcome.serve->advertise.has_value());
  EXPECT_GE(outcome.serve->cores, 1u);
  EXPECT_EQ(outcome.serve->log_level, LogLevel::info);
  EXPECT_FALSE(outcome.serve->json);
}

TEST(OptionsTest, TheSubcommandMeansTheSame) {
  Outcome outcome = run({"serve", "--data-dir", "/tmp/x", "--cores", "3", "--json"});
  ASSERT_TRUE(outcome.serve.has_value());
  EXPECT_EQ(outcome.serve->data_dir, "/tmp/x");
  EXPECT_EQ(outcome.serve->cores, 3u);
  EXPECT_TRUE(outcome.serve->json);
}

TEST(OptionsTest, AListenerCanBeOff) {
  Outcome outcome = run({"--http", "off"});
  ASSERT_TRUE(outcome.serve.has_value());
  EXPECT_FALSE(outcome.serve->http.has_value());
  EXPECT_TRUE(outcome.serve->kafka.has_value());
  ASSERT_TRUE(run({"--kafka", "off"}).serve.has_value());
}

TEST(OptionsTest, AllListenersOffIsRefused) {
  expect_refused({"--kafka", "off", "--http", "off"}, "nothing to serve");
}

TEST(OptionsTest, AWildcardNeedsAnAddressForClients) {
  expect_refused({"--kafka", "0.0.0.0:9092"}, "--advertise");
  expect_refused({"--kafka", "[::]:9092"}, "--advertise");
  Outcome outcome = run({"--kafka", "0.0.0.0:9092", "--advertise", "broker.example:19092"});
  ASSERT_TRUE(outcome.serve.has_value());
  EXPECT_EQ(outcome.serve->advertise->text(), "broker.example:19092");
  // The HTTP listener tells nobody where it is.
  EXPECT_TRUE(run({"--http", "0.0.0.0:8080"}).serve.has_value());
}

TEST(OptionsTest, BugOtherSpellingsOfTheWildcardNeedItToo) {
  for (const char* text : {"[0:0:0:0:0:0:0:0]:9092", "[::0]:9092"}) {
    EXPECT_FALSE(run({"--kafka", text}).serve.has_value()) << text;
  }
}

TEST(OptionsTest, AnAdvertisedAddressMustBeOne) {
  for (const char* text : {"0.0.0.0:9092", "[::]:9092", "host:0", "host", "off"}) {
    expect_refused({"--advertise", text}, "--advertise");
  }
}

TEST(OptionsTest, ABadListenerIsNamed) {
  expect_refused({"--kafka", "localhost"}, "--kafka localhost");
  expect_refused({"--http", "h:x"}, "--http h:x");
}

TEST(OptionsTest, BoundsAreHeld) {
  expect_refused({"--cores", "0"}, "--cores");
  expect_refused({"--cores", "257"}, "--cores");
  expect_refused({"--cores", "many"}, "--cores");
  expect_refused({"--group-initial-rebalance-delay-ms", "-1"}, "--group-initial-rebalance-delay");
  expect_refused({"--group-initial-rebalance-delay-ms", "300001"},
                 "--group-initial-rebalance-delay");
  expect_refused({"--log-level", "loud"}, "--log-level");
  Outcome outcome = run({"--cores", "256", "--group-initial-rebalance-delay-ms", "0"});
  ASSERT_TRUE(outcome.serve.has_value());
  EXPECT_EQ(outcome.serve->cores, 256u);
  EXPECT_EQ(outcome.serve->group_initial_rebalance_delay_ms, 0);
}

TEST(OptionsTest, LogLevels) {
  EXPECT_EQ(run({"--log-level", "debug"}).serve->log_level, LogLevel::debug);
  EXPECT_EQ(run({"--log-level", "warning"}).serve->log_level, LogLevel::warning);
  EXPECT_EQ(run({"--log-level", "error"}).serve->log_level, LogLevel::error);
}

TEST(OptionsTest, HelpAndVersionAreNoMistakes) {
  Outcome help = run({"--help"});
  EXPECT_FALSE(help.serve.has_value());
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("--data-dir"), std::string::npos);
  Outcome version = run({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_NE(version.out.find("millrace "), std::string::npos);
}

TEST(OptionsTest, UnknownWordsAreRefused) {
  expect_refused({"--colour", "red"}, "colour");
  expect_refused({"sreve"}, "sreve");
}

}  // namespace
}  // namespace millrace
