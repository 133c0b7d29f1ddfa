// millrace perf consume
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/handlers.h"
#include "cli/interrupt.h"
#include "cli/perf.h"
#include "cli/when.h"
#include "client/reader.h"

namespace millrace::cli {
namespace {

using client::Clock;

struct PerfConsumeOptions {
  Shared shared;
  std::string topic;
  std::int64_t records = INT64_MAX;
  std::size_t connections = 1;
  std::int32_t fetch_bytes = 32 << 20;
};

// Every connections-th partition, from its beginning to its end as it is now.
Result<void> work(const PerfConsumeOptions& options, std::size_t index, PerfCounters& counters) {
  client::Client client(client_options(options.shared));
  auto topic = client.topic(options.topic);
  if (!topic) return std::unexpected(topic.error());
  std::vector<std::int32_t> partitions;
  for (std::size_t i = index; i < topic->partitions.size(); i += options.connections)
    partitions.push_back(static_cast<std::int32_t>(i));
  auto ranges = find_ranges(client, *topic, partitions);
  if (!ranges) return std::unexpected(ranges.error());
  std::vector<client::ReadPosition> positions;
  for (const auto& [partition, range] : *ranges)
    if (range.first < range.next)
      positions.push_back({topic->name, partition,
                           topic->partitions[static_cast<std::size_t>(partition)].leader,
                           range.first, range.first});
  client::Reader reader(client, {.bytes_max = options.fetch_bytes});
  reader.assign(std::move(positions));
  const auto go_on = [&] { return counters.records < options.records && !interrupted(); };
  while (!reader.positions().empty() && go_on()) {
    std::int64_t records = 0;
    std::int64_t bytes = 0;
    auto count = reader.poll([&](const client::ReadRecord& read) {
      if (read.record.offset.value() >= ranges->at(read.partition).next) return true;
      ++records;
      bytes += static_cast<std::int64_t>((read.record.key ? read.record.key->size() : 0) +
                                         (read.record.value ? read.record.value->size() : 0));
      return true;
    });
    if (!count) return std::unexpected(count.error());
    counters.records += records;
    counters.bytes += bytes;
    std::vector<std::int32_t> finished;
    for (const client::ReadPosition& position : reader.positions())
      if (position.next >= ranges->at(position.partition).next)
        finished.push_back(position.partition);
    for (const std::int32_t partition : finished) reader.drop(topic->name, partition);
  }
  return {};
}

Result<int> run(const PerfConsumeOptions& options) {
  {
    client::Client client(client_options(options.shared));
    if (auto topic = client.topic(options.topic); !topic) return std::unexpected(topic.error());
  }
  catch_interrupts();
  PerfCounters counters;
  const auto start = Clock::now();
  TRY(run_workers(options.connections, counters, options.shared.json,
                  [&](std::size_t index) { return work(options, index, counters); }));
  const std::chrono::duration<double> took = Clock::now() - start;
  const PerfResult result{counters.records, counters.bytes, took.count()};
  if (options.shared.json)
    print_json(to_json(result));
  else
    fmt::print("{}\n", to_text(result));
  return kDone;
}

}  // namespace

void add_perf_consume(CLI::App& command, Action& action) {
  auto options = std::make_shared<PerfConsumeOptions>();
  command.add_option("TOPIC", options->topic, "What to read")->required();
  command
      .add_option("-n,--records", options->records,
                  "End at the answer that brings so many [all there are]")
      ->check(CLI::Range(std::int64_t{1}, INT64_MAX));
  command
      .add_option("--connections", options->connections,
                  "Connections, each with a thread and its share of the partitions")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--fetch", options->fetch_bytes, "Bytes that one answer has at most")
      ->check(CLI::Range(1 << 10, 128 << 20))
      ->capture_default_str();
  run_with(command, action, options, run);
}

}  // namespace millrace::cli
