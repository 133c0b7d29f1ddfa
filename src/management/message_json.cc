#include "management/message_json.h"

#include <fmt/format.h>

#include <charconv>

#include "base/base64.h"
#include "base/utf8.h"
#include "broker/login.h"
#include "protocols/amqp/delivery_properties.h"
#include "protocols/amqp/wire/limits.h"
#include "protocols/amqp/wire/properties.h"

namespace millrace::management {
namespace {

using amqp::BasicProperties;

// The names in the order in which BasicProperties visits them.
constexpr std::string_view kNames[] = {
    "content_type",   "content_encoding", "headers",    "delivery_mode", "priority",
    "correlation_id", "reply_to",         "expiration", "message_id",    "timestamp",
    "type",           "user_id",          "app_id",     "cluster_id"};

struct Writer {
  Json& out;
  std::size_t at = 0;
  template <class... Fields>
  void operator()(const Fields&... fields) {
    (write(kNames[at++], fields), ...);
  }
  void write(std::string_view name, const std::optional<std::string_view>& text) {
    if (text) out[name] = *text;
  }
  void write(std::string_view name, const std::optional<ValueTable>& table) {
    if (table) out[name] = to_json(*table);
  }
  void write(std::string_view name, const std::optional<std::uint8_t>& number) {
    if (number) out[name] = *number;
  }
  void write(std::string_view name, const std::optional<TimestampSeconds>& time) {
    if (time) out[name] = time->value;
  }
};

// Texts are views into the JSON.
struct Reader {
  const Json& json;
  std::optional<Error> error = std::nullopt;
  std::size_t at = 0;
  template <class... Fields>
  void operator()(Fields&... fields) {
    (read(kNames[at++], fields), ...);
  }
  void wrong(std::string_view name, std::string_view why) {
    if (!error)
      error = Error(ErrorCode::invalid_request, fmt::format("property '{}': {}", name, why));
  }
  const Json* find(std::string_view name) const {
    const auto found = json.find(name);
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }
  void read(std::string_view name, std::optional<std::string_view>& out) {
    const Json* found = find(name);
    if (!found) return;
    const auto* text = found->get_ptr<const std::string*>();
    if (!text) return wrong(name, "a text is needed");
    if (text->size() > amqp::kShortTextBytesMax) return wrong(name, "it has more than 255 bytes");
    out = *text;
  }
  void read(std::string_view name, std::optional<ValueTable>& out) {
    const Json* found = find(name);
    if (!found) return;
    auto table = to_table(*found);
    if (!table) return wrong(name, table.error().message());
    out = std::move(*table);
  }
  void read(std::string_view name, std::optional<std::uint8_t>& out) {
    const Json* found = find(name);
    if (!found) return;
    const bool fits = found->is_number_integer() && *found >= 0 && *found <= 255;
    if (!fits) return wrong(name, "a number from 0 to 255 is needed");
    out = found->get<std::uint8_t>();
  }
  void read(std::string_view name, std::optional<TimestampSeconds>& out) {
    const Json* found = find(name);
    if (!found) return;
    if (!found->is_number_integer() || *found < 0) return wrong(name, "seconds are needed");
    out = TimestampSeconds{found->get<std::uint64_t>()};
  }
};

Result<void> take_keys(const ValueTable& headers, std::string_view name,
                       std::vector<std::string>& keys) {
  const Value* value = headers.find(name);
  if (!value) return {};
  const auto bad = fail(ErrorCode::precondition_failed,
                        fmt::format("the header '{}' must be an array of texts", name));
  const ValueArray* array = value->as_array();
  if (!array) return bad;
  for (const Value& each : *array) {
    if (!each.as_text()) return bad;
    keys.push_back(*each.as_text());
  }
  return {};
}

Result<std::optional<std::int64_t>> milliseconds(const std::optional<std::string_view>& text) {
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const char* end = text->data() + text->size();
  auto [at, error] = std::from_chars(text->data(), end, value);
  if (error == std::errc{} && at == end && value >= 0) {
    return std::min(value, std::int64_t{1} << 53);
  }
  return fail(ErrorCode::precondition_failed,
              fmt::format("invalid expiration '{}': a number of milliseconds is needed", *text));
}

}  // namespace

Json properties_json(ByteView raw) {
  Json out = Json::object();
  auto properties = amqp::decode_properties(raw);
  if (!properties) return out;
  Writer writer{out};
  properties->fields(writer);
  return out;
}

Result<PublishedProperties> published_properties(const Json& json) {
  if (json.is_array() && json.empty()) return published_properties(Json::object());
  if (!json.is_object())
    return fail(ErrorCode::invalid_request, "'properties': an object is needed");
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(kNames, name) != std::end(kNames)) continue;
    return fail(ErrorCode::invalid_request, fmt::format("there is no property '{}'", name));
  }
  BasicProperties properties;
  Reader reader{json};
  properties.fields(reader);
  if (reader.error) return std::unexpected(*reader.error);
  if (properties.user_id && *properties.user_id != kGuest) {
    return fail(ErrorCode::precondition_failed,
                fmt::format("user_id property set to '{}' but authenticated user was '{}'",
                            *properties.user_id, kGuest));
  }
  PublishedProperties published;
  auto expires = milliseconds(properties.expiration);
  if (!expires) return std::unexpected(expires.error());
  published.expires_ms = *expires;
  if (properties.headers) {
    published.headers = *properties.headers;
    for (std::string_view name : {"CC", "BCC"}) {
      TRY(take_keys(published.headers, name, published.more_keys));
    }
    properties.headers->remove("BCC");  // nobody is to see it
  }
  published.raw = amqp::encode_properties(properties);
  return published;
}

Json message_json(const Delivery& delivery, const QueueInfo& queue, const Shown& shown) {
  const MessageFields& fields = delivery.message->fields;
  std::vector<std::uint8_t> space;
  Json out;
  out["payload_bytes"] = fields.body.size();
  out["redelivered"] = delivery.redelivered;
  out["exchange"] = fields.exchange;
  out["routing_key"] = fields.routing_key.value_or(queue.name);
  out["message_count"] = 0;
  out["properties"] = properties_json(amqp::delivery_properties(delivery, queue, space));
  ByteView body = fields.body;
  if (shown.bytes_max) body = body.first(std::min(body.size(), *shown.bytes_max));
  if (shown.encoding == Encoding::automatic && is_utf8(as_text(body))) {
    out["payload"] = as_text(body);
    out["payload_encoding"] = "string";
  } else {
    out["payload"] = base64(body);
    out["payload_encoding"] = "base64";
  }
  return out;
}

}  // namespace millrace::management
