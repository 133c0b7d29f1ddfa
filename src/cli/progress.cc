#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/text.h"

namespace millrace::cli {

using namespace std::chrono_literals;

namespace {

bool is_watched(bool quiet) { return !quiet && ::isatty(STDERR_FILENO) == 1; }

}  // namespace

Progress::Progress(bool quiet) : shows_(is_watched(quiet)) {}

void Progress::update(std::int64_t records, std::int64_t bytes) {
  if (!shows_) return;
  const auto now = client::Clock::now();
  if (now - last_ < 1s) return;
  const std::chrono::duration<double> since = now - last_;
  const auto rate =
      static_cast<std::int64_t>(static_cast<double>(records - last_records_) / since.count());
  fmt::print(stderr, "\r\x1b[K{}, {}, {} a second", counted(records, "record"), human_bytes(bytes),
             human_count(rate));
  std::fflush(stderr);
  shown_ = true;
  last_ = now;
  last_records_ = records;
}

void Progress::done() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

ByteProgress::ByteProgress(bool quiet) : shows_(is_watched(quiet)) {}

void ByteProgress::update(std::uint64_t bytes, std::uint64_t all) {
  if (!shows_ || all == 0) return;
  const auto now = client::Clock::now();
  if (now - last_ < 1s) return;
  fmt::print(stderr, "\r\x1b[K{} of {}, {} %", human_bytes(static_cast<std::int64_t>(bytes)),
             human_bytes(static_cast<std::int64_t>(all)), bytes * 100 / all);
  std::fflush(stderr);
  shown_ = true;
  last_ = now;
}

void ByteProgress::done() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

}  // namespace millrace::cli
