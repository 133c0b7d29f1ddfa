#include "settings/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "settings/pages.h"
#include "settings/rules.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SettingsTest, WithoutAnythingAllAreDefaults) {
  Settings settings;
  for (const Setting& setting : all_settings()) {
    EXPECT_EQ(settings.at(setting.name).origin, Origin::default_value) << setting.name;
    EXPECT_EQ(settings.text(setting.name), setting.default_text) << setting.name;
  }
  EXPECT_THAT(check_together(settings), IsEmpty());
}

TEST(SettingsTest, EveryRowIsWhole) {
  std::string last_section;
  std::vector<std::string> sections;
  for (const Setting& setting : all_settings()) {
    EXPECT_NE(setting.name.find('.'), std::string_view::npos) << setting.name;
    EXPECT_TRUE(setting.text.ends_with('.')) << setting.name;
    EXPECT_FALSE(setting.since.empty()) << setting.name;
    EXPECT_EQ(find_setting(setting.name), &setting) << "twice: " << setting.name;
    EXPECT_EQ(setting.kind == Kind::choice, !setting.choices.empty()) << setting.name;
    EXPECT_LE(setting.min, setting.max) << setting.name;
    if (setting.section() != last_section) sections.emplace_back(setting.section());
    last_section = setting.section();
  }
  std::vector<std::string> declared;
  for (const Section& section : all_sections()) declared.emplace_back(section.name);
  EXPECT_EQ(sections, declared);
}

TEST(SettingsTest, TheLaterLayerWins) {
  Settings settings;
  const char* const variables[] = {"PATH=/bin", "MILLRACE_KAFKA_LISTEN=127.0.0.1:2",
                                   "MILLRACE_LOG_LEVEL=error", nullptr};
  EXPECT_THAT(settings.set_flag("kafka", "127.0.0.1:3"), IsEmpty());
  EXPECT_EQ(settings.at("kafka.listen").place, "--kafka");
  EXPECT_THAT(settings.read_text("[kafka]\nlisten = \"127.0.0.1:1\"\n", "m.toml"), IsEmpty());
  EXPECT_EQ(settings.at("kafka.listen").place, "m.toml:2");
  EXPECT_THAT(settings.read_environment(variables), IsEmpty());
  EXPECT_EQ(settings.at("kafka.listen").place, "MILLRACE_KAFKA_LISTEN");
  EXPECT_EQ(settings.text("kafka.listen"), "127.0.0.1:2");
  EXPECT_EQ(settings.text("log.level"), "error");
}

TEST(SettingsTest, AFileHoldsEveryKind) {
  Settings settings;
  EXPECT_THAT(settings.read_text(R"(
kafka.request_bytes_max = 1048576
server.cores = 3
server.json_ready_line = true
[kafka]
idle_ms_max = "90s"
listen = "off"
[storage]
journal_file_bytes = "128MiB"
flush_pace_us = "1ms"
)",
                                 "m.toml"),
              ElementsAre(HasSubstr("m.toml:5: this is no TOML")));
  EXPECT_THAT(settings.read_text(R"(
server.cores = 3
server.json_ready_line = true
[kafka]
request_bytes_max = 1048576
idle_ms_max = "90s"
listen = "off"
[storage]
journal_file_bytes = "128MiB"
flush_pace_us = "1ms"
)",
                                 "m.toml"),
              IsEmpty());
  EXPECT_EQ(settings.text("kafka.request_bytes_max"), "1MiB");
  EXPECT_EQ(settings.number("server.cores"), 3);
  EXPECT_TRUE(settings.boolean("server.json_ready_line"));
  EXPECT_EQ(settings.number("kafka.idle_ms_max"), 90'000);
  EXPECT_TRUE(settings.is_word("kafka.listen"));
  EXPECT_EQ(settings.number("storage.journal_file_bytes"), 128 << 20);
  EXPECT_EQ(settings.number("storage.flush_pace_us"), 1000);
  EXPECT_EQ(settings.at("storage.flush_pace_us").place, "m.toml:10");
}

TEST(SettingsTest, MistakesNameLineWhatIsAllowedAndTheNearestName) {
  Settings settings;
  const Mistakes mistakes = settings.read_text(R"([storage]
tail_byte_max = "1GiB"
open_segments_max = "many"
[kafak]
listen = "h:1"
[kafka]
idle_ms_max = "0s"
advertise = 9092
[log]
level = "loud"
)",
                                               "m.toml");
  EXPECT_THAT(
      mistakes,
      ElementsAre("m.toml:2: there is no setting 'storage.tail_byte_max'; the nearest that there "
                  "is: 'storage.tail_bytes_max'",
                  "m.toml:3: storage.open_segments_max = 'many': it must be a number from 1 to "
                  "1000000, without quotes",
                  "m.toml:4: there is no setting 'kafak'; the nearest that there is: 'kafka'",
                  "m.toml:7: kafka.idle_ms_max = '0s': it must be a duration from 1s to 365d, as "
                  "200ms or 10m, or a number of milliseconds",
                  "m.toml:8: kafka.advertise = 9092: it must be an address HOST:PORT, IPv6 in "
                  "brackets, or 'auto', in quotes",
                  "m.toml:10: log.level = 'loud': it must be one of debug, info, warning, error"));
  // What was wrong changed nothing.
  EXPECT_EQ(settings.text("kafka.idle_ms_max"), "10m");
}

