// millrace queues peek
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/handlers.h"
#include "cli/management.h"
#include "cli/text.h"

namespace millrace::cli {
namespace {

struct PeekOptions {
  ManagementShared shared;
  std::string queue;
  std::int64_t count = 10;
  bool verbose = false;
};

void print(const Json& message, bool verbose) {
  if (verbose) {
    fmt::print("{}  {}  exchange '{}', key '{}'", number_in(message, "offset"),
               iso_time(number_in(message, "time_ms")), text_in(message, "exchange"),
               text_in(message, "routing_key"));
    const Json& properties = field(message, "properties");
    if (!properties.empty()) fmt::print("  {}", dump(properties));
    fmt::print("\n");
  }
  const bool is_text = text_in(message, "payload_encoding") == "string";
  fmt::print("{}{}\n", is_text ? "" : "base64:", text_in(message, "payload"));
}

Result<int> peek(const PeekOptions& options) {
  Management management(options.shared);
  auto messages = management.get(management.path("queues", {options.queue, "peek"}) +
                                 fmt::format("?count={}", options.count));
  if (!messages) return std::unexpected(about_queue(messages.error()));
  if (options.shared.json) {
    Json out;
    out["queue"] = options.queue;
    out["messages"] = *messages;
    print_json(out);
    return kDone;
  }
  for (const Json& message : *messages) print(message, options.verbose);
  if (messages->empty()) warn(fmt::format("nothing is ready in {}", options.queue));
  return kDone;
}

}  // namespace

void add_queues_peek(CLI::App& command, Action& action) {
  auto options = std::make_shared<PeekOptions>();
  command.add_option("QUEUE", options->queue, "The queue")->required();
  command.add_option("-n,--count", options->count, "How many of the first ones")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command.add_flag("--verbose", options->verbose, "With time, exchange, key and properties");
  run_with(command, action, options, peek);
}

}  // namespace millrace::cli
