#include "base/log.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/utf8.h"

namespace millrace {
namespace {

constexpr std::int64_t kTime = 1'769'860'800'123;  // 2026-01-31T12:00:00.123Z

std::string text_of(std::string_view text, std::vector<LogField> fields = {}) {
  return format_log_line(LogFormat::text, kTime, LogLevel::warning, "kafka", text, fields);
}
std::string json_of(std::string_view text, std::vector<LogField> fields = {}) {
  return format_log_line(LogFormat::json, kTime, LogLevel::warning, "kafka", text, fields);
}
// What stands in the "text" of a line of JSON.
std::string json_text(std::string_view text) {
  const std::string line = json_of(text);
  const std::string before =
      R"({"time":"2026-01-31T12:00:00.123Z","level":"warning","area":"kafka","text":")";
  EXPECT_TRUE(line.starts_with(before)) << line;
  EXPECT_TRUE(line.ends_with(R"("})")) << line;
  return line.substr(before.size(), line.size() - before.size() - 2);
}

TEST(Log, ALineOfText) {
  EXPECT_EQ(text_of("closed: late"), "2026-01-31T12:00:00.123Z warning kafka: closed: late");
  EXPECT_EQ(text_of("closed", {{"core", 3}, {"peer", "[::1]:9"}, {"ms", 1.5}, {"idle", true}}),
            "2026-01-31T12:00:00.123Z warning kafka: closed core=3 peer=[::1]:9 ms=1.5 idle=true");
  EXPECT_EQ(text_of("closed", {{"why", "it said \"no\""}, {"client", ""}}),
            R"(2026-01-31T12:00:00.123Z warning kafka: closed why="it said \"no\"" client="")");
}

TEST(Log, ALineOfJson) {
  EXPECT_EQ(json_text("closed"), "closed");
  const std::string line = json_of("x", {{"core", 3}, {"peer", "a\"b"}, {"ms", 1.5}});
  EXPECT_TRUE(line.ends_with(R"("text":"x","core":3,"peer":"a\"b","ms":1.5})")) << line;
}

TEST(Log, NoTextLeavesItsLine) {
  const std::string text = "a\nb\r\tc\x1b[31m\x7f\u0085\u2028" + std::string(1, '\0');
  EXPECT_TRUE(text_of(text).ends_with(R"(kafka: a\nb\r\tc\u001b[31m\u007f\u0085\u2028\u0000)"))
      << text_of(text);
  EXPECT_EQ(json_text(text), R"(a\nb\r\tc\u001b[31m\u007f\u0085\u2028\u0000)");
  EXPECT_EQ(text_of("a", {{"topic", "x\ny"}}).find('\n'), std::string::npos);
  EXPECT_EQ(text_of("a", {{"topic", "x y\nz"}}).find('\n'), std::string::npos);
}

TEST(Log, JsonEscapesItsOwnCharacters) {
  EXPECT_EQ(json_text(R"(a "b" \ c)"), R"(a \"b\" \\ c)");
  EXPECT_EQ(json_text("grün → 🙂"), "grün → 🙂");
}

TEST(Log, WhatIsNotUtf8IsReplaced) {
  for (const char* bad :
       {"\xff", "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    std::string expected = "a";
    std::string shown = "a";
    for (std::size_t i = 0; i < std::string_view(bad).size(); ++i) {
      expected += "\ufffd";
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(bad[i]));
    }
    EXPECT_EQ(json_text(std::string("a") + bad), expected);
    EXPECT_TRUE(text_of(std::string("a") + bad).ends_with(shown)) << text_of(bad);
  }
}

TEST(Log, ALongTextIsCut) {
  const std::string line = json_text(std::string(kLogTextBytesMax + 1, 'x'));
  EXPECT_EQ(line, std::string(kLogTextBytesMax, 'x') + " ... (cut)");
  EXPECT_EQ(json_text(std::string(kLogTextBytesMax, 'x')), std::string(kLogTextBytesMax, 'x'));
}

TEST(Log, LinesAreWrittenAndCountedByLevel) {
  const std::uint64_t before = log_lines(LogLevel::error);
  const std::uint64_t debug_before = log_lines(LogLevel::debug);
  testing::internal::CaptureStderr();
  log_error("base", "one {}", 1);
  log_event(LogLevel::error, "base", "two", {{"n", 2}});
  log_debug("base", "not shown");
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_EQ(log_lines(LogLevel::error), before + 2);
  EXPECT_EQ(log_lines(LogLevel::debug), debug_before);
  EXPECT_NE(out.find("error base: one 1\n"), std::string::npos) << out;
  EXPECT_NE(out.find("error base: two n=2\n"), std::string::npos) << out;
}

TEST(Utf8, CharactersOfEachLength) {
  for (auto [text, value, size] : {std::tuple<const char*, char32_t, std::size_t>{"a", 'a', 1},
                                   {"ü", 0xfc, 2},
                                   {"→", 0x2192, 3},
                                   {"🙂", 0x1f642, 4},
                                   {"\u0080", 0x80, 2},
                                   {"\U0010ffff", 0x10ffff, 4}}) {
    const Utf8Character character = first_utf8_character(std::string(text) + "x");
    EXPECT_TRUE(character.is_valid) << text;
    EXPECT_EQ(character.value, value);
    EXPECT_EQ(character.size, size);
  }
}

}  // namespace
}  // namespace millrace
