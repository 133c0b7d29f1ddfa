// millrace perf latency --rate: a writer that keeps to a timetable, and a reader of all partitions.
//
// Both know when each record was to be sent, from its number: latencies are counted from then, so
// that a broker that stalls pays for every record that had to wait.
#include <fmt/format.h>

#include <thread>

#include "cli/interrupt.h"
#include "cli/perf_latency.h"
#include "cli/producer_options.h"
#include "cli/progress.h"
#include "client/offsets.h"
#include "client/producer.h"

namespace millrace::cli {
namespace {

using client::Clock;
using std::chrono::duration_cast;

// Until the connections are there.
constexpr std::chrono::milliseconds kHeadStart{100};

struct Timetable {
  Clock::time_point start;
  std::int64_t rate = 1;

  Clock::time_point due(std::int64_t record) const {
    return start + std::chrono::nanoseconds(static_cast<std::int64_t>(
                       static_cast<double>(record) * 1e9 / static_cast<double>(rate)));
  }
  Histogram::Microseconds since_due(std::int64_t record, Clock::time_point now) const {
    return duration_cast<Histogram::Microseconds>(now - due(record));
  }
};

// What the reader has counted, under the mutex of its watch.
struct Arrivals {
  Watch watch;
  std::int64_t seen = 0;
  Histogram latencies;
};

class Writer {
 public:
  Writer(const PerfLatencyOptions& options, const std::string& run, const Timetable& timetable,
         std::vector<std::int32_t> partitions)
      : options_(options), run_(run), timetable_(timetable), partitions_(std::move(partitions)) {}

  // Writes and waits until everything is acknowledged; gives how many of the counted ones it wrote.
  Result<std::int64_t> write(client::Client& client, const client::Topic& topic,
                             Histogram& latencies) {
    const auto counted_from = timetable_.due(timetable_.rate);
    client::Producer producer(
        client, {.acks = acks_of(options_.acks), .linger = client::Milliseconds(0)},
        [&](const client::Acknowledged& done) {
          const auto now = Clock::now();
          for (const Clock::time_point due : done.begun)
            if (due >= counted_from)
              latencies.add(duration_cast<Histogram::Microseconds>(now - due));
        });
    TRY(producer.open(topic));
    Progress progress(options_.shared.json);
    std::int64_t record = 0;
    for (; record < options_.records + timetable_.rate && !interrupted(); ++record) {
      TRY(producer.poll_until(timetable_.due(record)));
      const std::string value = value_of(run_, record, options_.size);
      const std::size_t turn = static_cast<std::size_t>(record) % partitions_.size();
      TRY(producer.add({.value = as_bytes(value),
                        .partition = partitions_[turn],
                        .begun = timetable_.due(record)}));
      progress.update(record, record * static_cast<std::int64_t>(value.size()));
    }
    TRY(producer.flush());
    return std::max<std::int64_t>(0, record - timetable_.rate);
  }

 private:
  const PerfLatencyOptions& options_;
  const std::string& run_;
  const Timetable& timetable_;
  const std::vector<std::int32_t> partitions_;
};

Result<void> wait_for_all(Arrivals& arrivals, std::int64_t written, client::Milliseconds timeout) {
  std::unique_lock lock(arrivals.watch.mutex);
  const auto complete = [&] { return arrivals.seen >= written || !arrivals.watch.result; };
  if (!arrivals.watch.changed.wait_for(lock, timeout, complete))
    return fail(ErrorCode::timed_out,
                fmt::format("{} records were acknowledged, but a reader was given {} within {}",
                            written, arrivals.seen, client::text_of(timeout)));
  return arrivals.watch.result;
}

}  // namespace

Result<PerfLatencies> measure_at_rate(const PerfLatencyOptions& options, client::Client& client,
                                      const client::Topic& topic, const std::string& run) {
  auto partitions = client::all_partitions(topic);
  if (options.partition >= 0) partitions = {options.partition};
  auto positions = end_positions(client, topic, partitions);
  if (!positions) return std::unexpected(positions.error());
  const Timetable timetable{.start = Clock::now() + kHeadStart, .rate = options.rate};
  Arrivals arrivals;
  std::jthread reader([&] {
    watch_records(options, run, *positions, arrivals.watch,
                  [&](std::int64_t record, Clock::time_point at) {
                    if (record < timetable.rate) return;
                    ++arrivals.seen;
                    arrivals.latencies.add(timetable.since_due(record, at));
                  });
  });
  PerfLatencies latencies;
  auto written = Writer(options, run, timetable, std::move(partitions))
                     .write(client, topic, latencies.acknowledged);
  Result<void> complete;
  if (written) complete = wait_for_all(arrivals, *written, client.options().timeout);
  const std::chrono::duration<double> took = Clock::now() - timetable.due(timetable.rate);
  {
    const std::lock_guard lock(arrivals.watch.mutex);
    arrivals.watch.over = true;
  }
  reader.join();
  if (!written) return std::unexpected(written.error());
  TRY(std::move(complete));
  latencies.seen = arrivals.latencies;
  latencies.records = *written;
  latencies.seconds = std::max(took.count(), 1e-6);
  return latencies;
}

}  // namespace millrace::cli
