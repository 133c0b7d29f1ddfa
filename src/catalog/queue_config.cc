#include "catalog/queue_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace millrace {
namespace {

// A quorum queue's, since RabbitMQ 4.0.
constexpr std::int64_t kDeliveryLimit = 20;

Result<void> bad(std::string_view name, std::string_view why) {
  return fail(ErrorCode::precondition_failed, fmt::format("invalid arg '{}': {}", name, why));
}

template <std::int64_t Min>
Result<void> take_number(std::optional<std::int64_t>& target, std::string_view name,
                         const Value& value) {
  auto number = value.as_integer();
  if (!number) return bad(name, fmt::format("an integer is needed, not {}", value.type_name()));
  if (*number < Min)
    return bad(name, fmt::format("{} is too small, {} is the least", *number, Min));
  target = number;
  return {};
}

Result<void> take_text(std::optional<std::string>& target, std::string_view name,
                       const Value& value) {
  const std::string* text = value.as_text();
  if (!text) return bad(name, fmt::format("a text is needed, not {}", value.type_name()));
  target = *text;
  return {};
}

using Take = Result<void> (*)(QueueConfig& config, std::string_view name, const Value& value);

Result<void> take_type(QueueConfig& config, std::string_view name, const Value& value) {
  const std::string* text = value.as_text();
  if (text && *text == "classic") {
    config.type = QueueType::classic;
  } else if (text && *text == "quorum") {
    config.type = QueueType::quorum;
  } else if (text && *text == "stream") {
    return fail(ErrorCode::unsupported_feature, "queues of the type 'stream' are not there yet");
  } else {
    return bad(name, "the types are 'classic' and 'quorum'");
  }
  return {};
}

Result<void> take_overflow(QueueConfig& config, std::string_view name, const Value& value) {
  const std::string* text = value.as_text();
  if (text && *text == "drop-head") {
    config.overflow = Overflow::drop_head;
  } else if (text && *text == "reject-publish") {
    config.overflow = Overflow::reject_publish;
  } else if (text && *text == "reject-publish-dlx") {
    return bad(name, "'reject-publish-dlx' is not supported yet");
  } else {
    return bad(name, "it is 'drop-head' or 'reject-publish'");
  }
  return {};
}

// Ours is at least once whatever is asked for.
Result<void> take_strategy(QueueConfig&, std::string_view name, const Value& value) {
  const std::string* text = value.as_text();
  if (text && (*text == "at-most-once" || *text == "at-least-once")) return {};
  return bad(name, "it is 'at-most-once' or 'at-least-once'");
}

Result<void> take_single_active(QueueConfig& config, std::string_view name, const Value& value) {
  auto flag = value.as_bool();
  if (!flag) return bad(name, fmt::format("a boolean is needed, not {}", value.type_name()));
  config.single_active_consumer = *flag;
  return {};
}

Result<void> take_delivery_limit(QueueConfig& config, std::string_view name, const Value& value) {
  TRY(take_number<-1>(config.delivery_limit, name, value));
  return {};
}

// Where replicas are placed, or what stays in memory: nothing here depends on it.
Result<void> ignore(QueueConfig&, std::string_view, const Value&) { return {}; }

Result<void> refuse(QueueConfig&, std::string_view name, const Value&) {
  return fail(ErrorCode::precondition_failed,
              fmt::format("invalid arg '{}': this is not supported yet", name));
}

struct Argument {
  std::string_view name;
  Take take;
  bool is_compared = true;
};

constexpr Argument kArguments[] = {
    {"x-queue-type", take_type},
    {"x-expires",
     [](QueueConfig& config, std::string_view name, const Value& value) {
       return take_number<1>(config.expires_ms, name, value);
     }},
    {"x-message-ttl",
     [](QueueConfig& config, std::string_view name, const Value& value) {
       return take_number<0>(config.message_ttl_ms, name, value);
     }},
    {"x-max-length",
     [](QueueConfig& config, std::string_view name, const Value& value) {
       return take_number<0>(config.length_max, name, value);
     }},
    {"x-max-length-bytes", refuse},
    {"x-overflow", take_overflow},
    {"x-dead-letter-exchange",
     [](QueueConfig& config, std::string_view name, const Value& value) {
       return take_text(config.dead_letter_exchange, name, value);
     }},
    {"x-dead-letter-routing-key",
     [](QueueConfig& config, std::string_view name, const Value& value) {
       return take_text(config.dead_letter_routing_key, name, value);
     }},
    {"x-dead-letter-strategy", take_strategy},
    {"x-delivery-limit", take_delivery_limit},
    {"x-consumer-timeout", refuse},
    {"x-single-active-consumer", take_single_active},
    {"x-max-priority", refuse},
    {"x-delayed-retry-type", refuse},
    {"x-delayed-retry-min", refuse},
    {"x-delayed-retry-max", refuse},
    {"x-max-age", refuse},
    {"x-stream-max-segment-size-bytes", refuse},
    {"x-stream-filter-size-bytes", refuse},
    {"x-initial-cluster-size", ignore, false},
    {"x-quorum-initial-group-size", ignore, false},
    {"x-quorum-target-group-size", ignore, false},
    {"x-queue-leader-locator", ignore, false},
    {"x-queue-master-locator", ignore, false},
    {"x-queue-mode", ignore, false},
    {"x-queue-version", ignore, false},
    {"x-max-in-memory-length", ignore, false},
    {"x-max-in-memory-bytes", ignore, false},
};

const Argument* find_argument(std::string_view name) {
  const auto* found = std::ranges::find(kArguments, name, &Argument::name);
  return found == std::end(kArguments) ? nullptr : found;
}

// Beyond what a clock in milliseconds can be added to.
constexpr std::int64_t kMillisecondsMax = std::int64_t{1} << 53;

}  // namespace

bool is_compared_argument(std::string_view name) {
  const Argument* known = find_argument(name);
  return known && known->is_compared;
}

Result<QueueConfig> parse_queue_config(const ValueTable& arguments) {
  QueueConfig config;
  for (const auto& [name, value] : arguments.entries()) {
    const Argument* known = find_argument(name);
    if (known) TRY(known->take(config, name, value));
  }
  for (auto limit : {config.expires_ms, config.message_ttl_ms}) {
    if (limit && *limit > kMillisecondsMax) {
      return fail(ErrorCode::precondition_failed, fmt::format("{} ms is too long", *limit));
    }
  }
  if (config.dead_letter_routing_key && !config.dead_letter_exchange) {
    return fail(ErrorCode::precondition_failed,
                "invalid arg 'x-dead-letter-routing-key': there is no 'x-dead-letter-exchange'");
  }
  if (config.type == QueueType::quorum && !config.delivery_limit) {
    config.delivery_limit = kDeliveryLimit;
  }
  if (config.delivery_limit == -1) config.delivery_limit.reset();
  return config;
}

}  // namespace millrace
