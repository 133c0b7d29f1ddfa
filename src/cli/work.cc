// millrace work: takes messages of a queue, one after the other, and acknowledges what was done.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/handlers.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/run_program.h"
#include "cli/text.h"
#include "client/amqp_consumer.h"

namespace millrace::cli {
namespace {

constexpr std::uint16_t kAmqpPort = 5672;

// Looked at this often whether Ctrl-C came.
constexpr client::Milliseconds kLook{200};

struct WorkShared {
  std::string amqp = "127.0.0.1:5672";
  std::string vhost = "/";
  double timeout_s = 10;
  bool json = false;
};

struct WorkOptions {
  WorkShared shared;
  std::string queue;
  std::string command;
  std::string on_failure = "requeue";
  std::optional<std::int64_t> count;
  std::optional<double> idle_s;
  std::uint16_t prefetch = 1;
};

struct Tally {
  std::int64_t done = 0;
  std::int64_t failed = 0;
};

std::string check_address(const std::string& text) {
  auto address = client::parse_server(text, kAmqpPort);
  return address ? std::string() : std::string(address.error().message());
}

void add_shared_options(CLI::App& command, WorkShared& shared) {
  command.add_option("--amqp", shared.amqp, "The broker's AMQP listener, HOST:PORT")
      ->check(check_address)
      ->type_name("ADDRESS")
      ->envname("MILLRACE_AMQP")
      ->capture_default_str();
  command.add_option("--vhost", shared.vhost, "The virtual host")->capture_default_str();
  command
      .add_option("--timeout", shared.timeout_s, "Seconds to wait for an answer before giving up")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command.add_flag("--json", shared.json, "Print JSON, for programs");
}

void print(Output& output, const WorkOptions& options, const client::AmqpMessage& message) {
  if (!options.shared.json) {
    output.write(message.body + '\n');
    return;
  }
  Json row;
  row["exchange"] = message.exchange;
  row["routing_key"] = message.routing_key;
  row["redelivered"] = message.redelivered;
  set_bytes(row, "payload", as_bytes(message.body));
  output.write(dump(row) + '\n');
}

// Whether the message is done.
Result<bool> work_on(Output& output, const WorkOptions& options,
                     const client::AmqpMessage& message) {
  if (options.command.empty()) {
    print(output, options, message);
    // It is acknowledged only when somebody has it.
    const bool taken = output.flush();
    if (output.failure()) return std::unexpected(*output.failure());
    return taken;
  }
  auto status = run_program(options.command, message.body,
                            {{"MILLRACE_QUEUE", options.queue},
                             {"MILLRACE_EXCHANGE", message.exchange},
                             {"MILLRACE_ROUTING_KEY", message.routing_key},
                             {"MILLRACE_REDELIVERED", message.redelivered ? "1" : "0"}});
  if (!status) return std::unexpected(status.error());
  if (*status != 0)
    warn(fmt::format("the command ended with {}: the message is {}", *status,
                     options.on_failure == "requeue" ? "given back" : "rejected"));
  return *status == 0;
}

Result<void> work_through(client::AmqpConsumer& consumer, const WorkOptions& options,
                          Tally& tally) {
  Output output;
  auto last = client::Clock::now();
  while (!interrupted() && !output.closed()) {
    if (options.count && tally.done + tally.failed >= *options.count) break;
    auto message = consumer.next(client::Clock::now() + kLook);
    if (!message) return std::unexpected(message.error());
    if (!*message) {
      const std::chrono::duration<double> idle = client::Clock::now() - last;
      if (options.idle_s && idle.count() >= *options.idle_s) break;
      continue;
    }
    auto done = work_on(output, options, **message);
    if (!done) return std::unexpected(done.error());
    if (*done) {
      ++tally.done;
      TRY(consumer.acknowledge((*message)->tag));
    } else if (output.closed()) {
      break;  // nobody took it: it goes back with the connection
    } else {
      ++tally.failed;
      TRY(consumer.reject((*message)->tag, options.on_failure == "requeue"));
    }
    last = client::Clock::now();
  }
  return {};
}

Result<int> work(const WorkOptions& options) {
  client::AmqpOptions amqp;
  amqp.address = client::parse_server(options.shared.amqp, kAmqpPort)
                     .value_or(client::ServerAddress{"127.0.0.1", kAmqpPort});
  amqp.timeout = client::Milliseconds(static_cast<std::int64_t>(options.shared.timeout_s * 1000));
  amqp.vhost = options.shared.vhost;
  amqp.queue = options.queue;
  amqp.prefetch = options.prefetch;
  amqp.option = "--amqp";
  auto consumer = client::AmqpConsumer::open(std::move(amqp));
  if (!consumer) {
    Error error = consumer.error();
    if (error.code == ErrorCode::not_found)
      error.detail = fmt::format("{}: see 'millrace queues list'", error.message());
    return std::unexpected(error);
  }
  catch_interrupts();
  Tally tally;
  auto done = work_through(**consumer, options, tally);
  if (done) done = (*consumer)->close();
  if (!options.command.empty() && !options.shared.json)
    warn(fmt::format("{} done, {} failed", counted(tally.done, "message"), tally.failed));
  if (!done) return std::unexpected(done.error());
  return tally.failed == 0 ? kDone : kFailed;
}

}  // namespace

void add_work(CLI::App& command, Action& action) {
  auto options = std::make_shared<WorkOptions>();
  command.add_option("QUEUE", options->queue, "The queue")->required();
  command
      .add_option("-e,--exec", options->command,
                  "A shell command for each message, which it reads on its standard input")
      ->type_name("COMMAND");
  command
      .add_option("--on-failure", options->on_failure,
                  "What becomes of a message whose command fails: it is given back, or rejected, "
                  "which makes it a dead letter where the queue has a place for those")
      ->check(CLI::IsMember({"requeue", "reject"}))
      ->capture_default_str();
  command.add_option("-n,--count", options->count, "End after so many messages")
      ->check(CLI::Range(std::int64_t{1}, INT64_MAX));
  command.add_option("--idle", options->idle_s, "End when nothing came for so many seconds")
      ->check(CLI::Range(0.0, 86'400.0));
  command.add_option("--prefetch", options->prefetch, "Messages that are on their way ahead")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  run_with(command, action, options, work);
}

}  // namespace millrace::cli
