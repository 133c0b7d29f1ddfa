// What the two ways of `perf latency` share: one record at a time, each waited for
// (perf_latency.cc), and records at a rate (perf_latency_rate.cc).
//
// Every value begins with the run's name and the record's number, so that the reader knows which
// records are of this run, and which one it was given.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "cli/histogram.h"
#include "cli/options.h"
#include "client/reader.h"

namespace millrace::cli {

struct PerfLatencyOptions {
  Shared shared;
  std::string topic;
  std::int64_t records = 1'000;
  std::size_t size = 100;
  std::int32_t partition = -1;  // -1: not said
  std::int64_t rate = 0;        // 0: one after the other
  std::string acks = "all";
};

struct PerfLatencies {
  Histogram acknowledged;
  Histogram seen;
  std::int64_t records = 0;
  double seconds = 0;  // that the counted records took, at a rate
};

// A value that says which run and which record it is, filled up to its size.
std::string value_of(const std::string& run, std::int64_t record, std::size_t size);

// What the reader's thread and the writer's share.
struct Watch {
  std::mutex mutex;
  std::condition_variable changed;  // notified whenever a record was seen, and at the end
  bool over = false;                // the writer wants no more
  Result<void> result;              // what ended the reading early
};

// Called with the mutex held: the number of a record of this run, and when it was handed over.
using OnSeen = std::function<void(std::int64_t record, client::Clock::time_point at)>;

// Reads from these places until `watch.over`, or until an error.
void watch_records(const PerfLatencyOptions& options, const std::string& run,
                   std::vector<client::ReadPosition> positions, Watch& watch,
                   const OnSeen& on_seen);

// Where the topic's partitions end now.
Result<std::vector<client::ReadPosition>> end_positions(
    client::Client& client, const client::Topic& topic,
    const std::vector<std::int32_t>& partitions);

// options.records of them at options.rate, after a second of the same that is not counted.
Result<PerfLatencies> measure_at_rate(const PerfLatencyOptions& options, client::Client& client,
                                      const client::Topic& topic, const std::string& run);

}  // namespace millrace::cli
