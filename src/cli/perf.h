// What the perf commands share: workers with a connection each, and how results are told.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/histogram.h"
#include "cli/json.h"
#include "cli/options.h"

namespace millrace::cli {

// Counted by the workers, looked at by the progress line.
struct PerfCounters {
  std::atomic<std::int64_t> records = 0;
  std::atomic<std::int64_t> bytes = 0;  // of keys and values
};

// Runs work(0) .. work(count - 1), each on a thread of its own, and shows progress meanwhile; the
// first error ends it when all are done.
Result<void> run_workers(std::size_t count, const PerfCounters& counters, bool quiet,
                         const std::function<Result<void>(std::size_t)>& work);

struct PerfResult {
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  double seconds = 0;
};

// {"records":...,"bytes":...,"seconds":...,"records_per_second":...,"mb_per_second":...}, MB =
// 10^6.
Json to_json(const PerfResult& result);
// {"p50_ms":...,"p99_ms":...,"p999_ms":...,"max_ms":...,"mean_ms":...}
Json to_json(const Histogram& latencies);
// "1,000,000 records of 100 bytes in 1.2 s: 833,333 records/s, 83.3 MB/s"
std::string to_text(const PerfResult& result);
// "p50 1.20 ms, p99 3.40 ms, p99.9 5.60 ms, max 7.80 ms"
std::string to_text(const Histogram& latencies);

// Values: letters that do not repeat soon, so that they compress as text without words does.
class PerfPayload {
 public:
  explicit PerfPayload(std::size_t size);
  ByteView next();

 private:
  std::size_t size_;
  std::size_t at_ = 0;
  std::vector<std::uint8_t> letters_;
};

}  // namespace millrace::cli
