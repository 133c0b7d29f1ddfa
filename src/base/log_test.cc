#include "base/log.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

constexpr std::int64_t kTime = 1'795'255'200'123;  // 2026-11-21T10:00:00.123Z

TEST(LogTest, TextIsOneLine) {
  EXPECT_EQ(log_line_text(LogFormat::text, kTime, LogLevel::warning, "storage", "the disk is full"),
            "2026-11-21T10:00:00.123Z warning storage: the disk is full\n");
}

TEST(LogTest, JsonIsOneObjectALine) {
  EXPECT_EQ(log_line_text(LogFormat::json, kTime, LogLevel::info, "kafka", "ready"),
            R"({"time":"2026-11-21T10:00:00.123Z","level":"info","area":"kafka","text":"ready"})"
            "\n");
}

TEST(LogTest, WhatJsonCannotCarryIsEscaped) {
  EXPECT_EQ(log_line_text(LogFormat::json, kTime, LogLevel::info, "a", "\"x\\\n\xff"),
            R"({"time":"2026-11-21T10:00:00.123Z","level":"info","area":"a",)"
            R"("text":"\"x\\\u000a\u00ff"})"
            "\n");
}

}  // namespace
}  // namespace millrace
