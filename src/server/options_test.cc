#include "server/options.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace millrace {
namespace {

Parsed parse(std::vector<std::string> words, std::vector<const char*> variables) {
  words.insert(words.begin(), "millrace");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  variables.push_back(nullptr);
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), variables.data());
}

// The options, or the exit code and what was printed.
struct Outcome {
  std::optional<ServeOptions> serve;
  int exit_code = 0;
  std::string out;
  std::string err;
};
Outcome run(std::vector<std::string> words, std::vector<const char*> variables = {}) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Parsed parsed = parse(std::move(words), std::move(variables));
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
  expect_refused({"--kafka", "off", "--amqp", "off", "--management", "off", "--http", "off"},
                 "nothing to serve");
  EXPECT_TRUE(run({"--kafka", "off", "--http", "off"}).serve.has_value());
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
  EXPECT_EQ(outcome.serve->broker.groups.initial_rebalance_delay.count(), 0);
}

TEST(OptionsTest, FlagEnvironmentFileDefault) {
  const std::string file = testing::TempDir() + "options_test.toml";
  std::ofstream(file) << "[server]\ncores = 2\ndata_dir = \"f\"\n[log]\nlevel = \"error\"\n";
  Outcome outcome = run({"--config", file, "--cores", "4"},
                        {"MILLRACE_SERVER_CORES=3", "MILLRACE_LOG_LEVEL=warning"});
  ASSERT_TRUE(outcome.serve.has_value()) << outcome.err;
  EXPECT_EQ(outcome.serve->cores, 4u);
  EXPECT_EQ(outcome.serve->log_level, LogLevel::warning);
  EXPECT_EQ(outcome.serve->data_dir, "f");
  EXPECT_EQ(outcome.serve->http->text(), "127.0.0.1:8080");
  const std::string variable = "MILLRACE_CONFIG=" + file;
  EXPECT_EQ(run({}, {variable.c_str()}).serve->cores, 2u);
}

TEST(OptionsTest, AllMistakesAreToldAndNothingIsServed) {
  Outcome outcome = run({"--config", "/nowhere/m.toml"}, {"MILLRACE_LOG_LEVLE=x"});
  EXPECT_FALSE(outcome.serve.has_value());
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("/nowhere/m.toml"), std::string::npos);
  EXPECT_NE(outcome.err.find("MILLRACE_LOG_LEVEL"), std::string::npos);
}

TEST(OptionsTest, LogLevels) {
  EXPECT_EQ(run({"--log-level", "debug"}).serve->log_level, LogLevel::debug);
  EXPECT_EQ(run({"--log-level", "warning"}).serve->log_level, LogLevel::warning);
  EXPECT_EQ(run({"--log-level", "error"}).serve->log_level, LogLevel::error);
}

TEST(OptionsTest, LogFormats) {
  EXPECT_FALSE(run({}).serve->log_format.has_value());
  EXPECT_FALSE(run({"--log-format", "auto"}).serve->log_format.has_value());
  EXPECT_EQ(run({"--log-format", "text"}).serve->log_format, LogFormat::text);
  EXPECT_EQ(run({"serve", "--log-format", "json"}).serve->log_format, LogFormat::json);
  expect_refused({"--log-format", "xml"}, "--log-format");
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
