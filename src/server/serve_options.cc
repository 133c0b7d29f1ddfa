#include "server/serve_options.h"

#include <thread>

#include "base/assert.h"

namespace millrace {
namespace {

// Typed looks into the settings.
class Take {
 public:
  explicit Take(const Settings& settings) : settings_(settings) {}

  void number(std::string_view name, auto& out) const {
    out = static_cast<std::remove_reference_t<decltype(out)>>(settings_.number(name));
  }
  void boolean(std::string_view name, bool& out) const { out = settings_.boolean(name); }
  void milliseconds(std::string_view name, auto& out) const {
    using Out = std::remove_reference_t<decltype(out)>;
    out = std::chrono::duration_cast<Out>(std::chrono::milliseconds(settings_.number(name)));
  }
  void microseconds(std::string_view name, std::chrono::microseconds& out) const {
    out = std::chrono::microseconds(settings_.number(name));
  }
  void address(std::string_view name, std::optional<Address>& out) const {
    if (settings_.is_word(name)) return out.reset();
    auto address = parse_address(settings_.text(name));
    ASSERT(address.has_value());
    out = std::move(*address);
  }

 private:
  const Settings& settings_;
};

// One processor is left to the journal's writer and the kernel.
std::size_t default_cores() {
  return std::max<std::size_t>(2, std::thread::hardware_concurrency()) - 1;
}

LogLevel log_level(const std::string& text) {
  if (text == "debug") return LogLevel::debug;
  if (text == "warning") return LogLevel::warning;
  if (text == "error") return LogLevel::error;
  return LogLevel::info;
}

void take_sessions(const Take& take, kafka::SessionLimits& out) {
  take.number("kafka.connections_per_core_max", out.connections_max);
  take.number("kafka.request_bytes_max", out.frame_bytes_max);
  take.number("kafka.requests_in_work_max", out.in_flight_max);
  take.number("kafka.unsent_bytes_max", out.outbox_bytes_max);
  take.milliseconds("kafka.idle_ms_max", out.idle_max);
  take.milliseconds("kafka.stalled_ms_max", out.stalled_max);
  take.number("kafka.fetch_bytes_max", out.fetch_bytes_max);
  take.number("kafka.fetch_sessions_per_core_max", out.fetch_sessions.sessions_max);
}

void take_broker(const Take& take, BrokerLimits& out) {
  take.boolean("topics.auto_create", out.auto_create_topics);
  take.number("topics.partitions_default", out.partitions_default);
  take.milliseconds("topics.retention_check_ms", out.retention_check_interval);
  take.milliseconds("groups.initial_rebalance_delay_ms", out.groups.initial_rebalance_delay);
  take.milliseconds("groups.session_timeout_ms_min", out.groups.session_timeout_min);
  take.milliseconds("groups.session_timeout_ms_max", out.groups.session_timeout_max);
  take.number("groups.members_max", out.groups.members_max);
  take.number("groups.offset_metadata_bytes_max", out.groups.offset_metadata_bytes_max);
  take.milliseconds("groups.offsets_retention_ms", out.groups.offsets_retention);
  take.milliseconds("groups.offsets_retention_check_ms", out.groups.retention_check_interval);
}

void take_storage(const Take& take, StorageLimits& out) {
  take.number("storage.journal_bytes_max", out.journal_bytes_max);
  take.number("storage.journal_file_bytes", out.journal_file_bytes);
  take.number("storage.checkpoint_bytes", out.checkpoint_bytes);
  take.milliseconds("storage.checkpoint_interval_ms", out.checkpoint_interval);
  take.number("storage.pending_bytes_max", out.pending_bytes_max);
  take.microseconds("storage.flush_pace_us", out.flush_pace);
  take.number("storage.tail_bytes_max", out.tail_bytes_max);
  take.number("storage.segment_cache_bytes_max", out.segment_cache_bytes_max);
  take.number("storage.open_segments_max", out.open_segments_max);
  take.number("storage.disk_reserve_bytes", out.disk_reserve_bytes);
  take.number("storage.direct_append_bytes", out.direct_append_bytes);
}

}  // namespace

ServeOptions serve_options(const Settings& settings) {
  const Take take(settings);
  ServeOptions options;
  options.data_dir = settings.text("server.data_dir");
  options.cores = default_cores();
  if (!settings.is_word("server.cores")) take.number("server.cores", options.cores);
  take.boolean("server.json_ready_line", options.json);
  options.log_level = log_level(settings.text("log.level"));
  if (settings.text("log.format") == "text") options.log_format = LogFormat::text;
  if (settings.text("log.format") == "json") options.log_format = LogFormat::json;
  take.address("kafka.listen", options.kafka);
  take.address("kafka.advertise", options.advertise);
  take.address("amqp.listen", options.amqp);
  take.number("amqp.connections_per_core_max", options.amqp_limits.connections_max);
  take.number("amqp.channels_max", options.amqp_limits.channels_max);
  take.number("amqp.message_bytes_max", options.amqp_limits.message_bytes_max);
  take.address("management.listen", options.management);
  take.number("management.connections_max", options.management_limits.connections_max);
  take.address("http.listen", options.http);
  take.number("http.connections_max", options.http_limits.connections_max);
  take_sessions(take, options.sessions);
  take_broker(take, options.broker);
  take_storage(take, options.storage);
  options.memory = memory_parts(settings);
  options.broker.connection_bytes_max = options.memory.connections;
  return options;
}

}  // namespace millrace
