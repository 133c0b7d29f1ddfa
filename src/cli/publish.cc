// millrace publish: lines of text in, messages out.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <system_error>

#include "base/base64.h"
#include "base/utf8.h"
#include "cli/assignments.h"
#include "cli/handlers.h"
#include "cli/input_file.h"
#include "cli/interrupt.h"
#include "cli/lines.h"
#include "cli/management.h"
#include "cli/progress.h"
#include "cli/text.h"

namespace millrace::cli {
namespace {

struct PublishOptions {
  ManagementShared shared;
  std::string queue;
  std::string exchange;
  std::string key;
  std::string file;
  std::optional<std::string> message;
  std::vector<std::string> headers;
  std::optional<std::int64_t> expiration_ms;
};

struct Tally {
  std::int64_t read = 0;
  std::int64_t published = 0;
  std::int64_t unrouted = 0;
  std::int64_t bytes = 0;
};

class Publisher {
 public:
  explicit Publisher(const PublishOptions& options)
      : management_(options.shared),
        path_(management_.path(
            "exchanges",
            {options.exchange.empty() ? "amq.default" : options.exchange, "publish"})) {
    body_["routing_key"] = options.exchange.empty() ? options.queue : options.key;
    Json& properties = body_["properties"] = Json::object();
    properties["delivery_mode"] = 2;
    if (options.expiration_ms) properties["expiration"] = fmt::to_string(*options.expiration_ms);
    for (const std::string& text : options.headers) {
      auto [name, value] = split_assignment(text);
      properties["headers"][name] = value;
    }
  }

  Management& management() { return management_; }

  Result<void> publish(std::string_view line, Tally& tally) {
    const bool is_text = is_utf8(line);
    body_["payload_encoding"] = is_text ? "string" : "base64";
    body_["payload"] = is_text ? std::string(line) : base64(as_bytes(line));
    auto reply = management_.post(path_, body_);
    if (!reply) return std::unexpected(reply.error());
    ++tally.published;
    tally.bytes += static_cast<std::int64_t>(line.size());
    if (field(*reply, "routed") != true) ++tally.unrouted;
    return {};
  }

 private:
  Management management_;
  const std::string path_;
  Json body_;
};

Result<void> publish_lines(Publisher& publisher, LineReader& lines, Tally& tally,
                           Progress& progress) {
  for (;;) {
    std::string_view line;
    switch (lines.next(line, std::nullopt)) {
      case LineReader::Outcome::line:
        ++tally.read;
        TRY(publisher.publish(line, tally));
        break;
      case LineReader::Outcome::too_long:
        return fail(
            ErrorCode::message_too_large,
            fmt::format("line {} is longer than {}", tally.read + 1, human_bytes(kLineBytesMax)));
      case LineReader::Outcome::failed:
        return fail(ErrorCode::io_error, fmt::format("line {} cannot be read: {}", tally.read + 1,
                                                     std::generic_category().message(errno)));
      case LineReader::Outcome::timeout:
      case LineReader::Outcome::interrupted:
      case LineReader::Outcome::end:
        return {};
    }
    progress.update(tally.published, tally.bytes);
  }
}

// Before a message is read: a name that is wrong costs no line.
Result<void> check_target(Management& management, const PublishOptions& options) {
  if (options.exchange.empty()) {
    auto queue = management.get(management.path("queues", {options.queue}) + "?columns=name");
    if (!queue) return std::unexpected(about_queue(queue.error()));
    return {};
  }
  auto exchange = management.get(management.path("exchanges", {options.exchange}));
  if (exchange) return {};
  Error error = exchange.error();
  if (error.code == ErrorCode::not_found)
    error.detail = fmt::format("there is no exchange '{}'", options.exchange);
  return std::unexpected(error);
}

Result<int> publish(const PublishOptions& options) {
  if (options.queue.empty() == options.exchange.empty())
    return misused("where to? name a queue, or an exchange with --exchange and --key");
  if (options.message && !options.file.empty())
    return misused("--message is the message, --file has a message a line: use one of them");
  InputFile input;
  auto descriptor = input.open(options.file);
  if (!descriptor) return std::unexpected(descriptor.error());
  Publisher publisher(options);
  TRY(check_target(publisher.management(), options));
  Tally tally;
  Result<void> done;
  if (options.message) {
    ++tally.read;
    done = publisher.publish(*options.message, tally);
  } else {
    catch_interrupts();
    LineReader lines(*descriptor);
    Progress progress(options.shared.json);
    done = publish_lines(publisher, lines, tally, progress);
  }
  const std::string where = options.exchange.empty() ? options.queue : options.exchange;
  if (options.shared.json) {
    Json out;
    out["to"] = where;
    out["messages"] = tally.read;
    out["published"] = tally.published;
    out["unrouted"] = tally.unrouted;
    print_json(out);
  } else {
    fmt::print("{} published to {}\n", counted(tally.published, "message"), where);
    if (tally.unrouted > 0)
      warn(fmt::format("{} went to no queue: nothing is bound to {} by '{}'",
                       counted(tally.unrouted, "message"), where, options.key));
  }
  if (!done) return std::unexpected(done.error());
  return tally.unrouted == 0 ? kDone : kFailed;
}

}  // namespace

void add_publish(CLI::App& command, Action& action) {
  auto options = std::make_shared<PublishOptions>();
  command.add_option("QUEUE", options->queue, "Put the messages into this queue");
  command.add_option("-x,--exchange", options->exchange, "... or publish them to this exchange")
      ->type_name("EXCHANGE");
  command.add_option("-k,--key", options->key, "... with this routing key [the empty one]")
      ->type_name("KEY");
  command.add_option("--message", options->message, "This one message");
  command.add_option("-f,--file", options->file, "Read lines from here [standard input]");
  command
      .add_option("-H,--header", options->headers,
                  "NAME=VALUE, a header of every message; may be repeated")
      ->check(check_assignment)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command.add_option("--expiration-ms", options->expiration_ms, "How long each may wait")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 53));
  run_with(command, action, options, publish);
}

}  // namespace millrace::cli
