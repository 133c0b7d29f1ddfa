// Progress: a line on standard error that renews itself once a second, while a person looks.
//
//   Progress progress(options.shared.json);
//   progress.update(records, bytes);      // cheap; shows nothing before the first second
//   progress.done();                      // the line is gone
#pragma once

#include <cstdint>

#include "client/deadline.h"

namespace millrace::cli {

class Progress {
 public:
  // `quiet`: never shows anything; nor does it when standard error is no terminal.
  explicit Progress(bool quiet);
  ~Progress() { done(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t records, std::int64_t bytes);
  void done();

 private:
  bool shows_;
  bool shown_ = false;
  client::Clock::time_point last_ = client::Clock::now();
  std::int64_t last_records_ = 0;
};

// The same for reading through something of known size.
class ByteProgress {
 public:
  explicit ByteProgress(bool quiet);
  ~ByteProgress() { done(); }
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;

  void update(std::uint64_t bytes, std::uint64_t all);
  void done();

 private:
  bool shows_;
  bool shown_ = false;
  client::Clock::time_point last_ = client::Clock::now();
};

}  // namespace millrace::cli
