// millrace queues declare
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/assignments.h"
#include "cli/handlers.h"
#include "cli/management.h"
#include "cli/outcomes.h"

namespace millrace::cli {
namespace {

struct DeclareOptions {
  ManagementShared shared;
  std::vector<std::string> names;
  std::string type;
  bool transient = false;
  bool auto_delete = false;
  std::optional<std::int64_t> message_ttl_ms;
  std::optional<std::int64_t> expires_ms;
  std::optional<std::int64_t> length_max;
  std::string overflow;
  std::optional<std::int64_t> delivery_limit;
  bool single_active_consumer = false;
  std::string dead_letter_to;
  std::optional<std::string> dead_letter_exchange;
  std::optional<std::string> dead_letter_key;
  std::vector<std::string> arguments;
};

Json arguments_of(const DeclareOptions& options) {
  Json arguments = Json::object();
  auto set = [&](const char* name, const auto& value) {
    if (value) arguments[name] = *value;
  };
  if (!options.type.empty()) arguments["x-queue-type"] = options.type;
  set("x-message-ttl", options.message_ttl_ms);
  set("x-expires", options.expires_ms);
  set("x-max-length", options.length_max);
  if (!options.overflow.empty()) arguments["x-overflow"] = options.overflow;
  set("x-delivery-limit", options.delivery_limit);
  if (options.single_active_consumer) arguments["x-single-active-consumer"] = true;
  if (!options.dead_letter_to.empty()) {
    arguments["x-dead-letter-exchange"] = "";
    arguments["x-dead-letter-routing-key"] = options.dead_letter_to;
  }
  set("x-dead-letter-exchange", options.dead_letter_exchange);
  set("x-dead-letter-routing-key", options.dead_letter_key);
  for (const std::string& text : options.arguments) {
    auto [name, value] = split_assignment(text);
    // A number, true or false is one; everything else is a text.
    Json parsed = Json::parse(value, nullptr, false);
    const bool is_typed = parsed.is_number() || parsed.is_boolean();
    arguments[name] = is_typed ? std::move(parsed) : Json(value);
  }
  return arguments;
}

Result<int> declare(const DeclareOptions& options) {
  if (!options.dead_letter_to.empty() && options.dead_letter_exchange)
    return misused("--dead-letter-to names a queue, --dead-letter-exchange an exchange: use one");
  Management management(options.shared);
  TRY(management.get("/api/whoami"));  // one message, not one a queue, when there is no broker
  Outcomes outcomes("queues", options.shared.json);
  for (const std::string& name : options.names) {
    Json body;
    body["durable"] = !options.transient;
    body["auto_delete"] = options.auto_delete;
    body["arguments"] = arguments_of(options);
    const auto done = management.put(management.path("queues", {name}), body);
    if (!done) {
      outcomes.failed(name, "declare " + name, done.error());
      continue;
    }
    const bool is_new = management.status() == 201;
    Json facts;
    facts["created"] = is_new;
    outcomes.done(
        name, is_new ? "declared " + name : name + " was there already, as it is asked for", facts);
  }
  return outcomes.finish();
}

}  // namespace

void add_queues_declare(CLI::App& command, Action& action) {
  auto options = std::make_shared<DeclareOptions>();
  const auto positive = CLI::Range(std::int64_t{1}, INT64_MAX);
  const auto natural = CLI::Range(std::int64_t{0}, INT64_MAX);
  command.add_option("NAME", options->names, "One or more names")->required();
  command.add_option("--type", options->type, "What a returned message does [classic]")
      ->check(CLI::IsMember({"classic", "quorum"}));
  command.add_flag("--transient", options->transient, "It ends with the broker's run");
  command.add_flag("--auto-delete", options->auto_delete, "It goes with its last consumer");
  command.add_option("--message-ttl-ms", options->message_ttl_ms, "How long a message may wait")
      ->check(natural);
  command.add_option("--expires-ms", options->expires_ms, "Unused for so long, the queue goes")
      ->check(positive);
  command.add_option("--max-length", options->length_max, "How many messages may wait")
      ->check(natural);
  command.add_option("--overflow", options->overflow, "What goes when there are more [drop-head]")
      ->check(CLI::IsMember({"drop-head", "reject-publish"}));
  command
      .add_option("--delivery-limit", options->delivery_limit,
                  "After so many failed deliveries a message is a dead letter")
      ->check(natural);
  command.add_flag("--single-active-consumer", options->single_active_consumer,
                   "One consumer at a time, the others wait");
  command.add_option("--dead-letter-to", options->dead_letter_to, "The queue of its dead letters")
      ->type_name("QUEUE");
  command
      .add_option("--dead-letter-exchange", options->dead_letter_exchange,
                  "The exchange that routes its dead letters")
      ->type_name("EXCHANGE");
  command
      .add_option("--dead-letter-key", options->dead_letter_key,
                  "With this routing key [the message's own]")
      ->type_name("KEY");
  command
      .add_option("-a,--argument", options->arguments,
                  "NAME=VALUE, any argument by the name clients use; may be repeated")
      ->check(check_assignment)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  run_with(command, action, options, declare);
}

}  // namespace millrace::cli
