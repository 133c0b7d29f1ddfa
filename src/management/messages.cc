// Messages: publishing, taking and looking at them.
#include <fmt/format.h>

#include <charconv>

#include "base/base64.h"
#include "management/body.h"
#include "management/handlers.h"
#include "management/message_json.h"
#include "management/objects.h"

namespace millrace::management {
namespace {

constexpr std::int64_t kCountMax = 10'000;
constexpr std::int64_t kPeekCountMax = 100;  // they are in memory all at once
// Payloads in one answer: one more message may go beyond it.
constexpr std::size_t kPayloadBytesMax = 8 << 20;
constexpr Duration kPublishTimeout = std::chrono::seconds(30);

struct GetOptions {
  std::int64_t count = 1;
  bool requeue = true;
  Verdict verdict = Verdict::requeued;
  Shown shown;
};

void take_ack_mode(Body& body, GetOptions& options) {
  // RabbitMQ before 3.7 had `requeue`.
  if (const Json* requeue = body.find("requeue"); requeue && !body.find("ackmode")) {
    bool value = true;
    body.take("requeue", value);
    options.verdict = value ? Verdict::requeued : Verdict::acknowledged;
    return;
  }
  std::string mode = "ack_requeue_true";
  body.take("ackmode", mode);
  if (mode == "ack_requeue_true") {
    options.verdict = Verdict::requeued;
  } else if (mode == "ack_requeue_false") {
    options.verdict = Verdict::acknowledged;
  } else if (mode == "reject_requeue_true") {
    options.verdict = Verdict::requeued_failed;
  } else if (mode == "reject_requeue_false") {
    options.verdict = Verdict::rejected;
  } else {
    body.wrong("ackmode",
               "ack_requeue_true, ack_requeue_false, reject_requeue_true and "
               "reject_requeue_false are known");
  }
}

Result<Shown> shown_as(std::string_view encoding, std::optional<std::int64_t> truncate) {
  Shown shown;
  if (encoding == "base64") {
    shown.encoding = Encoding::base64;
  } else if (encoding != "auto") {
    return fail(ErrorCode::invalid_request, "'encoding': auto and base64 are known");
  }
  if (truncate && *truncate < 0) {
    return fail(ErrorCode::invalid_request, "'truncate': a number of bytes is needed");
  }
  if (truncate) shown.bytes_max = static_cast<std::size_t>(*truncate);
  return shown;
}

Result<void> check_count(std::int64_t count, std::int64_t max) {
  if (count >= 1 && count <= max) return {};
  return fail(ErrorCode::invalid_request,
              fmt::format("'count': a number from 1 to {} is needed", max));
}

Result<GetOptions> get_options(const HttpRequest& request) {
  GetOptions options;
  Body body(request.body);
  body.take("count", options.count);
  take_ack_mode(body, options);
  std::string encoding = "auto";
  body.take("encoding", encoding);
  std::optional<std::int64_t> truncate;
  if (body.find("truncate")) body.take("truncate", truncate.emplace());
  if (body.error()) return std::unexpected(*body.error());
  TRY(check_count(options.count, kCountMax));
  auto shown = shown_as(encoding, truncate);
  if (!shown) return std::unexpected(shown.error());
  options.shown = *shown;
  return options;
}

// Null when there is none, or it is another connection's alone.
std::shared_ptr<const QueueInfo> find_queue(Api& api, const HttpRequest& request) {
  auto queue = api.queues().find_queue(request.parameter("vhost"), request.parameter("name"));
  return queue && queue->exclusive ? nullptr : queue;
}

Result<std::string> payload_of(Body& body) {
  std::string payload;
  std::string encoding = "string";
  body.need("payload", payload);
  body.take("payload_encoding", encoding);
  if (body.error()) return std::unexpected(*body.error());
  if (encoding == "string") return payload;
  if (encoding != "base64") {
    return fail(ErrorCode::invalid_request, "'payload_encoding': string and base64 are known");
  }
  auto decoded = base64_decoded(payload);
  if (!decoded) return fail(ErrorCode::invalid_request, "'payload': it is no base64");
  return std::move(*decoded);
}

}  // namespace

Task<HttpAnswer> publish(Api& api, HttpRequest request) {
  const auto exchange =
      api.queues().find_exchange(request.parameter("vhost"), exchange_name(request, "name"));
  if (!exchange) co_return refuse(404, "Not Found");
  if (exchange->internal) co_return refuse(400, "the exchange is internal: nobody publishes to it");
  Body body(std::exchange(request.body, {}));
  std::string key;
  body.need("routing_key", key);
  body.need_short("routing_key", key);
  const auto payload = payload_of(body);
  if (!payload) co_return refuse(payload.error());
  const Json* json = body.find("properties");
  const auto properties = published_properties(json ? *json : Json::object());
  if (!properties) co_return refuse(properties.error());
  const std::size_t size = payload->size() + properties->raw.size();
  // Once: a journal that takes nothing answers at once, and refuses what is published then.
  if (!api.home().has_room(size)) co_await api.home().room(size);
  MessageFields fields;
  fields.body = as_bytes(*payload);
  fields.exchange = exchange->name;
  fields.routing_key = key;
  fields.properties = properties->raw;
  if (properties->expires_ms) {
    fields.expires = api.home().broker_time() + *properties->expires_ms;
  }
  const std::vector<std::string_view> more(properties->more_keys.begin(),
                                           properties->more_keys.end());
  LazyHeaders headers([&] { return properties->headers; });
  Publication publication(api.queues());
  const std::size_t count =
      publication.add(exchange->id, {.key = key, .more_keys = more, .headers = &headers}, fields);
  if (count > 0) {
    const auto results = co_await publication.submit(AckLevel::durable, kPublishTimeout);
    if (results.front().code != ErrorCode::ok) co_return refuse(results.front());
  }
  co_return answer_json({{"routed", count > 0}});
}

Task<HttpAnswer> get_messages(Api& api, HttpRequest request) {
  const auto queue = find_queue(api, request);
  if (!queue) co_return refuse(404, "Not Found");
  const auto options = get_options(request);
  if (!options) co_return refuse(options.error());
  Queues& queues = api.queues();
  const HolderId holder = queues.new_holder();
  Json rows = Json::array();
  std::vector<Judgement> judgements;
  std::optional<Error> failed;
  std::size_t bytes = 0;
  while (std::ssize(rows) < options->count && bytes < kPayloadBytesMax) {
    auto got = co_await queues.get(queue->id, holder, false);
    if (!got) failed = got.error();
    if (!got || !got->delivery) break;
    const Delivery& delivery = *got->delivery;
    rows.push_back(message_json(delivery, *queue, options->shown));
    rows.back()["message_count"] = got->left;
    bytes += delivery.message->size();
    judgements.push_back({OffsetRange::of(delivery.offset), options->verdict});
  }
  if (failed) {
    // It was shown to nobody.
    queues.release(queue->id, holder);
    co_return refuse(*failed);
  }
  if (!judgements.empty()) {
    queues.settle(queue->id, holder, std::move(judgements));
    const auto settled = co_await queues.settled(queue->id);
    if (!settled) co_return refuse(settled.error());
  }
  co_return answer_json(rows);
}

// Not RabbitMQ's: the messages stay as they are, and are not marked as redelivered.
Task<HttpAnswer> peek_messages(Api& api, HttpRequest request) {
  const auto queue = find_queue(api, request);
  if (!queue) co_return refuse(404, "Not Found");
  Json asked = Json::object();
  for (const auto& [name, value] : request.query) asked[name] = value;
  std::int64_t count = 1;
  std::string encoding = "auto";
  std::optional<std::int64_t> truncate;
  Body body = Body::of(std::move(asked));
  body.take("count", count);
  body.take("encoding", encoding);
  if (body.find("truncate")) body.take("truncate", truncate.emplace());
  if (body.error()) co_return refuse(*body.error());
  if (auto good = check_count(count, kPeekCountMax); !good) co_return refuse(good.error());
  const auto shown = shown_as(encoding, truncate);
  if (!shown) co_return refuse(shown.error());
  const auto seen = co_await api.queues().peek(queue->id, static_cast<std::size_t>(count));
  if (!seen) co_return refuse(seen.error());
  Json rows = Json::array();
  std::size_t bytes = 0;
  for (const Delivery& delivery : *seen) {
    if (bytes >= kPayloadBytesMax) break;
    rows.push_back(message_json(delivery, *queue, *shown));
    bytes += delivery.message->size();
    Json& row = rows.back();
    row.erase("message_count");
    row["offset"] = delivery.offset.value();
    row["time_ms"] = delivery.message->time.value();
  }
  co_return answer_json(rows);
}

}  // namespace millrace::management
