#include "cli/lines.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

namespace millrace::cli {
namespace {

using Outcome = LineReader::Outcome;
using namespace std::chrono_literals;

class LinesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe(ends_.data()), 0); }
  void TearDown() override {
    ::close(ends_[0]);
    close_input();
  }
  void write(std::string_view text) {
    ASSERT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void close_input() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  // The next line, or the outcome's number.
  std::string next(LineReader& lines) {
    std::string_view line;
    const Outcome outcome = lines.next(line, client::Clock::now() + 20s);
    return outcome == Outcome::line ? std::string(line)
                                    : "outcome " + std::to_string(static_cast<int>(outcome));
  }
  const std::string end_ = "outcome " + std::to_string(static_cast<int>(Outcome::end));

  std::array<int, 2> ends_{};
};

TEST_F(LinesTest, LinesAndALastOneWithoutAnEnd) {
  LineReader lines(ends_[0]);
  write("one\n\ntwo\r\nthree");
  close_input();
  EXPECT_EQ(next(lines), "one");
  EXPECT_EQ(next(lines), "");
  EXPECT_EQ(next(lines), "two\r");
  EXPECT_EQ(next(lines), "three");
  EXPECT_EQ(next(lines), end_);
  EXPECT_EQ(next(lines), end_);
}

TEST_F(LinesTest, ALineComesBeforeTheInputEnds) {
  LineReader lines(ends_[0]);
  write("one\ntw");
  EXPECT_EQ(next(lines), "one");
  std::string_view line;
  EXPECT_EQ(lines.next(line, client::Clock::now()), Outcome::timeout);
  write("o\n");
  EXPECT_EQ(next(lines), "two");
}

TEST_F(LinesTest, LinesLongerThanTheBuffer) {
  const std::string large(300'000, 'x');
  std::thread writer([&] {
    for (int i = 0; i < 3; ++i) {
      const std::string text = std::to_string(i) + large + "\n";
      std::string_view left = text;
      while (!left.empty()) {
        const ssize_t count = ::write(ends_[1], left.data(), left.size());
        ASSERT_GT(count, 0);
        left.remove_prefix(static_cast<std::size_t>(count));
      }
    }
  });
  LineReader lines(ends_[0]);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next(lines), std::to_string(i) + large);
  writer.join();
  close_input();
  EXPECT_EQ(next(lines), end_);
}

TEST_F(LinesTest, NothingAtAll) {
  LineReader lines(ends_[0]);
  close_input();
  EXPECT_EQ(next(lines), end_);
}

TEST_F(LinesTest, WhatCannotBeReadIsTold) {
  const int folder = ::open("/", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(folder, 0);
  LineReader lines(folder);
  std::string_view line;
  EXPECT_EQ(lines.next(line, std::nullopt), Outcome::failed);
  ::close(folder);
}

}  // namespace
}  // namespace millrace::cli
