// millrace queues bind, millrace queues unbind
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/assignments.h"
#include "cli/handlers.h"
#include "cli/management.h"
#include "cli/outcomes.h"

namespace millrace::cli {
namespace {

struct BindOptions {
  ManagementShared shared;
  std::string queue;
  std::string exchange;
  std::vector<std::string> keys;
  std::vector<std::string> arguments;
  bool unbind = false;
};

Json arguments_of(const BindOptions& options) {
  Json arguments = Json::object();
  for (const std::string& text : options.arguments) {
    auto [name, value] = split_assignment(text);
    Json parsed = Json::parse(value, nullptr, false);
    const bool is_typed = parsed.is_number() || parsed.is_boolean();
    arguments[name] = is_typed ? std::move(parsed) : Json(value);
  }
  return arguments;
}

Error about_ends(const BindOptions& options, Error error) {
  if (error.code == ErrorCode::not_found)
    error.detail =
        fmt::format("there is no queue '{}' or no exchange '{}'", options.queue, options.exchange);
  return error;
}

// The one that is between the two with this key and these arguments.
Result<void> unbind(Management& management, const BindOptions& options, const std::string& key) {
  const std::string path = management.path("bindings", {"e", options.exchange, "q", options.queue});
  auto bindings = management.get(path);
  if (!bindings) return std::unexpected(about_ends(options, bindings.error()));
  for (const Json& binding : *bindings) {
    if (text_in(binding, "routing_key") != key) continue;
    if (field(binding, "arguments") != arguments_of(options)) continue;
    const std::string name = text_in(binding, "properties_key");
    auto done = management.remove(
        management.path("bindings", {"e", options.exchange, "q", options.queue, name}));
    if (!done) return std::unexpected(done.error());
    return {};
  }
  return fail(ErrorCode::not_found, "there is no such binding");
}

Result<int> run(const BindOptions& options) {
  Management management(options.shared);
  TRY(management.get("/api/whoami"));
  const std::string path = management.path("bindings", {"e", options.exchange, "q", options.queue});
  const std::vector<std::string> keys =
      options.keys.empty() ? std::vector<std::string>{""} : options.keys;
  Outcomes outcomes("bindings", options.shared.json);
  for (const std::string& key : keys) {
    const std::string what = fmt::format("{} {} {} by '{}'", options.queue,
                                         options.unbind ? "from" : "to", options.exchange, key);
    Json facts;
    facts["queue"] = options.queue;
    facts["exchange"] = options.exchange;
    Result<void> done;
    if (options.unbind) {
      done = unbind(management, options, key);
    } else {
      Json body;
      body["routing_key"] = key;
      body["arguments"] = arguments_of(options);
      auto made = management.post(path, body);
      if (!made) done = std::unexpected(about_ends(options, made.error()));
    }
    if (done)
      outcomes.done(key, (options.unbind ? "unbound " : "bound ") + what, facts);
    else
      outcomes.failed(key, (options.unbind ? "unbind " : "bind ") + what, done.error());
  }
  return outcomes.finish();
}

std::shared_ptr<BindOptions> add_options(CLI::App& command, bool unbind) {
  auto options = std::make_shared<BindOptions>();
  options->unbind = unbind;
  command.add_option("QUEUE", options->queue, "The queue")->required();
  command.add_option("EXCHANGE", options->exchange, "The exchange that it gets messages from")
      ->required();
  command
      .add_option("-k,--key", options->keys,
                  "The routing key, or pattern; may be repeated [the empty one]")
      ->type_name("KEY")
      ->allow_extra_args(false);
  command
      .add_option("-a,--argument", options->arguments,
                  "NAME=VALUE, of a headers exchange; may be repeated")
      ->check(check_assignment)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  return options;
}

}  // namespace

void add_queues_bind(CLI::App& command, Action& action) {
  run_with(command, action, add_options(command, false), run);
}

void add_queues_unbind(CLI::App& command, Action& action) {
  run_with(command, action, add_options(command, true), run);
}

}  // namespace millrace::cli
