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

}  // namespace millrace::cli
