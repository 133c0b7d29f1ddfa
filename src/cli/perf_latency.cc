// millrace perf latency
#include "cli/perf_latency.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <random>
#include <thread>

#include "cli/handlers.h"
#include "cli/interrupt.h"
#include "cli/perf.h"
#include "cli/producer_options.h"
#include "cli/progress.h"
#include "client/offsets.h"
#include "client/producer.h"

namespace millrace::cli {

using client::Clock;

namespace {

// The first ones open connections and warm caches: they are not counted.
constexpr std::int64_t kWarmUp = 20;

// -1: another run's.
std::int64_t record_of(const std::string& run, const Record& record) {
  if (!record.value) return -1;
  const std::string_view value = as_text(*record.value);
  if (!value.starts_with(run + " ")) return -1;
  std::int64_t number = -1;
  const char* begin = value.data() + run.size() + 1;
  std::from_chars(begin, value.data() + value.size(), number);
  return number;
}

}  // namespace

std::string value_of(const std::string& run, std::int64_t record, std::size_t size) {
  std::string value = fmt::format("{} {} ", run, record);
  if (value.size() < size) value.resize(size, '.');
  return value;
}

Result<std::vector<client::ReadPosition>> end_positions(
    client::Client& client, const client::Topic& topic,
    const std::vector<std::int32_t>& partitions) {
  auto ends = client::find_offsets(client, topic, partitions, client::kLatest);
  if (!ends) return std::unexpected(ends.error());
  std::vector<client::ReadPosition> positions;
  for (const auto& [partition, end] : *ends)
    positions.push_back({topic.name, partition,
                         topic.partitions[static_cast<std::size_t>(partition)].leader, end, end});
  return positions;
}

void watch_records(const PerfLatencyOptions& options, const std::string& run,
                   std::vector<client::ReadPosition> positions, Watch& watch,
                   const OnSeen& on_seen) {
  client::Client client(client_options(options.shared));
  client::Reader reader(client, {.wait = client::Milliseconds(100)});
  Result<void> result;
  if (auto topic = client.topic(options.topic); !topic) result = std::unexpected(topic.error());
  reader.assign(std::move(positions));
  for (;;) {
    {
      const std::lock_guard lock(watch.mutex);
      if (!result) watch.result = result;
      if (!result || watch.over) {
        watch.changed.notify_one();
        return;
      }
    }
    auto count = reader.poll([&](const client::ReadRecord& each) {
      const auto now = Clock::now();
      const std::int64_t number = record_of(run, each.record);
      if (number < 0) return true;
      const std::lock_guard lock(watch.mutex);
      on_seen(number, now);
      watch.changed.notify_one();
      return true;
    });
    if (!count) result = std::unexpected(count.error());
  }
}

namespace {

// The record that the reader was last given.
struct Seen {
  Watch watch;
  std::int64_t record = -1;
  Clock::time_point at;
};

Result<void> write(const PerfLatencyOptions& options, const std::string& run,
                   client::Client& client, const client::Topic& topic, Seen& seen,
                   PerfLatencies& latencies) {
  Clock::time_point acknowledged;
  client::Producer producer(client,
                            {.acks = acks_of(options.acks), .linger = client::Milliseconds(0)},
                            [&](const client::Acknowledged&) { acknowledged = Clock::now(); });
  TRY(producer.open(topic));
  const std::int32_t partition = std::max(options.partition, 0);
  Progress progress(options.shared.json);
  for (std::int64_t i = 0; i < options.records + kWarmUp && !interrupted(); ++i) {
    const std::string value = value_of(run, i, options.size);
    const auto begun = Clock::now();
    TRY(producer.add({.value = as_bytes(value), .partition = partition, .begun = begun}));
    TRY(producer.flush());
    std::unique_lock lock(seen.watch.mutex);
    const bool came = seen.watch.changed.wait_for(
        lock, client.options().timeout, [&] { return seen.record >= i || !seen.watch.result; });
    if (!seen.watch.result) return seen.watch.result;
    if (!came)
      return fail(ErrorCode::timed_out,
                  fmt::format("record {} was acknowledged, but no reader was given it within {}", i,
                              client::text_of(client.options().timeout)));
    if (i < kWarmUp) continue;
    using std::chrono::duration_cast;
    latencies.acknowledged.add(duration_cast<Histogram::Microseconds>(acknowledged - begun));
    latencies.seen.add(duration_cast<Histogram::Microseconds>(seen.at - begun));
    ++latencies.records;
    progress.update(latencies.records, latencies.records * static_cast<std::int64_t>(value.size()));
  }
  return {};
}

Result<PerfLatencies> measure_one_by_one(const PerfLatencyOptions& options, client::Client& client,
                                         const client::Topic& topic, const std::string& run) {
  auto positions = end_positions(client, topic, {std::max(options.partition, 0)});
  if (!positions) return std::unexpected(positions.error());
  Seen seen;
  PerfLatencies latencies;
  std::jthread reader([&] {
    watch_records(options, run, *positions, seen.watch,
                  [&](std::int64_t record, Clock::time_point at) {
                    seen.record = record;
                    seen.at = at;
                  });
  });
  auto written = write(options, run, client, topic, seen, latencies);
  {
    const std::lock_guard lock(seen.watch.mutex);
    seen.watch.over = true;
  }
  reader.join();
  if (!written) return std::unexpected(written.error());
  return latencies;
}

void print(const PerfLatencyOptions& options, const PerfLatencies& latencies) {
  const bool acknowledged = options.acks != "0";
  if (options.shared.json) {
    Json out;
    out["records"] = latencies.records;
    if (options.rate > 0)
      out["records_per_second"] = static_cast<double>(latencies.records) / latencies.seconds;
    if (acknowledged) out["acknowledged"] = to_json(latencies.acknowledged);
    out["seen"] = to_json(latencies.seen);
    print_json(out);
    return;
  }
  if (acknowledged) fmt::print("until acknowledged:      {}\n", to_text(latencies.acknowledged));
  fmt::print("until seen by a reader:  {}\n", to_text(latencies.seen));
}

Result<int> run(const PerfLatencyOptions& options) {
  client::Client client(client_options(options.shared));
  auto topic = client.topic(options.topic);
  if (!topic) return std::unexpected(topic.error());
  if (options.partition >= 0) TRY(topic->check_partition(options.partition));
  const std::string name = fmt::format("millrace-perf-{:08x}", std::random_device{}());
  catch_interrupts();
  auto latencies = options.rate > 0 ? measure_at_rate(options, client, *topic, name)
                                    : measure_one_by_one(options, client, *topic, name);
  if (!latencies) return std::unexpected(latencies.error());
  print(options, *latencies);
  return kDone;
}

}  // namespace

void add_perf_latency(CLI::App& command, Action& action) {
  auto options = std::make_shared<PerfLatencyOptions>();
  command.add_option("TOPIC", options->topic, "Where to write and read; it must exist")->required();
  command.add_option("-n,--records", options->records, "How many")
      ->check(CLI::Range(std::int64_t{1}, INT64_MAX))
      ->capture_default_str();
  command.add_option("--size", options->size, "Bytes of a value, at least what its number takes")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  command
      .add_option("-p,--partition", options->partition,
                  "In which partition [0; with --rate all of them in turn]")
      ->check(CLI::Range(0, INT32_MAX));
  command
      .add_option("--rate", options->rate,
                  "Records a second, whether those before were seen or not; 0: one by one")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{100'000'000}))
      ->capture_default_str();
  add_acks_option(command, options->acks);
  run_with(command, action, options, run);
}

}  // namespace millrace::cli
