// millrace queues stats
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <map>
#include <thread>

#include "cli/handlers.h"
#include "cli/management.h"
#include "cli/table.h"
#include "cli/text.h"

namespace millrace::cli {
namespace {

struct StatsOptions {
  ManagementShared shared;
  std::vector<std::string> names;
  double interval_s = 1;
};

Result<Json> look(Management& management, const StatsOptions& options) {
  if (options.names.empty()) return management.get(management.path("queues", {}));
  Json rows = Json::array();
  for (const std::string& name : options.names) {
    auto queue = management.get(management.path("queues", {name}));
    if (!queue) {
      Error error = about_queue(queue.error());
      error.detail = fmt::format("{}: {}", name, error.message());
      return std::unexpected(error);
    }
    rows.push_back(std::move(*queue));
  }
  return rows;
}

// The counts of a queue that rates are made of: in, out, acknowledged.
using Counts = std::array<std::int64_t, 3>;
Counts counts_of(const Json& queue) {
  const Json& stats = field(queue, "message_stats");
  return {number_in(stats, "publish"), number_in(stats, "deliver_get"), number_in(stats, "ack")};
}

std::string age_text(const Json& ms) {
  if (!ms.is_number()) return "-";
  constexpr std::int64_t kSecond = 1000;
  const auto age = ms.get<std::int64_t>();
  if (age < kSecond) return fmt::format("{} ms", age);
  if (age < 120 * kSecond) return fmt::format("{:.1f} s", static_cast<double>(age) / kSecond);
  if (age < 7200 * kSecond) return fmt::format("{} min", age / (60 * kSecond));
  return fmt::format("{} h", age / (3600 * kSecond));
}

std::string rate_text(double rate) {
  return rate < 10 ? fmt::format("{:.1f}", rate) : human_count(static_cast<std::int64_t>(rate));
}

Result<int> stats(const StatsOptions& options) {
  Management management(options.shared);
  auto before = look(management, options);
  if (!before) return std::unexpected(before.error());
  const auto began = client::Clock::now();
  std::map<std::string, Counts> counts;
  for (const Json& queue : *before) counts[text_in(queue, "name")] = counts_of(queue);
  std::this_thread::sleep_for(std::chrono::duration<double>(options.interval_s));
  auto now = look(management, options);
  if (!now) return std::unexpected(now.error());
  const double seconds = std::chrono::duration<double>(client::Clock::now() - began).count();
  Json out;
  out["queues"] = Json::array();
  Table table({"QUEUE", Table::right("READY"), Table::right("IN FLIGHT"), Table::right("OLDEST"),
               Table::right("IN/s"), Table::right("OUT/s"), Table::right("ACK/s"),
               Table::right("CONSUMERS"), Table::right("DEAD-LETTERED"), Table::right("SIZE")});
  for (const Json& queue : *now) {
    const std::string name = text_in(queue, "name");
    const auto found = counts.find(name);
    if (found == counts.end()) continue;  // it was made meanwhile
    const Counts last = counts_of(queue);
    std::array<double, 3> rates{};
    for (std::size_t i = 0; i < rates.size(); ++i)
      rates[i] = std::max(0.0, static_cast<double>(last[i] - found->second[i]) / seconds);
    const Json& own = field(queue, "millrace");
    Json row;
    row["name"] = name;
    row["ready"] = number_in(queue, "messages_ready");
    row["in_flight"] = number_in(queue, "messages_unacknowledged");
    row["consumers"] = number_in(queue, "consumers");
    row["oldest_ms"] = field(own, "oldest_ms");
    row["in_per_s"] = rates[0];
    row["out_per_s"] = rates[1];
    row["ack_per_s"] = rates[2];
    row["published"] = last[0];
    row["delivered"] = last[1];
    row["acknowledged"] = last[2];
    for (const char* key : {"dead_lettered", "expired", "dropped", "purged", "log_bytes"})
      row[key] = number_in(own, key);
    table.add({name, human_count(row["ready"]), human_count(row["in_flight"]),
               age_text(row["oldest_ms"]), rate_text(rates[0]), rate_text(rates[1]),
               rate_text(rates[2]), human_count(row["consumers"]),
               human_count(row["dead_lettered"]), human_bytes(row["log_bytes"])});
    out["queues"].push_back(std::move(row));
  }
  if (options.shared.json)
    print_json(out);
  else if (table.empty())
    fmt::print("There are no queues yet: 'millrace queues declare NAME' makes one.\n");
  else
    table.print();
  return kDone;
}

}  // namespace

void add_queues_stats(CLI::App& command, Action& action) {
  auto options = std::make_shared<StatsOptions>();
  command.add_option("QUEUE", options->names, "These queues [all of the virtual host]");
  command.add_option("--interval", options->interval_s, "Seconds over which rates are taken")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();
  run_with(command, action, options, stats);
}

}  // namespace millrace::cli