TEST(SettingsTest, ASectionThatIsNoTableIsAMistake) {
  Settings settings;
  EXPECT_THAT(settings.read_text("kafka = 1\n", "m.toml"), ElementsAre(HasSubstr("m.toml:1")));
  EXPECT_THAT(settings.read_text("[[kafka]]\nlisten = \"off\"\n", "m.toml"),
              ElementsAre(HasSubstr("m.toml:1")));
  EXPECT_THAT(settings.read_text("[kafka.listen]\nport = 1\n", "m.toml"),
              ElementsAre(HasSubstr("in quotes")));
  EXPECT_THAT(settings.read_text("[server]\ndata_dir = [\"a\"]\n", "m.toml"),
              ElementsAre(HasSubstr("m.toml:2")));
}

TEST(SettingsTest, AFileThatCannotBeReadIsNamed) {
  Settings settings;
  EXPECT_THAT(settings.read_file("/nowhere/m.toml"), ElementsAre(HasSubstr("/nowhere/m.toml")));
  EXPECT_THAT(settings.read_file("/"), ElementsAre(HasSubstr("can't be read")));
}

TEST(SettingsTest, UnknownVariablesAreRefusedAndOthersLeftAlone) {
  Settings settings;
  const char* const variables[] = {"MILLRACE_SERVER=127.0.0.1:1", "MILLRACE_CONFIG=x",
                                   "MILLRACE_AMQP=h:1",           "MILLRACE_MANAGEMENT=h:1",
                                   "MILLRACE_KAFKA_LISEN=h:1",    "MILLRACE_SERVER_CORES=0",
                                   "MILLRACE_LOG_LEVEL",          nullptr};
  EXPECT_THAT(settings.read_environment(variables),
              ElementsAre("the environment variable MILLRACE_KAFKA_LISEN is no setting; the "
                          "nearest that is one: MILLRACE_KAFKA_LISTEN",
                          "MILLRACE_SERVER_CORES=0: it must be a number from 1 to 256, or 'auto'",
                          HasSubstr("MILLRACE_LOG_LEVEL")));
}

TEST(SettingsTest, FlagsAreHeldAgainstTheirBounds) {
  Settings settings;
  EXPECT_THAT(settings.set_flag("cores", "257"),
              ElementsAre("--cores 257: it must be a number from 1 to 256, or 'auto'"));
}

TEST(RulesTest, WhatHoldsBetweenSettings) {
  Settings settings;
  EXPECT_THAT(settings.read_text(R"([groups]
session_timeout_ms_min = "40m"
[storage]
journal_file_bytes = "512MiB"
[kafka]
listen = "[::0]:9092"
)",
                                 "m.toml"),
              IsEmpty());
  EXPECT_THAT(check_together(settings),
              ElementsAre(HasSubstr("--advertise"),
                          "groups.session_timeout_ms_min = 40m (m.toml:2) is above "
                          "groups.session_timeout_ms_max = 30m (default)",
                          "storage.journal_bytes_max = 1GiB (default) is too little for 4 files of "
                          "storage.journal_file_bytes = 512MiB (m.toml:4)"));
}

TEST(RulesTest, MemoryMustHoldItsPartsAndTwoOfTheLargestRequests) {
  Settings settings;
  EXPECT_THAT(check_together(settings), IsEmpty());
  EXPECT_THAT(settings.read_text(R"([storage]
tail_bytes_max = "256MiB"
)",
                                 "m.toml"),
              IsEmpty());
  EXPECT_THAT(check_together(settings),
              ElementsAre("server.memory_bytes_max = 512MiB (default) is too little: "
                          "storage.tail_bytes_max = 256MiB (m.toml:2), "
                          "storage.segment_cache_bytes_max = 32MiB (default), "
                          "storage.pending_bytes_max = 64MiB (default) and 64MiB for the process "
                          "leave 96MiB for connections, which need 200MiB, twice "
                          "kafka.request_bytes_max = 100MiB (default); at least 616MiB would do"));
  EXPECT_THAT(settings.read_text("[server]\nmemory_bytes_max = \"616MiB\"\n", "n.toml"), IsEmpty());
  EXPECT_THAT(check_together(settings), IsEmpty());
}

TEST(RulesTest, AnAdvertisedAddressMustBeOne) {
  for (const char* text : {"0.0.0.0:9092", "[::]:9092", "h:0"}) {
    Settings settings;
    EXPECT_THAT(settings.set_flag("advertise", text), IsEmpty());
    EXPECT_THAT(check_together(settings), ElementsAre(HasSubstr("kafka.advertise"))) << text;
  }
}

TEST(PagesTest, TheSampleIsAFileOfDefaultsWhenItIsUncommented) {
  Settings settings;
  EXPECT_THAT(settings.read_text(sample_page(), "sample"), IsEmpty());
  EXPECT_EQ(settings.at("kafka.listen").origin, Origin::default_value);
  std::string uncommented;
  const std::string page = sample_page();
  for (std::size_t at = 0; at < page.size();) {
    const auto end = page.find('\n', at);
    const auto letter = page[at] == '#' && page[at + 1] != ' ' && page[at + 1] != '\n';
    uncommented += page.substr(at + (letter ? 1 : 0), end + 1 - at - (letter ? 1 : 0));
    at = end + 1;
  }
  EXPECT_THAT(settings.read_text(uncommented, "sample"), IsEmpty());
  for (const Setting& setting : all_settings()) {
    EXPECT_EQ(settings.at(setting.name).origin, Origin::file) << setting.name;
    EXPECT_EQ(settings.text(setting.name), setting.default_text) << setting.name;
  }
}

TEST(PagesTest, TheReferenceNamesEverySettingAndFlag) {
  const std::string page = reference_page();
  for (const Setting& setting : all_settings()) {
    EXPECT_NE(page.find('`' + std::string(setting.name) + '`'), std::string::npos) << setting.name;
    if (setting.flag.empty()) continue;
    EXPECT_NE(page.find("`--" + std::string(setting.flag) + '`'), std::string::npos)
        << setting.flag;
  }
}

}  // namespace
}  // namespace millrace
