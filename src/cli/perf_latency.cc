// millrace perf latency
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "cli/handlers.h"
#include "cli/interrupt.h"
#include "cli/perf.h"
#include "cli/producer_options.h"
#include "cli/progress.h"
#include "client/offsets.h"
#include "client/producer.h"
#include "client/reader.h"

namespace millrace::cli {
namespace {

using client::Clock;

// The first ones open connections and warm caches: they are not counted.
constexpr std::int64_t kWarmUp = 20;

struct PerfLatencyOptions {
  Shared shared;
  std::string topic;
  std::int64_t records = 1'000;
  std::size_t size = 100;
  std::int32_t partition = 0;
  std::string acks = "all";
};

// When the reader was last given a record of this run, and which.
struct Seen {
  std::mutex mutex;
  std::condition_variable changed;
  std::int64_t record = -1;
  Clock::time_point at;
  bool over = false;
  Result<void> result;
};

// A value that says which run and which record it is, filled up to its size.
std::string value_of(const std::string& run, std::int64_t record, std::size_t size) {
  std::string value = fmt::format("{} {} ", run, record);
  if (value.size() < size) value.resize(size, '.');
  return value;
}

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

void read(const PerfLatencyOptions& options, const std::string& run, client::ReadPosition position,
          Seen& seen) {
  client::Client client(client_options(options.shared));
  client::Reader reader(client, {.wait = client::Milliseconds(100)});
  Result<void> result;
  if (auto topic = client.topic(options.topic); !topic) result = std::unexpected(topic.error());
  reader.assign({std::move(position)});
  for (;;) {
    {
      const std::lock_guard lock(seen.mutex);
      if (!result) seen.result = result;
      if (!result || seen.over) {
        seen.changed.notify_one();
        return;
      }
    }
    auto count = reader.poll([&](const client::ReadRecord& each) {
      const auto now = Clock::now();
      const std::int64_t number = record_of(run, each.record);
      if (number < 0) return true;
      const std::lock_guard lock(seen.mutex);
      seen.record = number;
      seen.at = now;
      seen.changed.notify_one();
      return true;
    });
    if (!count) result = std::unexpected(count.error());
  }
}

struct Latencies {
  Histogram acknowledged;
  Histogram seen;
  std::int64_t records = 0;
};

Result<void> write(const PerfLatencyOptions& options, const std::string& run,
                   client::Client& client, const client::Topic& topic, Seen& seen,
                   Latencies& latencies) {
  Clock::time_point acknowledged;
  client::Producer producer(client,
                            {.acks = acks_of(options.acks), .linger = client::Milliseconds(0)},
                            [&](const client::Acknowledged&) { acknowledged = Clock::now(); });
  TRY(producer.open(topic));
  Progress progress(options.shared.json);
  for (std::int64_t i = 0; i < options.records + kWarmUp && !interrupted(); ++i) {
    const std::string value = value_of(run, i, options.size);
    const auto begun = Clock::now();
    TRY(producer.add({.value = as_bytes(value), .partition = options.partition, .begun = begun}));
    TRY(producer.flush());
    std::unique_lock lock(seen.mutex);
    const bool came = seen.changed.wait_for(lock, client.options().timeout,
                                            [&] { return seen.record >= i || !seen.result; });
    if (!seen.result) return seen.result;
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

Result<int> run(const PerfLatencyOptions& options) {
  client::Client client(client_options(options.shared));
  auto topic = client.topic(options.topic);
  if (!topic) return std::unexpected(topic.error());
  TRY(topic->check_partition(options.partition));
  auto ends = client::find_offsets(client, *topic, {options.partition}, client::kLatest);
  if (!ends) return std::unexpected(ends.error());
  const std::int64_t end = ends->at(options.partition);
  const std::string name = fmt::format("millrace-perf-{:08x}", std::random_device{}());
  catch_interrupts();
  Seen seen;
  Latencies latencies;
  std::jthread reader([&] {
    read(options, name,
         {topic->name, options.partition,
          topic->partitions[static_cast<std::size_t>(options.partition)].leader, end, end},
         seen);
  });
  auto written = write(options, name, client, *topic, seen, latencies);
  {
    const std::lock_guard lock(seen.mutex);
    seen.over = true;
  }
  reader.join();
  if (!written) return std::unexpected(written.error());
  if (options.shared.json) {
    Json out;
    out["records"] = latencies.records;
    if (options.acks != "0") out["acknowledged"] = to_json(latencies.acknowledged);
    out["seen"] = to_json(latencies.seen);
    print_json(out);
  } else {
    if (options.acks != "0")
      fmt::print("until acknowledged:      {}\n", to_text(latencies.acknowledged));
    fmt::print("until seen by a reader:  {}\n", to_text(latencies.seen));
  }
  return kDone;
}

}  // namespace

void add_perf_latency(CLI::App& command, Action& action) {
  auto options = std::make_shared<PerfLatencyOptions>();
  command.add_option("TOPIC", options->topic, "Where to write and read; it must exist")->required();
  command.add_option("-n,--records", options->records, "How many, one after the other")
      ->check(CLI::Range(std::int64_t{1}, INT64_MAX))
      ->capture_default_str();
  command.add_option("--size", options->size, "Bytes of a value, at least what its number takes")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  command.add_option("-p,--partition", options->partition, "In which partition")
      ->check(CLI::Range(0, INT32_MAX))
      ->capture_default_str();
  add_acks_option(command, options->acks);
  run_with(command, action, options, run);
}

}  // namespace millrace::cli
