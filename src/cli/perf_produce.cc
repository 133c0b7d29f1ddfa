// millrace perf produce
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <mutex>

#include "cli/handlers.h"
#include "cli/interrupt.h"
#include "cli/perf.h"
#include "cli/producer_options.h"
#include "client/producer.h"

namespace millrace::cli {
namespace {

using client::Clock;

struct PerfProduceOptions {
  Shared shared;
  std::string topic;
  std::int64_t records = 0;  // 0: not said
  double seconds = 0;        // 0: no limit
  std::size_t size = 100;
  std::int64_t rate = 0;
  std::size_t connections = 1;
  std::size_t batch_bytes = 256 << 10;
  double linger_ms = 5;
  std::size_t in_flight = 5;
  std::string compression = "none";
  std::string acks = "all";
};

// What ends a run: as many records, or so long.
struct Limits {
  std::int64_t records = 0;
  Clock::time_point end = Clock::time_point::max();
};

Limits limits_of(const PerfProduceOptions& options, Clock::time_point start) {
  constexpr std::int64_t kRecords = 100'000;
  Limits limits{.records = options.records};
  if (options.records == 0) limits.records = options.seconds > 0 ? INT64_MAX : kRecords;
  if (options.seconds > 0)
    limits.end = start + std::chrono::duration_cast<Clock::duration>(
                             std::chrono::duration<double>(options.seconds));
  return limits;
}

struct Measured {
  PerfCounters counters;
  std::mutex mutex;
  Histogram latencies;  // of all workers, when they are done
};

// One connection's part of the records.
Result<void> work(const PerfProduceOptions& options, std::size_t index, Clock::time_point start,
                  Measured& measured) {
  client::Client client(client_options(options.shared));
  auto topic = client.topic(options.topic);
  if (!topic) return std::unexpected(topic.error());
  Histogram latencies;
  const auto on_acknowledged = [&](const client::Acknowledged& done) {
    const auto now = Clock::now();
    for (const Clock::time_point begun : done.begun)
      latencies.add(std::chrono::duration_cast<Histogram::Microseconds>(now - begun));
    measured.counters.records += done.records;
    measured.counters.bytes += done.records * static_cast<std::int64_t>(options.size);
  };
  client::Producer producer(
      client,
      {.acks = acks_of(options.acks),
       .compression = compression_of(options.compression),
       .batch_bytes = options.batch_bytes,
       .linger = client::Milliseconds(static_cast<std::int64_t>(options.linger_ms)),
       .in_flight_max = options.in_flight},
      on_acknowledged);
  TRY(producer.open(*topic));
  PerfPayload payload(options.size);
  const auto step = static_cast<std::int64_t>(options.connections);
  const Limits limits = limits_of(options, start);
  constexpr std::int64_t kRecordsPerLook = 64;
  std::int64_t sent = 0;
  for (auto i = static_cast<std::int64_t>(index); i < limits.records; i += step) {
    client::NewRecord record{.value = payload.next()};
    if (options.rate > 0) {
      record.begun = start + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                 static_cast<double>(i) * 1e9 / static_cast<double>(options.rate)));
      if (record.begun > Clock::now()) TRY(producer.poll_until(record.begun));
    } else if (sent % kRecordsPerLook == 0) {
      TRY(producer.poll());
    }
    if (interrupted() || record.begun >= limits.end) break;
    TRY(producer.add(record));
    ++sent;
  }
  TRY(producer.flush());
  const std::lock_guard lock(measured.mutex);
  measured.latencies.add(latencies);
  return {};
}

Result<int> run(const PerfProduceOptions& options) {
  {
    client::Client client(client_options(options.shared));
    if (auto topic = client.topic(options.topic); !topic) return std::unexpected(topic.error());
  }
  catch_interrupts();
  Measured measured;
  const auto start = Clock::now();
  TRY(run_workers(options.connections, measured.counters, options.shared.json,
                  [&](std::size_t index) { return work(options, index, start, measured); }));
  const std::chrono::duration<double> took = Clock::now() - start;
  const PerfResult result{measured.counters.records, measured.counters.bytes, took.count()};
  if (options.shared.json) {
    Json out = to_json(result);
    if (options.acks != "0") out["latency"] = to_json(measured.latencies);
    print_json(out);
  } else {
    fmt::print("{}\n", to_text(result));
    if (options.acks != "0") fmt::print("until acknowledged: {}\n", to_text(measured.latencies));
  }
  return kDone;
}

}  // namespace

void add_perf_produce(CLI::App& command, Action& action) {
  auto options = std::make_shared<PerfProduceOptions>();
  command.add_option("TOPIC", options->topic, "Where to write; it must exist")->required();
  command
      .add_option("-n,--records", options->records,
                  "How many [100000; with --seconds as many as there is time for]")
      ->check(CLI::Range(std::int64_t{1}, INT64_MAX));
  command
      .add_option("--seconds", options->seconds, "End after so long; what was sent is waited for")
      ->check(CLI::Range(0.001, 86'400.0));
  command.add_option("--size", options->size, "Bytes of a value; there are no keys")
      ->check(CLI::Range(0, 64 << 20))
      ->capture_default_str();
  command.add_option("--rate", options->rate, "Records a second, of all connections; 0: no limit")
      ->check(CLI::Range(std::int64_t{0}, INT64_MAX))
      ->capture_default_str();
  command.add_option("--connections", options->connections, "Connections, each with a thread")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--batch", options->batch_bytes, "Bytes at which a batch is full")
      ->check(CLI::Range(1, 64 << 20))
      ->capture_default_str();
  command
      .add_option("--linger", options->linger_ms,
                  "Milliseconds that a batch waits for more records")
      ->check(CLI::Range(0.0, 60'000.0))
      ->capture_default_str();
  command.add_option("--in-flight", options->in_flight, "Requests that are under way at once")
      ->check(CLI::Range(1, 5))
      ->capture_default_str();
  add_compression_option(command, options->compression);
  add_acks_option(command, options->acks);
  run_with(command, action, options, run);
}

}  // namespace millrace::cli
